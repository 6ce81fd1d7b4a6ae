//! Atomics, threads and the other seams that the checkers replace.

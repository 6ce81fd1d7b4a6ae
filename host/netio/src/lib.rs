//! Ports, frames, protocol headers, steering and captures.

//! The nfos command.
fn main() {}

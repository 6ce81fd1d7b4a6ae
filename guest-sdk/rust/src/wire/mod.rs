//! Checked views of headers, one protocol per file: what it is, where its fields lie, the check,
//! getters, setters.
//!
//! A view borrows the frame. Setters keep every checksum right that was right, by updating it for
//! what changed (RFC 1624, equation 3), and leave a wrong one wrong. Each getter and setter is a
//! load or a store: bounds are checked when the view is made.

mod address;
pub mod checksum;
mod ethernet;
mod icmp;
mod ipv4;
mod ipv6;
mod quotation;
mod tcp;
mod transport;
mod udp;

pub use address::{Ipv4Prefix, MacAddress, NotAnAddress};
pub use ethernet::{EtherType, Ethernet, Vlan};
pub use icmp::Icmp;
pub use ipv4::Ipv4;
pub use ipv6::Ipv6;
pub use quotation::Quotation;
pub use tcp::{Tcp, TcpFlags};
pub use transport::Transport;
pub use udp::Udp;

/// Reads 16 bits in network order.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Writes 16 bits in network order.
#[inline]
pub(crate) fn set_word(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Reads 16 bits as they lie, in whatever order: the sum of words whose bytes are swapped has its
/// bytes swapped (RFC 1071, section 2 (B)), so checksums are updated without swapping any.
#[inline]
pub(crate) fn raw_word(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

/// Writes what [`raw_word`] reads.
#[inline]
pub(crate) fn set_raw_word(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_ne_bytes());
}

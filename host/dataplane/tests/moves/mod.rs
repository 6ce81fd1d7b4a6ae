//! Traffic whose every packet is numbered, ports that software steers, and a network function that
//! sees whether anything is out of order.

#[cfg(feature = "dpdk")]
pub(crate) mod rings;
pub(crate) mod traffic;
pub(crate) mod witness;

/// Sets, each of which has packets from both ports.
pub(crate) const SETS: usize = 96;
/// Ports.
pub(crate) const PORTS: usize = 2;
/// The number, among sets, under which a port's orphans go.
pub(crate) const ORPHANS: usize = SETS;

/// Where a frame has the number of its set, and that of the packet.
const SET_AT: usize = 42;
const NUMBER_AT: usize = 44;

/// A frame of a set that arrives at a port.
pub(crate) fn frame(set: usize, port: usize, number: u64) -> Vec<u8> {
    let mut bytes = vec![0; 60];
    bytes[..12].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    if set == ORPHANS {
        bytes[12..14].copy_from_slice(&[0x88, 0xb5]);
    } else {
        bytes[12..14].copy_from_slice(&[8, 0]);
        bytes[14] = 0x45;
        bytes[17] = 46;
        bytes[23] = 17;
        let mut ends = [[10, 0, 0, set as u8], [10, 0, 1, 7]];
        let mut transport = [[0x12, 7], [0, 53]];
        if port == 1 {
            ends.reverse();
            transport.reverse();
        }
        bytes[26..34].copy_from_slice(&ends.concat());
        bytes[34..38].copy_from_slice(&transport.concat());
        bytes[38..40].copy_from_slice(&[0, 26]);
    }
    bytes[SET_AT..SET_AT + 2].copy_from_slice(&(set as u16).to_be_bytes());
    bytes[NUMBER_AT..NUMBER_AT + 8].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Gives a frame another number.
pub(crate) fn renumber(bytes: &mut [u8], number: u64) {
    bytes[NUMBER_AT..NUMBER_AT + 8].copy_from_slice(&number.to_be_bytes());
}

/// The set and the number of a frame.
pub(crate) fn label(bytes: &[u8]) -> (usize, u64) {
    let set = u16::from_be_bytes([bytes[SET_AT], bytes[SET_AT + 1]]);
    let number = bytes[NUMBER_AT..NUMBER_AT + 8].try_into().expect("eight bytes");
    (set.into(), u64::from_be_bytes(number))
}

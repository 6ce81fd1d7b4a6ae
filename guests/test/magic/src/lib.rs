//! What the misbehaving guests share: the frame that they misbehave on, and behaving otherwise.
//!
//! A magic frame has the EtherType 0x88b5, which is for local experiments, and 0xfa in byte 14.
//! Everything else goes from port p to port p xor 1.

use nfos::contract::{self, Configuration, Description, Event, EventKind};
use nfos::prelude::*;

/// Whether a frame is the magic one.
pub fn is_magic(frame: &[u8]) -> bool {
    frame.len() > 14 && frame[12..15] == [0x88, 0xb5, 0xfa]
}

/// Forwards a packet, after misbehaving on a magic one.
pub fn forward(packet: &mut Packet<'_>, misbehave: impl FnOnce()) -> Verdict {
    if is_magic(packet.bytes()) {
        misbehave();
    }
    Verdict::send(packet.port() ^ 1)
}

/// The description of a guest that drives the burst itself: orphans only.
pub fn describe(name: &str) -> Description {
    Description {
        name: name.to_owned(),
        summary: "Misbehaves on a magic frame.".to_owned(),
        ports: 2,
        handles: vec![EventKind::OrphanPacket],
        packet_sets: Vec::new(),
        orphans: Vec::new(),
        state_size: 0,
        window: 128,
        headroom: 0,
        parameters: Vec::new(),
        drop_reasons: Vec::new(),
        events: Vec::new(),
    }
}

/// The configuration of such a guest.
pub fn configuration() -> Configuration {
    Configuration { idle_timeout: 0, packet_sets: 0, periods: Vec::new() }
}

/// The verdict that forwards an event's packet.
pub fn forwarded(event: &Event) -> contract::Verdict {
    contract::Verdict {
        action: contract::Verdict::SEND,
        registration: contract::Verdict::REGISTER_NOT,
        target: event.port ^ 1,
        frame_offset: event.frame_offset,
        frame_length: event.frame_length,
    }
}

/// Whether an event's packet is the magic one.
pub fn has_magic(event: &Event, frames: &[u8]) -> bool {
    let start = event.frame_offset as usize;
    is_magic(&frames[start..start + event.frame_length as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_type_and_byte_14_make_a_frame_magic() {
        let mut frame = [0; 60];
        assert!(!is_magic(&frame));
        frame[12..15].copy_from_slice(&[0x88, 0xb5, 0xfa]);
        assert!(is_magic(&frame));
        assert!(is_magic(&frame[..15]));
        assert!(!is_magic(&frame[..14]));
        frame[14] = 0;
        assert!(!is_magic(&frame));
    }
}

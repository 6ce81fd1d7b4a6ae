//! Panics on a magic frame, with a message.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct PanicWithMessage;

#[nfos::export]
impl NetworkFunction for PanicWithMessage {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let length = packet.wire_length();
        magic::forward(packet, || panic!("a magic frame of {length} bytes"))
    }
}

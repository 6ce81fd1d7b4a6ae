//! Sends another frame through a port that no host has, beside each magic frame.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct SendToMissingPort;

#[nfos::export]
impl NetworkFunction for SendToMissingPort {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || send(60_000, &[0x55; 60]))
    }
}

//! Executes `unreachable` on a magic frame.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct TrapOnMagic;

#[nfos::export]
impl NetworkFunction for TrapOnMagic {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || core::arch::wasm32::unreachable())
    }
}

//! Allocates a mebibyte for each packet and never frees it: what a burst has allocated is forgotten
//! with it.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct ForgetsToFree;

#[nfos::export]
impl NetworkFunction for ForgetsToFree {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
        Verdict::send(packet.port() ^ 1)
    }
}

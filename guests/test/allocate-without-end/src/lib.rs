//! Allocates on a magic frame until there is nothing left.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct AllocateWithoutEnd;

#[nfos::export]
impl NetworkFunction for AllocateWithoutEnd {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || {
            loop {
                std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        })
    }
}

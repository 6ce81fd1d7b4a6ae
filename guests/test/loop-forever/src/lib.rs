//! Never comes back from a magic frame.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct LoopForever;

#[nfos::export]
impl NetworkFunction for LoopForever {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || {
            loop {
                std::hint::black_box(());
            }
        })
    }
}

//! Opens a vector when a magic frame comes.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct OpensOutsideInit;

#[nfos::export]
impl NetworkFunction for OpensOutsideInit {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || {
            let _ = Vector::<u64>::open("late", 4);
        })
    }
}

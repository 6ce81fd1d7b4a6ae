//! Opens one name with two shapes.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

struct TwoShapes;

#[nfos::export]
impl NetworkFunction for TwoShapes {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        let _ = Vector::<u64>::open("shape", 4);
        let _ = Vector::<u64>::open("shape", 8);
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || ())
    }
}

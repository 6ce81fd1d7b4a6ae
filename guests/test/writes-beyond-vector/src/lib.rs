//! Writes behind the end of a vector on a magic frame.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

const LENGTH: u32 = 4;

struct WritesBeyondVector {
    vector: Vector<u64>,
}

#[nfos::export]
impl NetworkFunction for WritesBeyondVector {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self { vector: Vector::open("vector", LENGTH) }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        magic::forward(packet, || self.vector.write(LENGTH, &1))
    }
}

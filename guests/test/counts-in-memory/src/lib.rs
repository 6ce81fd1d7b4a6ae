//! Adds to a shared vector what its own memory counted: a run that is repeated asks for another
//! sum, though its packets look the same.
#![cfg(target_arch = "wasm32")]

use std::sync::atomic::{AtomicI64, Ordering};

use nfos::prelude::*;

static COUNTED: AtomicI64 = AtomicI64::new(0);

#[derive(Cell)]
struct Sum {
    sum: u64,
}

struct CountsInMemory {
    sums: Vector<Sum>,
}

#[nfos::export]
impl NetworkFunction for CountsInMemory {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self { sums: Vector::open("sums", 1) }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        self.sums.add(0_u32, Sum::SUM, COUNTED.fetch_add(1, Ordering::Relaxed));
        Verdict::send(packet.port() ^ 1)
    }
}

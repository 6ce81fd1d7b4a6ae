//! Numbers the packets in its own memory, and writes the number into them: a run that is repeated
//! numbers otherwise.
#![cfg(target_arch = "wasm32")]

use std::sync::atomic::{AtomicU8, Ordering};

use nfos::prelude::*;

static PACKETS: AtomicU8 = AtomicU8::new(0);

struct NumbersInMemory;

#[nfos::export]
impl NetworkFunction for NumbersInMemory {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let number = PACKETS.fetch_add(1, Ordering::Relaxed);
        if let Some(last) = packet.bytes_mut().last_mut() {
            *last = number;
        }
        Verdict::send(packet.port() ^ 1)
    }
}

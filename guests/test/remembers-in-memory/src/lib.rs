//! Lets the first packet of a station go, and drops what its own memory knows: a run that is
//! repeated finds the station known.
#![cfg(target_arch = "wasm32")]

use std::sync::atomic::{AtomicBool, Ordering};

use nfos::prelude::*;

/// By the last byte of the address.
static KNOWN: [AtomicBool; 256] = [const { AtomicBool::new(false) }; 256];

#[derive(Reason)]
enum Reason {
    Known,
}

struct RemembersInMemory;

#[nfos::export]
impl NetworkFunction for RemembersInMemory {
    const PORTS: u16 = 2;
    type Reason = Reason;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let station = packet.bytes().get(11).copied().unwrap_or(0);
        match KNOWN[usize::from(station)].swap(true, Ordering::Relaxed) {
            true => Verdict::drop(Reason::Known),
            false => Verdict::send(packet.port() ^ 1),
        }
    }
}

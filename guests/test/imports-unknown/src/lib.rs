//! Imports something that no host has.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "no safe code can import what the contract does not have")]

use nfos::prelude::*;

#[link(wasm_import_module = "nfos:nf/teleport@0.1.0")]
unsafe extern "C" {
    fn teleport(port: u32);
}

struct ImportsUnknown;

#[nfos::export]
impl NetworkFunction for ImportsUnknown {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        // SAFETY: it takes a number; no host that has it exists.
        magic::forward(packet, || unsafe { teleport(1) })
    }
}

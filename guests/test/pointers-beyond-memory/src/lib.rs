//! Passes a pointer beyond its memory to an import on a magic frame.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "no safe code can pass such a pointer")]

use nfos::prelude::*;

#[link(wasm_import_module = "nfos:nf/send@0.1.0")]
unsafe extern "C" {
    #[link_name = "send"]
    fn raw_send(port: u32, frame: usize, length: usize);
}

struct PointersBeyondMemory;

#[nfos::export]
impl NetworkFunction for PointersBeyondMemory {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        // SAFETY: none: that the host refuses it is what this guest is for.
        magic::forward(packet, || unsafe { raw_send(0, 0xffff_fff0, 60) })
    }
}

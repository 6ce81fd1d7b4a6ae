//! Behaves, but never calls `burst.begin`: its bursts are transactions as a whole.
#![cfg(target_arch = "wasm32")]

use nfos::contract::{Configuration, Description, Event, Verdict};
use nfos::raw;

struct NoBegin;

impl raw::Function for NoBegin {
    fn describe() -> Description {
        magic::describe("no-begin")
    }

    fn init() -> (Self, Configuration) {
        (Self, magic::configuration())
    }

    fn handle(
        &self,
        events: &mut [Event],
        frames: &mut [u8],
        _: &mut [u8],
        verdicts: &mut Vec<Verdict>,
    ) {
        let _ = frames;
        verdicts.extend(events.iter().map(magic::forwarded));
    }
}

nfos::export_raw!(NoBegin);

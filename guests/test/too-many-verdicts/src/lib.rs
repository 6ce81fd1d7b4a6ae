//! Answers a magic frame twice.
#![cfg(target_arch = "wasm32")]

use nfos::contract::{Configuration, Description, Event, Verdict};
use nfos::raw;

struct TooManyVerdicts;

impl raw::Function for TooManyVerdicts {
    fn describe() -> Description {
        magic::describe("too-many-verdicts")
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
        for (index, event) in (0..).zip(&*events) {
            if !raw::begin(index) {
                return;
            }
            verdicts.push(magic::forwarded(event));
            if magic::has_magic(event, frames) {
                verdicts.push(magic::forwarded(event));
            }
        }
    }
}

nfos::export_raw!(TooManyVerdicts);

//! Answers nothing from a magic frame on, though it was told to go on.
#![cfg(target_arch = "wasm32")]

use nfos::contract::{Configuration, Description, Event, Verdict};
use nfos::raw;

struct TooFewVerdicts;

impl raw::Function for TooFewVerdicts {
    fn describe() -> Description {
        magic::describe("too-few-verdicts")
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
            if !raw::begin(index) || magic::has_magic(event, frames) {
                return;
            }
            verdicts.push(magic::forwarded(event));
        }
    }
}

nfos::export_raw!(TooFewVerdicts);

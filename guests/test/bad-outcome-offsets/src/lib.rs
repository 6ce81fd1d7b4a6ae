//! Says that a magic frame lies, or ends, where none of its bytes are: by its byte 15.
#![cfg(target_arch = "wasm32")]

use nfos::contract::{Configuration, Description, Event, Verdict};
use nfos::raw;

struct BadOutcomeOffsets;

impl raw::Function for BadOutcomeOffsets {
    fn describe() -> Description {
        magic::describe("bad-outcome-offsets")
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
            let mut verdict = magic::forwarded(event);
            if magic::has_magic(event, frames) {
                let start = event.frame_offset as usize;
                match frames.get(start + 15) {
                    Some(1) => verdict.frame_length += 1,
                    Some(2) => verdict.frame_length = u32::MAX,
                    Some(3) => verdict.frame_offset += 1,
                    _ => verdict.frame_offset = u32::MAX - 3,
                }
            }
            verdicts.push(verdict);
        }
    }
}

nfos::export_raw!(BadOutcomeOffsets);

//! What the structures of the aggregate state cost, beside what others offer. `bench/README.md`
//! says what each line means.

mod lines;
mod scaling;

use nfos_rounds::{Mode, pin};

fn main() {
    let mode = Mode::of_arguments();
    if let Some((line, runs)) = lines::counted() {
        return lines::count(&line, runs);
    }
    pin();
    lines::measure(mode);
    scaling::measure(mode);
}

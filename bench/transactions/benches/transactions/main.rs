//! What the structures of the aggregate state cost, beside what others offer. `bench/README.md`
//! says what each line means.

mod lines;
mod scaling;

use nfos_bench_transactions::threads::Cores;
use nfos_rounds::{Mode, pin};

fn main() {
    let mode = Mode::of_arguments();
    if let Some((line, runs)) = lines::counted() {
        return lines::count(&line, runs);
    }
    let cores = Cores::of_this_thread();
    pin();
    lines::measure(mode);
    scaling::measure(mode, &cores);
}

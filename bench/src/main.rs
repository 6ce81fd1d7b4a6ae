//! `nfos-bench`: one measurement at a time, as a line of JSON. `ci/bench.sh` makes a page of many.

use nfos_bench::{allocations::Counting, commands};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), String> {
    commands::run()
}

//! Few elements, written by all workers.

#[path = "../../../../guests/array/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/array/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, replay_on_all, told};
use model::ArrayModel;
use proptest::prelude::*;

const ACCESSES: [(&str, &[(&str, &str)]); 4] = [
    ("read", &[("elements", "5"), ("skew", "0.99"), ("work", "1"), ("access", "read")]),
    ("read-write", &[("elements", "5"), ("skew", "0.99"), ("work", "1"), ("access", "read-write")]),
    (
        "write-per-flow",
        &[("elements", "5"), ("skew", "0.99"), ("work", "1"), ("access", "write-per-flow")],
    ),
    ("add", &[("elements", "5"), ("skew", "0.99"), ("work", "1"), ("access", "add")]),
];

#[test]
fn the_benchmark_on_many_workers_is_its_model_in_the_order_of_commits() {
    for (access, parameters) in ACCESSES {
        let outcomes: &[&str] = &["sent 0", "sent 1", "no_handler"];
        let case = Case { parameters, outcomes, ..Case::new("array", 4) };
        let packet = prop_oneof![9 => arrivals::whole(), 1 => arrivals::damaged()];
        let model = || ArrayModel::new(5, 0.99, access, 42, usize::MAX);
        replay_on_all(
            &case,
            packet,
            model,
            |_, _, _| {},
            |model, summary| {
                assert_eq!(told(summary, "sum"), 1);
                assert_eq!(summary.events[0].last_value, model.elements.iter().sum::<u64>());
            },
        );
    }
}

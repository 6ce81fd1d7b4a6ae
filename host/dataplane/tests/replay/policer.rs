//! Few hosts, each with a bucket of its own.

#[path = "../../../../guests/policer/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/policer/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, replay_on_all};
use model::PolicerModel;

#[test]
fn the_policer_on_many_workers_is_its_model_in_the_order_of_commits() {
    let case = Case {
        parameters: &[("rate_bytes_per_second", "2000000"), ("burst_bytes", "3000")],
        outcomes: &["sent 0", "sent 1", "over_rate", "truncated", "not_ipv4", "malformed_ip"],
        ..Case::new("policer", 2)
    };
    let model = || PolicerModel::new(2_000_000, 3_000, usize::MAX);
    replay_on_all(&case, arrivals::arrival(), model, |_, _, _| {}, |_, _| {});
}

//! Sessions open and close from both sides.

#[path = "../../../../guests/firewall/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/firewall/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, MS, replay_on_all};
use model::{FirewallModel, Settings};

#[test]
fn the_firewall_on_many_workers_is_its_model_in_the_order_of_commits() {
    let case = Case {
        parameters: &[("idle_timeout_ms", "20")],
        outcomes: &["sent 0", "sent 1", "unsolicited", "closed", "ttl_expired", "malformed_ip"],
        ..Case::new("firewall", 2)
    };
    let settings =
        Settings { idle_timeout_ns: 20 * MS, capacity: usize::MAX, ..Settings::default() };
    replay_on_all(
        &case,
        arrivals::frame(),
        || FirewallModel::new(settings.clone()),
        |_, _, _| {},
        |_, summary| assert!(summary.packet_sets.registered > summary.packet_sets.expired),
    );
}

//! Backends come and go while their flows are balanced.

#[path = "../../../../guests/maglev/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/maglev/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, MS, replay_on_all};
use model::{MaglevModel, Settings};

#[test]
fn the_balancer_on_many_workers_is_its_model_in_the_order_of_commits() {
    let case = Case {
        parameters: &[
            ("backends_max", "4"),
            ("table_size", "401"),
            ("backend_timeout_ms", "60"),
            ("heartbeat_refresh_interval_ms", "0"),
            ("flow_timeout_ms", "30"),
        ],
        outcomes: &["sent 1", "consumed", "not_vip", "no_backend", "ttl_expired", "malformed_ip"],
        gap_ns: 47 * MS + 300_001,
        ..Case::new("maglev", 2)
    };
    let settings = Settings {
        backends_max: 4,
        table_size: 401,
        backend_timeout_ns: 60 * MS,
        refresh_interval_ns: 0,
        flow_timeout_ns: 30 * MS,
        capacity: usize::MAX,
        ..Settings::default()
    };
    let model = || MaglevModel::new(settings.clone());
    replay_on_all(&case, arrivals::frame(), model, |_, _, _| {}, |_, _| {});
}

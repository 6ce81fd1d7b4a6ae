//! Flows of one packet and more, counted by all workers together.

#[path = "../../../../guests/anti-ddos/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/anti-ddos/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, MS, replay_on_all, told};
use model::{AntiDdosModel, Settings};

#[test]
fn the_detector_on_many_workers_is_its_model_in_the_order_of_commits() {
    let case = Case {
        parameters: &[
            ("action", "drop-new"),
            ("threshold_percent", "60"),
            ("flows_min", "8"),
            ("idle_timeout_ms", "7"),
        ],
        outcomes: &["sent 0", "sent 1", "under_attack"],
        ..Case::new("anti-ddos", 2)
    };
    let settings = Settings {
        threshold_percent: 60,
        flows_min: 8,
        drop_new: true,
        idle_timeout_ns: 7 * MS,
        capacity: usize::MAX,
    };
    replay_on_all(
        &case,
        arrivals::arrival(),
        || AntiDdosModel::new(settings.clone()),
        |_, _, _| {},
        |model, summary| {
            assert_eq!(told(summary, "attack_started"), model.starts as u64);
            assert_eq!(told(summary, "attack_ended"), model.ends as u64);
            assert!(model.starts > 0 && model.ends > 0);
        },
    );
}

//! Stations move from port to port, on many workers at once.

#[path = "../../../../guests/bridge/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/bridge/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, MS, replay_on_all, told};
use arrivals::arrival;
use model::{BridgeModel, Settings};

const OUTCOMES: &[&str] = &["sent 0", "flooded", "same_port", "bad_source", "truncated"];

fn replay(parameters: &'static [(&'static str, &'static str)], refresh_interval_ns: u64) {
    let case = Case { parameters, outcomes: OUTCOMES, ..Case::new("bridge", 4) };
    let settings = Settings {
        capacity: 8,
        ageing_ns: 40 * MS,
        refresh_interval_ns,
        period_ns: 10 * MS,
        expire_max: 256,
    };
    replay_on_all(
        &case,
        arrival(),
        || BridgeModel::new(settings.clone()),
        |_, _, _| {},
        |model, summary| {
            assert_eq!(told(summary, "station_moved"), model.moves);
            assert_eq!(told(summary, "table_full"), model.not_learned);
            assert!(model.moves > 0 && model.not_learned > 0);
        },
    );
}

#[test]
fn the_bridge_on_many_workers_is_its_model_in_the_order_of_commits() {
    replay(&[("capacity", "8"), ("ageing_ms", "40"), ("refresh_interval_ms", "0")], 0);
}

#[test]
fn so_is_the_bridge_that_renews_by_writing() {
    replay(
        &[
            ("capacity", "8"),
            ("ageing_ms", "40"),
            ("refresh_interval_ms", "20"),
            ("refresh", "write"),
        ],
        20 * MS,
    );
}

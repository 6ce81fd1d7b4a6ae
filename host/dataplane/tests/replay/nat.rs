//! Hosts share six external endpoints for each protocol, and there are more of them.

#[path = "../../../../guests/nat/tests/arrivals/mod.rs"]
mod arrivals;
#[path = "../../../../guests/nat/tests/model/mod.rs"]
#[allow(dead_code, reason = "what only the network function's own tests ask")]
mod model;

use crate::{Case, MS, replay_on_all};
use arrivals::{LAN, draw};
use model::{Endpoint, NatModel, Settings, TIGHT};
use nfos::testing::{Arrival, Fate};
use proptest::prelude::*;

/// The external endpoint of a packet that left.
fn source(frame: &[u8]) -> Endpoint {
    let transport = 14 + usize::from(frame[14] & 15) * 4;
    let at = if frame[23] == 1 { transport + 4 } else { transport };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    (u32::from(word(26)) << 16 | u32::from(word(28)), word(at))
}

/// Which external endpoint a mapping gets is not specified; but it must be a free one.
fn choose(model: &mut NatModel, arrival: &Arrival, fate: &Fate) {
    model.chosen = match fate {
        Fate::Sent(_, frame) if arrival.port == LAN => Some(source(frame)),
        _ => None,
    };
}

#[test]
fn nat_on_many_workers_is_its_model_in_the_order_of_commits() {
    let case = Case {
        parameters: &TIGHT,
        outcomes: &["sent 0", "sent 1", "no_mapping", "no_free_port", "not_for_us", "fragment"],
        gap_ns: 170 * MS + 300_001,
        ..Case::new("nat", 2)
    };
    let packet = draw().prop_map(|draw| (draw.port, draw.frame()));
    replay_on_all(
        &case,
        packet,
        || NatModel::new(Settings::tight()),
        choose,
        |model, _| assert!(!model.mappings.is_empty()),
    );
}

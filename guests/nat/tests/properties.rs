//! NAT agrees with the model on anything.

mod model;
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use model::{NatModel, Settings, TIGHT};
use nfos::testing::{Arrival, Fate, Harness, Model};
use nfos::wire::checksum;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use support::*;

/// Whether every checksum that is right in `before` is right in `after`, computed anew.
fn checksums_survive(before: &[u8], after: &[u8]) -> bool {
    let right = |frame: &[u8]| {
        let header = usize::from(frame[14] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
        let transport = &frame[14 + header..14 + total];
        let pseudo = checksum::sum(&frame[26..34], u64::from(frame[23]));
        let right = |bytes: &[u8], pseudo| checksum::finish(checksum::sum(bytes, pseudo)) == 0;
        let body = match frame[23] {
            1 => right(transport, 0),
            17 => {
                let length = usize::from(u16::from_be_bytes([transport[4], transport[5]]));
                let none = transport[6..8] == [0, 0];
                none || right(&transport[..length], pseudo + length as u64)
            }
            _ => right(transport, pseudo + transport.len() as u64),
        };
        (right(&frame[14..14 + header], 0), body)
    };
    right(before) == right(after)
}

/// One packet through NAT and the model.
fn agree_on(
    (nat, model): (&mut Harness, &mut NatModel),
    time_ns: u64,
    draw: &Draw,
) -> Result<String, TestCaseError> {
    let (port, frame) = (draw.port, draw.frame());
    let fate = nat.at(time_ns).packet(port, &frame);
    // Whichever external endpoint a new mapping got, the model follows if it was free.
    model.chosen = match &fate {
        Fate::Sent(_, after) if port == LAN => {
            let transport = 14 + usize::from(after[14] & 15) * 4;
            let at = if after[23] == 1 { transport + 4 } else { transport };
            let (address, port) = end(after, 26, at);
            Some((address.to_bits(), port))
        }
        _ => None,
    };
    let expected = model.packet(&Arrival { time_ns, port, frame: frame.clone() });
    prop_assert_eq!(&fate, &expected, "{:?}", draw);
    Ok(match fate {
        Fate::Sent(to, after) => {
            prop_assert!(checksums_survive(&frame, &after));
            let how = if to == port { "hairpin" } else { "sent" };
            let error = if draw.what > 5 { " error" } else { "" };
            format!("{how} {to}{error}")
        }
        Fate::Dropped(reason) => reason,
        other => format!("{other:?}"),
    })
}

/// What must have come up.
const OUTCOMES: [&str; 15] = [
    "sent 0",
    "sent 1",
    "hairpin 0",
    "sent 0 error",
    "sent 1 error",
    "no_mapping",
    "not_for_us",
    "no_free_port",
    "ttl_expired",
    "truncated",
    "not_ipv4",
    "malformed_ip",
    "malformed_l4",
    "fragment",
    "unsupported_protocol",
];

fn agree_on_anything(cases: u32, settings: &Settings, changes: &[(&str, &str)]) {
    let waits = prop_oneof![
        12 => 0..5 * MILLISECOND,
        3 => 0..600 * MILLISECOND,
        1 => 600 * MILLISECOND..4 * SECOND,
    ];
    let steps = prop::collection::vec((waits, draw()), 200..600);
    let parameters = [changes, &TIGHT].concat();
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let mut harness = Harness::new(nat::NATIVE, &parameters);
        let mut model = NatModel::new(settings.clone());
        let mut time_ns = START;
        for (wait, draw) in steps {
            time_ns += wait;
            let name = agree_on((&mut harness, &mut model), time_ns, &draw)?;
            *reached.borrow_mut().entry(name).or_default() += 1;
        }
        if settings.hold_ns == 0 {
            let held = ["tcp", "udp", "icmp"].map(|name| assert_one_to_one(&mut harness, name, 6));
            prop_assert_eq!(held.iter().sum::<usize>(), model.mappings.len());
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    for name in OUTCOMES {
        assert!(reached.contains_key(name), "{name} never came up: {reached:?}");
    }
    let packets: u64 = reached.values().sum();
    assert!(packets >= u64::from(cases) * 350, "only {packets} packets");
}

#[test]
fn nat_agrees_with_the_model_whatever_comes() {
    agree_on_anything(300, &Settings::tight(), &[]);
}

#[test]
fn nat_that_is_kept_from_both_sides_agrees_with_the_model_whatever_comes() {
    let settings = Settings { inbound_refresh: true, ..Settings::tight() };
    agree_on_anything(100, &settings, &[("inbound_refresh", "true")]);
}

#[test]
fn nat_with_a_rest_agrees_with_the_model_whatever_comes() {
    let settings = Settings { hold_ns: SECOND, ..Settings::tight() };
    agree_on_anything(100, &settings, &[("reuse_hold_s", "1")]);
}

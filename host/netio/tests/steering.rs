//! Which worker gets which frame.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod frames;

use frames::{ALL, ARP, BACK, FORTH, TCP4, TCP4_BACK, UDP4, UDP6, rule, sessions, with};
use nfos_netio::toeplitz::{DEFAULT_KEY, SYMMETRIC_KEY, Toeplitz};
use nfos_netio::{
    Class, Classifier, Field, Key, KeyRule, Layer, PortId, SetRules, Steering, WorkerCountError,
};
use proptest::prelude::*;

const LAN: PortId = PortId::new(0);
const WAN: PortId = PortId::new(1);

fn steering(sets: &[SetRules], orphans: &[KeyRule], workers: usize) -> Steering {
    Steering::new(Classifier::new(sets, orphans).unwrap(), workers).unwrap()
}

fn flow(source: [u8; 4], destination: [u8; 4], ports: [u16; 2], protocol: u8) -> Vec<u8> {
    let mut frame = if protocol == 6 { TCP4.to_vec() } else { UDP4.to_vec() };
    frame[26..30].copy_from_slice(&source);
    frame[30..34].copy_from_slice(&destination);
    frame[34..36].copy_from_slice(&ports[0].to_be_bytes());
    frame[36..38].copy_from_slice(&ports[1].to_be_bytes());
    frame
}

proptest! {
    #[test]
    fn both_directions_of_a_session_meet_one_worker_and_one_key(
        source: [u8; 4],
        destination: [u8; 4],
        ports: [u16; 2],
        tcp: bool,
        workers in 1..=64usize,
    ) {
        let steering = steering(&[sessions()], &[], workers);
        let protocol = if tcp { 6 } else { 17 };
        let forth = flow(source, destination, ports, protocol);
        let back = flow(destination, source, [ports[1], ports[0]], protocol);
        prop_assert_eq!(steering.hash(LAN, &forth), steering.hash(WAN, &back));
        prop_assert_eq!(steering.worker(LAN, &forth), steering.worker(WAN, &back));
        prop_assert!(steering.worker(LAN, &forth) < workers);
        let class = steering.classify(LAN, &forth);
        prop_assert_ne!(class, Class::Orphan);
        prop_assert_eq!(class, steering.classify(WAN, &back));
    }

    #[test]
    fn equal_keys_meet_one_worker_under_any_two_rules(
        orders in (
            Just(FORTH.to_vec()).prop_shuffle(),
            Just(FORTH.to_vec()).prop_shuffle(),
        ),
        symmetric: bool,
        source: [u8; 2],
        destination: [u8; 2],
    ) {
        // Few distinct bytes, so that different frames often have equal keys.
        let tidy = |byte: u8| byte % 2;
        let address = |bytes: [u8; 2]| [tidy(bytes[0]), 0, tidy(bytes[1]), 0];
        let rules = vec![
            KeyRule { symmetric, ..rule(&[0], Layer::Ipv4, &[6], &orders.0) },
            rule(&[1], Layer::Ipv4, &[6], &orders.1),
        ];
        let steering = steering(&[SetRules { name: "any".into(), rules }], &[], 16);
        let frames = [
            flow(address(source), address(destination), [6, 0], 6),
            flow(address(destination), address(source), [0, 6], 6),
        ];
        let all: Vec<_> = [LAN, WAN]
            .into_iter()
            .flat_map(|port| frames.iter().map(move |frame| (port, frame)))
            .map(|(port, frame)| (steering.classify(port, frame), steering.hash(port, frame)))
            .collect();
        for (class, hash) in &all {
            for (other_class, other_hash) in &all {
                prop_assert!(class != other_class || hash == other_hash);
            }
            let Class::Set { key, .. } = class else { panic!("{class:?}") };
            let entry = *hash as usize & (steering.entries() - 1);
            prop_assert_eq!(steering.entry_of(key), entry, "the same from the key alone");
        }
    }

    #[test]
    fn no_frame_breaks_steering(
        frame in proptest::collection::vec(any::<u8>(), 0..100),
        port: u16,
    ) {
        let steering = steering(&[sessions()], &[], 7);
        prop_assert!(steering.worker(PortId::new(port), &frame) < 7);
    }
}

#[test]
fn the_hash_is_what_a_nic_computes() {
    let default = Toeplitz::new(&DEFAULT_KEY);
    let symmetric = Toeplitz::new(&SYMMETRIC_KEY);
    let input = [&TCP4[26..34], &TCP4[34..38]].concat();
    // Both directions: addresses and ports in header order, under the symmetric key.
    let firewall = steering(&[sessions()], &[], 4);
    assert_eq!(firewall.hash(LAN, &TCP4), symmetric.hash(&input));
    // One direction: the default key.
    let flows =
        SetRules { name: "flows".into(), rules: vec![rule(&[], Layer::Ipv4, &[6], &FORTH)] };
    assert_eq!(steering(&[flows], &[], 4).hash(LAN, &TCP4), default.hash(&input));
    // Orphans without a rule: 4-tuple, addresses, MAC addresses, nothing.
    let none = steering(&[], &[], 4);
    assert_eq!(none.hash(LAN, &TCP4), default.hash(&input));
    assert_eq!(none.hash(LAN, &with(&TCP4, 23, 1)), default.hash(&TCP4[26..34]));
    assert_eq!(none.hash(LAN, &with(&TCP4, 21, 1)), default.hash(&TCP4[26..34]));
    assert_eq!(none.hash(LAN, &UDP6), default.hash(&[&UDP6[22..54], &UDP6[54..58]].concat()));
    assert_eq!(none.hash(LAN, &with(&UDP6, 20, 58)), default.hash(&UDP6[22..54]));
    assert_eq!(none.hash(LAN, &ARP), default.hash(&[&ARP[6..12], &ARP[..6]].concat()));
    assert_eq!(none.hash(LAN, &ARP[..13]), 0);
}

#[test]
fn orphan_rules_come_before_what_is_done_without_them() {
    let nat = [
        rule(
            &[0],
            Layer::Ipv4,
            &[6, 17],
            &[Field::SourceAddress, Field::SourcePort, Field::Protocol],
        ),
        rule(&[1], Layer::Ipv4, &[6, 17], &FORTH),
    ];
    let nat = steering(&[], &nat, 16);
    let default = Toeplitz::new(&DEFAULT_KEY);
    let endpoint = [&TCP4[26..30], &TCP4[34..36]].concat();
    assert_eq!(nat.hash(LAN, &TCP4), default.hash(&endpoint));
    assert_eq!(nat.hash(LAN, &with(&TCP4, 33, 77)), default.hash(&endpoint));
    assert_ne!(nat.hash(WAN, &TCP4), nat.hash(WAN, &with(&TCP4, 33, 77)));
    assert_eq!(nat.hash(LAN, &ARP), steering(&[], &[], 16).hash(LAN, &ARP));
}

#[test]
fn a_symmetric_rule_steers_both_directions_to_one_worker() {
    let both = KeyRule { symmetric: true, ..rule(&[], Layer::Ipv4, &[6], &BACK) };
    let both = steering(&[SetRules { name: "both".into(), rules: vec![both] }], &[], 16);
    assert_eq!(both.hash(LAN, &TCP4), both.hash(LAN, &TCP4_BACK));
}

#[test]
fn keys_with_the_protocol_in_two_places_still_meet() {
    // Bytes 6, x, y of one rule are the protocol and a port, of the other a port and the protocol.
    let rules = vec![
        rule(&[0], Layer::Ipv4, &[6], &[Field::Protocol, Field::SourcePort]),
        rule(&[1], Layer::Ipv4, &[6], &[Field::SourcePort, Field::Protocol]),
    ];
    let odd = steering(&[SetRules { name: "odd".into(), rules }], &[], 16);
    let forth = flow([1; 4], [2; 4], [0x0606, 1], 6);
    assert_eq!(odd.classify(LAN, &forth), odd.classify(WAN, &forth));
    assert_eq!(odd.hash(LAN, &forth), odd.hash(WAN, &forth));
}

#[test]
fn the_entry_of_a_set_follows_from_its_key() {
    let protocol = [Field::Protocol];
    let both = [Field::DestinationPort, Field::Protocol, Field::SourceAddress];
    let macs = [Field::DestinationMac, Field::Protocol, Field::SourceMac];
    let all = |layer, key: &[Field], symmetric| {
        let protocols: &[u8] = if layer == Layer::Ethernet { &[] } else { &[6, 17] };
        KeyRule { symmetric, ..rule(&[], layer, protocols, key) }
    };
    let definitions = [
        (all(Layer::Ipv4, &protocol, false), &TCP4[..]),
        (all(Layer::Ipv4, &both, false), &UDP4),
        (all(Layer::Ipv4, &macs, false), &TCP4_BACK),
        (all(Layer::Ipv4, &FORTH, true), &TCP4_BACK),
        (all(Layer::Ipv6, &FORTH, false), &UDP6),
        (all(Layer::Ipv6, &BACK, false), &UDP6),
        (all(Layer::Ethernet, &[Field::SourceMac], false), &ARP),
    ];
    for (rule, frame) in definitions {
        let what = format!("{rule:?}");
        let before = SetRules {
            name: "before".into(),
            rules: vec![KeyRule { ports: vec![7], ..rule.clone() }],
        };
        let set = SetRules { name: "set".into(), rules: vec![rule] };
        let steering = steering(&[before, set], &[], 60);
        let Class::Set { key, definition: 1 } = steering.classify(LAN, frame) else {
            panic!("{what}");
        };
        assert_eq!(steering.entry_of(&key), steering.entry(LAN, frame), "{what}");
        let copy = Key::of_words(*key.words(), key.byte_count() as u8, 1);
        assert_eq!(copy, key);
    }
}

#[test]
fn an_entry_that_is_given_to_another_worker_moves_for_all_who_steer() {
    let steering = steering(&[sessions()], &[], 5);
    let clone = steering.clone();
    let (entry, before) = (steering.entry(LAN, &TCP4), steering.table());
    let to = (steering.worker(LAN, &TCP4) + 1) % 5;
    clone.assign(entry, to);
    assert_eq!((steering.worker(LAN, &TCP4), steering.worker(WAN, &TCP4_BACK)), (to, to));
    let table = steering.table();
    let changed = (0..table.len()).filter(|entry| table[*entry] != before[*entry]);
    assert_eq!(changed.collect::<Vec<_>>(), [entry]);
}

#[test]
fn the_table_gives_every_worker_its_share_and_refuses_impossible_counts() {
    for workers in [1, 2, 3, 23, 64, 127, 128, 1000, 1023] {
        let steering = steering(&[], &[], workers);
        let table = steering.table();
        assert!(table.len() >= 128 && table.len().is_power_of_two());
        let mut shares = vec![0; workers];
        table.iter().for_each(|worker| shares[usize::from(*worker)] += 1);
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        assert!(*least >= 1 && most - least <= 1, "{workers}: {least} to {most}");
    }
    let classifier = Classifier::new(&[], &[]).unwrap();
    for count in [0, 1024] {
        let error = Steering::new(classifier.clone(), count).unwrap_err();
        assert_eq!(error, WorkerCountError(count));
        assert_eq!(error.to_string(), format!("{count} workers: there must be from 1 to 1023"));
    }
}

#[test]
fn sessions_spread_over_the_workers() {
    const FLOWS: usize = 20_000;
    for workers in [2, 8, 23] {
        let steering = steering(&[sessions()], &[], workers);
        let mut counts = vec![0; workers];
        for number in 0..FLOWS as u32 {
            let [_, a, b, c] = number.wrapping_mul(2_654_435_761).to_be_bytes();
            let port = (number.wrapping_mul(40_503) >> 3) as u16;
            counts[steering.worker(LAN, &flow([10, a, b, c], [198, 18, c, a], [port, 443], 6))] +=
                1;
        }
        let fair = FLOWS / workers;
        let all = counts.iter().all(|count| (fair * 7 / 10..fair * 13 / 10).contains(count));
        assert!(all, "{workers}: {counts:?}");
    }
}

#[test]
fn one_flow_keeps_one_worker_whatever_its_payload() {
    let steering = steering(&[sessions()], &[], 8);
    let worker = steering.worker(LAN, &TCP4);
    for byte in 0..=255 {
        assert_eq!(steering.worker(LAN, &with(&TCP4, 55, byte)), worker);
    }
    assert!(ALL.iter().all(|frame| steering.worker(WAN, frame) < 8));
}

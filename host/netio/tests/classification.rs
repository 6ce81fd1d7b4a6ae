//! Which frames belong to which packet set, and by which key.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod frames;

use frames::{
    ALL, ARP, BACK, FORTH, TCP4, TCP4_BACK, UDP4, UDP4_OPTIONS, UDP6, VLAN, rule, sessions, with,
};
use nfos_netio::{Class, Classifier, Field, Key, KeyRule, Layer, PortId, SetRules};
use proptest::prelude::*;

const LAN: PortId = PortId::new(0);
const WAN: PortId = PortId::new(1);

fn set(name: &str, rules: &[KeyRule]) -> SetRules {
    SetRules { name: name.to_string(), rules: rules.to_vec() }
}

fn classifier(sets: &[SetRules]) -> Classifier {
    Classifier::new(sets, &[]).unwrap()
}

/// The key of a frame, which is the same when it is found quickly.
fn key_of(classifier: &Classifier, port: PortId, frame: &[u8]) -> Option<Key> {
    let key = key_by_rules(classifier, port, frame);
    if let Some(quick) = classifier.quick_key(port, frame) {
        assert_eq!(
            (Some(Key::from(quick)), Some(quick.hash64(7))),
            (key, key.map(|key| key.hash64(7)))
        );
    }
    key
}

fn key_by_rules(classifier: &Classifier, port: PortId, frame: &[u8]) -> Option<Key> {
    match classifier.classify(port, frame) {
        Class::Set { key, definition } => {
            assert_eq!(key.definition(), definition);
            Some(key)
        }
        Class::Orphan => None,
    }
}

fn bytes_of(classifier: &Classifier, port: PortId, frame: &[u8]) -> Vec<u8> {
    let key = key_of(classifier, port, frame).expect("the frame belongs to a set");
    key.to_bytes()[..key.byte_count()].to_vec()
}

#[test]
fn a_session_has_one_key_from_both_sides() {
    let firewall = classifier(&[sessions()]);
    let expected = [10, 0, 0, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 80, 6];
    assert_eq!(bytes_of(&firewall, LAN, &TCP4), expected);
    assert_eq!(bytes_of(&firewall, WAN, &TCP4_BACK), expected);
    assert_eq!(key_of(&firewall, LAN, &TCP4), key_of(&firewall, WAN, &TCP4_BACK));
    assert_ne!(key_of(&firewall, LAN, &TCP4), key_of(&firewall, WAN, &TCP4), "oriented by port");
    assert_eq!(firewall.classify(PortId::new(2), &TCP4), Class::Orphan);
    assert_eq!(firewall.classify(PortId::new(u16::MAX), &TCP4), Class::Orphan);
}

#[test]
fn plain_frames_of_a_session_have_a_key_quickly() {
    let firewall = classifier(&[sessions()]);
    for (port, frame) in [(LAN, &TCP4), (WAN, &TCP4_BACK)] {
        let quick = firewall.quick_key(port, frame).map(Key::from);
        assert_eq!(quick, key_of(&firewall, port, frame));
        assert!(quick.is_some());
    }
    let icmp = with(&TCP4, 23, 1);
    for frame in [&UDP6[..], &VLAN, &ARP, &UDP4_OPTIONS, &icmp] {
        assert_eq!(firewall.quick_key(LAN, frame), None);
    }
    assert_eq!(firewall.quick_key(PortId::new(2), &TCP4), None);
    let udp_only = classifier(&[set("udp", &[rule(&[], Layer::Ipv4, &[17], &FORTH)])]);
    assert_eq!(udp_only.quick_key(LAN, &TCP4), None);
    assert!(udp_only.quick_key(LAN, &UDP4).is_some());
}

#[test]
fn options_before_the_transport_change_no_key() {
    let firewall = classifier(&[sessions()]);
    let plain = key_of(&firewall, LAN, &UDP4);
    assert!(plain.is_some());
    assert_eq!(key_of(&firewall, LAN, &UDP4_OPTIONS), plain);
}

#[test]
fn a_symmetric_rule_makes_both_directions_at_one_port_one_set() {
    let both = KeyRule { symmetric: true, ..rule(&[], Layer::Ipv4, &[6], &FORTH) };
    let both = classifier(&[set("both", &[both])]);
    let key = key_of(&both, LAN, &TCP4);
    assert!(key.is_some());
    assert_eq!(key_of(&both, LAN, &TCP4_BACK), key);
    assert_eq!(bytes_of(&both, LAN, &TCP4_BACK)[..4], [10, 0, 0, 1], "smaller endpoint first");
    // Of equal addresses, the smaller port is the smaller endpoint.
    let mut same_host = TCP4;
    same_host[30..34].copy_from_slice(&[10, 0, 0, 1]);
    assert_eq!(bytes_of(&both, LAN, &same_host)[8..12], [0, 80, 0x12, 0x34]);
}

#[test]
fn a_frame_that_breaks_a_frame_rule_is_an_orphan_of_rules_with_ports() {
    let firewall = classifier(&[sessions()]);
    let broken: [(&str, Vec<u8>); 14] = [
        ("F1: 13 bytes", TCP4[..13].to_vec()),
        ("F2: ARP", ARP.to_vec()),
        ("F2: VLAN", VLAN.to_vec()),
        ("F2: IPv6", UDP6.to_vec()),
        ("F3: version", with(&TCP4, 14, 0x65)),
        ("F3: short header", with(&TCP4, 14, 0x44)),
        ("F3: total length below the header's", with(&TCP4, 17, 19)),
        ("F3: total length beyond the frame", with(&TCP4, 17, 47)),
        ("F4: first fragment", with(&TCP4, 20, 0x20)),
        ("F4: later fragment", with(&TCP4, 21, 1)),
        ("F5: data offset", with(&TCP4, 46, 0x40)),
        ("F5: data offset beyond", with(&TCP4, 46, 0x70)),
        ("F5: UDP length below 8", with(&UDP4, 39, 7)),
        ("F5: UDP length beyond", with(&UDP4, 39, 9)),
    ];
    for (what, frame) in broken {
        assert_eq!(firewall.classify(LAN, &frame), Class::Orphan, "{what}");
    }
    assert!(key_of(&firewall, LAN, &with(&TCP4, 17, 46)).is_some(), "up to the frame's end");
    assert!(key_of(&firewall, LAN, &with(&TCP4, 20, 0x40)).is_some(), "DF is no fragment");
}

#[test]
fn a_rule_without_ports_takes_fragments_and_any_transport() {
    let hosts = rule(&[1], Layer::Ipv4, &[], &[Field::DestinationAddress]);
    let policer = classifier(&[set("hosts", &[hosts])]);
    for frame in [
        TCP4.to_vec(),
        with(&TCP4, 21, 1),
        with(&TCP4, 46, 0),
        with(&TCP4, 23, 1),
        with(&UDP4, 39, 7),
    ] {
        assert_eq!(bytes_of(&policer, WAN, &frame), [198, 51, 100, 2]);
        assert_eq!(policer.classify(LAN, &frame), Class::Orphan);
    }
    assert_eq!(policer.classify(WAN, &with(&TCP4, 14, 0x44)), Class::Orphan);
}

#[test]
fn every_ip_protocol_and_ether_type_fits_what_names_it_and_nothing_else() {
    let firewall = classifier(&[sessions()]);
    for protocol in 0..=255u8 {
        let named = rule(&[], Layer::Ipv4, &[protocol], &[Field::Protocol]);
        let only = classifier(&[set("one", &[named])]);
        let frame = with(&TCP4, 23, protocol);
        assert_eq!(bytes_of(&only, LAN, &frame), [protocol]);
        assert_eq!(only.classify(LAN, &with(&frame, 23, protocol ^ 1)), Class::Orphan);
        assert_eq!(firewall.classify(LAN, &frame) != Class::Orphan, protocol == 6);
    }
    let stations = rule(&[], Layer::Ethernet, &[], &[Field::SourceMac]);
    let bridge = classifier(&[set("stations", &[stations])]);
    for ether_type in 0..=u16::MAX {
        let mut frame = TCP4;
        frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        assert_eq!(firewall.classify(LAN, &frame) != Class::Orphan, ether_type == 0x0800);
        assert_eq!(bytes_of(&bridge, LAN, &frame), [2, 0, 0, 0, 0, 1]);
    }
}

#[test]
fn ipv6_fits_with_the_transport_next_and_not_behind_extension_headers() {
    let flows = classifier(&[set("flows", &[rule(&[], Layer::Ipv6, &[6, 17], &FORTH)])]);
    let key = bytes_of(&flows, LAN, &UDP6);
    assert_eq!(key.len(), 37);
    assert_eq!((key[15], key[31], &key[32..]), (1, 2, &[0x12, 0x34, 0, 53, 17][..]));
    let any = classifier(&[set("hosts", &[rule(&[], Layer::Ipv6, &[], &FORTH[..2])])]);
    for extension in [0, 43, 44, 51, 60] {
        let frame = with(&UDP6, 20, extension);
        assert_eq!(flows.classify(LAN, &frame), Class::Orphan);
        assert_eq!(any.classify(LAN, &frame), Class::Orphan);
    }
    assert!(key_of(&any, LAN, &with(&UDP6, 20, 58)).is_some());
    assert_eq!(any.classify(LAN, &with(&UDP6, 19, 9)), Class::Orphan, "payload beyond the frame");
}

#[test]
fn the_first_definition_and_rule_that_fits_decides_and_definitions_never_share_keys() {
    let by_source = rule(&[], Layer::Ipv4, &[17], &[Field::SourceAddress]);
    let by_destination = rule(&[], Layer::Ipv4, &[], &[Field::DestinationAddress]);
    let two = classifier(&[
        set("first", std::slice::from_ref(&by_source)),
        set("second", &[by_source, by_destination]),
    ]);
    let first = key_of(&two, LAN, &UDP4).unwrap();
    assert_eq!((first.definition(), &first.to_bytes()[..4]), (0, &[10, 0, 0, 1][..]));
    let mut reversed = TCP4_BACK;
    reversed[23] = 6;
    let second = key_of(&two, LAN, &reversed).unwrap();
    assert_eq!((second.definition(), &second.to_bytes()[..4]), (1, &[10, 0, 0, 1][..]));
    assert_ne!(first, second);
}

#[test]
fn a_bad_definition_is_refused_by_name() {
    let bad = rule(&[], Layer::Ethernet, &[], &[Field::SourcePort]);
    let error = Classifier::new(&[sessions(), set("odd", &[bad])], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "packet set `odd`, rule 1: the field source-port does not exist at layer ethernet; use \
         layer ipv4 or ipv6"
    );
}

/// Rules over every layer, so that a frame is read in all ways there are.
fn greedy() -> Classifier {
    let all = [
        Field::SourceMac,
        Field::DestinationMac,
        Field::SourceAddress,
        Field::DestinationAddress,
        Field::Protocol,
        Field::SourcePort,
        Field::DestinationPort,
    ];
    let symmetric = |layer| KeyRule { symmetric: true, ..rule(&[2], layer, &[6, 17], &all) };
    classifier(&[
        set("four", &[rule(&[0], Layer::Ipv4, &[6, 17], &all), symmetric(Layer::Ipv4)]),
        set("six", &[rule(&[0], Layer::Ipv6, &[6, 17], &all), symmetric(Layer::Ipv6)]),
        set("hosts", &[rule(&[], Layer::Ipv4, &[], &BACK[..2])]),
        set("hosts6", &[rule(&[], Layer::Ipv6, &[], &BACK[..2])]),
        set("stations", &[rule(&[], Layer::Ethernet, &[], &[Field::DestinationMac])]),
    ])
}

/// Classifies a frame that ends where its allocation does, and the same bytes with others behind
/// them: what lies beyond a frame must not matter.
fn reads_only_the_frame(classifier: &Classifier, frame: &[u8]) -> Class {
    let exact: Box<[u8]> = frame.into();
    let class = classifier.classify(LAN, &exact);
    for beyond in [0x00, 0x45, 0xff] {
        let mut longer = frame.to_vec();
        longer.extend([beyond; 80]);
        assert_eq!(classifier.classify(LAN, &longer[..frame.len()]), class);
    }
    let _ = classifier.classify(PortId::new(2), &exact);
    class
}

#[test]
fn every_truncation_of_a_valid_frame_is_read_within_its_bounds() {
    let classifier = greedy();
    let mut definitions = [0; 5];
    for frame in ALL {
        for length in 0..=frame.len() {
            match reads_only_the_frame(&classifier, &frame[..length]) {
                Class::Set { definition, .. } => definitions[usize::from(definition)] += 1,
                Class::Orphan => assert!(length < 14, "a frame with a header is in some set"),
            }
        }
    }
    // A frame that is cut loses its IP layer with its last byte of payload, so `hosts6` has none.
    assert!([0, 1, 4].iter().all(|definition| definitions[*definition] > 0), "{definitions:?}");
}

proptest! {
    #[test]
    fn changed_bytes_anywhere_never_break_classification(
        which in 0..ALL.len(),
        length in 0..=70usize,
        changes in proptest::collection::vec((0..62usize, any::<u8>()), 0..6),
    ) {
        let mut frame = ALL[which].to_vec();
        frame.resize(length, 0xaa);
        for (at, byte) in changes {
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
        }
        reads_only_the_frame(&greedy(), &frame);
    }

    #[test]
    fn random_bytes_never_break_classification(
        frame in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        reads_only_the_frame(&greedy(), &frame);
    }

    #[test]
    fn a_key_is_its_fields_one_after_another(
        order in Just((0..7usize).collect::<Vec<_>>()).prop_shuffle(),
        count in 1..=7usize,
    ) {
        let all = [
            (Field::SourceMac, TCP4[6..12].to_vec()),
            (Field::DestinationMac, TCP4[..6].to_vec()),
            (Field::SourceAddress, TCP4[26..30].to_vec()),
            (Field::DestinationAddress, TCP4[30..34].to_vec()),
            (Field::Protocol, TCP4[23..24].to_vec()),
            (Field::SourcePort, TCP4[34..36].to_vec()),
            (Field::DestinationPort, TCP4[36..38].to_vec()),
        ];
        let chosen: Vec<_> = order[..count].iter().map(|index| all[*index].clone()).collect();
        let fields: Vec<_> = chosen.iter().map(|(field, _)| *field).collect();
        let expected: Vec<u8> = chosen.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let one = classifier(&[set("one", &[rule(&[], Layer::Ipv4, &[6], &fields)])]);
        prop_assert_eq!(bytes_of(&one, LAN, &TCP4), expected);
    }
}

//! What NAT must hold, each requirement of the RFCs by its number.

mod support;

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use nfos::testing::Fate;
use nfos::testing::frames::{self, Flow};
use support::*;

// RFC 4787.

#[test]
fn rfc4787_req1_one_mapping_for_every_destination() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    for number in 0..50 {
        let other = (Ipv4Addr::new(192, 0, 2, number), 1_000 + u16::from(number));
        assert_eq!(nat.udp(host(1, 5_000), other), outside);
    }
    assert_ne!(nat.udp(host(1, 5_001), SERVER), outside);
}

#[test]
fn rfc4787_req3_no_external_endpoint_has_two_hosts() {
    let mut nat = Nat::new(&[]);
    let mut outsides = BTreeSet::new();
    for number in 1..=250 {
        for port in 1..=40 {
            assert!(outsides.insert(nat.udp(host(number, port), SERVER)));
        }
    }
    // The same number again for another protocol is no overloading.
    assert!(outsides.contains(&nat.tcp(host(1, 1), SERVER, SYN)));
}

#[test]
fn rfc4787_req5_a_mapping_lives_for_its_timeout_and_goes_soon_after() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    assert!(nat.wait(300 * SECOND).udp_back(SERVER, outside).is_some());
    // The refresh interval and a period later.
    assert!(nat.wait(SECOND + 2 * MILLISECOND).udp_back(SERVER, outside).is_none());
}

#[test]
fn rfc4787_req5_no_skipped_refresh_shortens_a_mapping() {
    let mut nat = Nat::new(&[("udp_timeout_s", "120")]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    nat.wait(999 * MILLISECOND).udp(host(1, 5_000), SERVER);
    assert!(nat.wait(120 * SECOND).udp_back(SERVER, outside).is_some());
}

#[test]
fn rfc4787_req6_packets_from_the_lan_keep_a_mapping_and_others_only_if_asked_to() {
    for (inbound_refresh, lives) in [("false", false), ("true", true)] {
        let mut nat = Nat::new(&[("inbound_refresh", inbound_refresh)]);
        let (kept, answered) = (nat.udp(host(1, 1), SERVER), nat.udp(host(1, 2), SERVER));
        for _ in 0..3 {
            nat.wait(200 * SECOND).udp(host(1, 1), SERVER);
            nat.udp_back(SERVER, answered);
        }
        assert!(nat.udp_back(SERVER, kept).is_some());
        assert_eq!(nat.udp_back(SERVER, answered).is_some(), lives);
    }
}

#[test]
fn rfc4787_req8_whoever_sends_reaches_a_mapping() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    let stranger = (Ipv4Addr::new(192, 0, 2, 99), 9);
    assert_eq!(nat.udp_back(stranger, outside), Some(host(1, 5_000)));
}

#[test]
fn rfc4787_req9_a_hairpinned_packet_comes_from_the_external_endpoint_of_its_sender() {
    let mut nat = Nat::new(&[("port0_mac", "02:00:00:00:00:99")]);
    let receiver = nat.udp(host(1, 5_000), SERVER);
    let frame = frames::udp(Flow::new(host(2, 6_000), receiver), b"over the fence");
    let frame = sent(LAN, nat.lan(frame));
    assert_eq!(destination(&frame), host(1, 5_000));
    let sender = nat.udp(host(2, 6_000), SERVER);
    assert_eq!(source(&frame), sender);
    let (own, receivers) = ([2, 0, 0, 0, 0, 0x99], [2, 0, 0, 0, 0, 0xa]);
    assert_eq!((&frame[..6], &frame[6..12]), (&receivers[..], &own[..]));
    let answer = frames::udp(Flow::new(host(1, 5_000), sender), b"and back");
    let answer = sent(LAN, nat.lan(answer));
    assert_eq!((source(&answer), destination(&answer)), (receiver, host(2, 6_000)));
}

#[test]
fn rfc4787_req9_a_packet_to_nobodys_external_endpoint_makes_no_mapping() {
    let mut nat = Nat::new(&[]);
    let fate = nat.lan(frames::udp(Flow::new(host(1, 5_000), (FIRST, 4_444)), b"x"));
    assert_eq!(fate, Fate::dropped("no_mapping"));
    assert_eq!(nat.harness.world().held("udp_mappings_leases"), 0);
}

#[test]
fn rfc4787_req12_errors_neither_end_nor_keep_a_mapping() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    let error = || {
        let quoted = frames::udp(Flow::new(outside, SERVER), b"x");
        frames::icmp_error(SERVER.0, outside.0, (3, 3), &quoted)
    };
    sent(LAN, nat.wan(error()));
    assert!(nat.wait(200 * SECOND).udp_back(SERVER, outside).is_some());
    sent(LAN, nat.wan(error()));
    assert!(nat.wait(102 * SECOND).udp_back(SERVER, outside).is_none());
    assert_eq!(nat.wan(error()), Fate::dropped("no_mapping"));
}

// RFC 5382.

#[test]
fn rfc5382_req1_tcp_has_one_mapping_for_every_destination() {
    let mut nat = Nat::new(&[]);
    let outside = nat.tcp(host(1, 5_000), SERVER, SYN);
    let other = (Ipv4Addr::new(192, 0, 2, 1), 443);
    assert_eq!(nat.tcp(host(1, 5_000), other, SYN), outside);
}

#[test]
fn rfc5382_req2_and_req4_a_syn_from_the_wan_reaches_a_mapping_and_is_else_dropped_in_silence() {
    let mut nat = Nat::new(&[]);
    let outside = nat.tcp(host(1, 5_000), SERVER, SYN);
    // A simultaneous open.
    assert!(nat.tcp_back(SERVER, outside, SYN));
    let unused = (FIRST, outside.1 + 1);
    let fate = nat.wan(frames::tcp(Flow::new(SERVER, unused), SYN, b""));
    assert_eq!(fate, Fate::dropped("no_mapping"));
    assert!(nat.harness.world().sent.is_empty(), "no reset, no error");
}

#[test]
fn rfc5382_req5_an_established_connection_may_be_idle_for_two_hours_and_four_minutes() {
    let mut nat = Nat::new(&[]);
    let outside = nat.connect(host(1, 5_000), SERVER);
    assert!(nat.wait(7_440 * SECOND).tcp_back(SERVER, outside, ACK));
    // And a slice of the transitory timeout more at most.
    assert!(!nat.wait(242 * SECOND).tcp_back(SERVER, outside, ACK));
}

#[test]
fn rfc5382_req5_idle_time_counts_from_the_last_packet_also_one_just_after_a_renewal() {
    // Leases are granted for 5 s, and renewed for 3 s in the millisecond after they run out.
    let timeouts = [("tcp_transitory_timeout_s", "4"), ("tcp_established_timeout_s", "100")];
    let renewed_ms = 5_001 + 20 * 3_001;
    for after_ms in [0, 1, 2, 500, 999, 1_000, 1_001] {
        let mut nat = Nat::new(&timeouts);
        let outside = nat.connect(host(1, 5_000), SERVER);
        nat.wait((renewed_ms + after_ms) * MILLISECOND).tcp(host(1, 5_000), SERVER, ACK);
        nat.wait(100 * SECOND);
        assert!(nat.tcp_back(SERVER, outside, ACK), "{after_ms} ms after a renewal");
        nat.wait(5 * SECOND);
        assert!(!nat.tcp_back(SERVER, outside, ACK), "{after_ms} ms after a renewal");
    }
}

#[test]
fn rfc5382_req5_a_half_open_or_ended_connection_may_be_idle_for_four_minutes() {
    let ends: [(&str, &[(u16, u8)]); 5] = [
        ("half open", &[]),
        ("ended from the LAN", &[(WAN, SYN_ACK), (LAN, FIN_ACK)]),
        ("ended from the WAN", &[(WAN, SYN_ACK), (WAN, FIN_ACK), (LAN, ACK)]),
        ("reset from the LAN", &[(WAN, SYN_ACK), (LAN, RST)]),
        ("reset from the WAN", &[(WAN, RST)]),
    ];
    for (what, packets) in ends {
        let mut nat = Nat::new(&[]);
        let outside = nat.tcp(host(1, 5_000), SERVER, SYN);
        for &(port, flags) in packets {
            match port {
                LAN => assert_eq!(nat.tcp(host(1, 5_000), SERVER, flags), outside),
                _ => assert!(nat.tcp_back(SERVER, outside, flags)),
            }
        }
        let probe = nat.harness.world().held("tcp_mappings_leases");
        assert_eq!(probe, 1);
        nat.wait(240 * SECOND);
        assert_eq!(nat.harness.world().held("tcp_mappings_leases"), 1, "{what}");
        nat.wait(SECOND + 2 * MILLISECOND);
        assert_eq!(nat.harness.world().held("tcp_mappings_leases"), 0, "{what}");
    }
}

#[test]
fn rfc7857_s2_a_connection_that_goes_on_after_a_reset_is_alive() {
    let goes_on: [(u16, u8, &[u8], bool); 5] = [
        (LAN, PSH_ACK, b"data", true),
        (WAN, PSH_ACK, b"data", true),
        (LAN, SYN, b"", true),
        (LAN, ACK, b"", false),
        (WAN, RST, b"data", false),
    ];
    for (port, flags, data, lives) in goes_on {
        let mut nat = Nat::new(&[]);
        let outside = nat.connect(host(1, 5_000), SERVER);
        assert!(nat.tcp_back(SERVER, outside, RST));
        let _ = match port {
            LAN => nat.lan(frames::tcp(Flow::new(host(1, 5_000), SERVER), flags, data)),
            _ => nat.wan(frames::tcp(Flow::new(SERVER, outside), flags, data)),
        };
        nat.wait(1_000 * SECOND);
        assert_eq!(nat.tcp_back(SERVER, outside, ACK), lives, "{port} {flags:#x} {data:?}");
    }
}

#[test]
fn a_hairpinned_packet_is_no_answer_of_the_wan() {
    let mut nat = Nat::new(&[]);
    let receiver = nat.tcp(host(1, 5_000), SERVER, SYN);
    sent(LAN, nat.lan(frames::tcp(Flow::new(host(2, 6_000), receiver), SYN_ACK, b"")));
    nat.wait(242 * SECOND);
    assert_eq!(nat.harness.world().held("tcp_mappings_leases"), 0);
}

// RFC 5508.

#[test]
fn rfc5508_req1_answers_to_echo_requests_come_back() {
    let mut nat = Nat::new(&[]);
    let mut outsides = BTreeSet::new();
    for number in 1..=20 {
        let (inside, _) = host(number, 0);
        let outside = source(&sent(WAN, nat.lan(echo(8, inside, SERVER.0, 77))));
        assert!(outsides.insert(outside));
        let reply = sent(LAN, nat.wan(echo(0, SERVER.0, FIRST, outside.1)));
        assert_eq!(destination(&reply), (inside, 77));
        assert_eq!(reply[14..], frames::with_ttl(echo(0, SERVER.0, inside, 77), 63)[14..]);
    }
}

#[test]
fn rfc5508_req2_an_echo_request_is_remembered_for_a_minute() {
    let mut nat = Nat::new(&[]);
    let outside = source(&sent(WAN, nat.lan(echo(8, host(1, 0).0, SERVER.0, 77))));
    let reply = || echo(0, SERVER.0, FIRST, outside.1);
    sent(LAN, nat.wait(60 * SECOND).wan(reply()));
    let late = nat.wait(SECOND + 2 * MILLISECOND).wan(reply());
    assert_eq!(late, Fate::dropped("no_mapping"));
}

/// The packet of each protocol that an error is about, as its sender sent it.
fn quotable(protocol: u8, from: End, to: End) -> Vec<u8> {
    match protocol {
        6 => frames::tcp(Flow::new(from, to), ACK, b"quoted"),
        17 => frames::udp(Flow::new(from, to), b"quoted"),
        _ => echo(8, from.0, to.0, from.1),
    }
}

#[test]
fn rfc5508_req4_an_error_from_the_wan_is_as_if_the_host_had_sent_the_packet_itself() {
    for protocol in [1, 6, 17] {
        for kind in [(3, 1), (3, 4), (11, 0), (12, 0)] {
            for quoted in [28, 40, 1_000] {
                let mut nat = Nat::new(&[]);
                let inside = host(1, 5_000);
                let outside = source(&sent(WAN, nat.lan(quotable(protocol, inside, SERVER))));
                let router = Ipv4Addr::new(192, 0, 2, 254);
                let about = |from: End| {
                    let mut packet = quotable(protocol, from, SERVER);
                    packet.truncate(14 + quoted);
                    frames::icmp_error(router, from.0, kind, &packet)
                };
                let frame = sent(LAN, nat.wan(about(outside)));
                let direct = frames::with_ttl(about(inside), 63);
                assert_eq!(frame[14..], direct[14..], "protocol {protocol}, {kind:?}, {quoted}");
            }
        }
    }
}

#[test]
fn rfc5508_req5_an_error_from_the_lan_is_as_if_it_were_about_the_external_endpoint() {
    for protocol in [1, 6, 17] {
        let mut nat = Nat::new(&[]);
        let inside = host(1, 5_000);
        let outside = source(&sent(WAN, nat.lan(quotable(protocol, inside, SERVER))));
        let about = |to: End| {
            let packet = match protocol {
                1 => echo(0, SERVER.0, to.0, to.1),
                _ => quotable(protocol, SERVER, to),
            };
            frames::icmp_error(to.0, SERVER.0, (3, 3), &packet)
        };
        let frame = sent(WAN, nat.lan(about(inside)));
        assert_eq!(frame, frames::with_ttl(about(outside), 63), "protocol {protocol}");
        let nobody = nat.lan(about(host(2, 5_000)));
        assert_eq!(nobody, Fate::dropped("no_mapping"));
    }
}

#[test]
fn rfc5508_req6_errors_from_the_lan_neither_make_nor_keep_a_mapping() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 5_000), SERVER);
    nat.wait(200 * SECOND);
    let quoted = frames::udp(Flow::new(SERVER, host(1, 5_000)), b"x");
    sent(WAN, nat.lan(frames::icmp_error(host(1, 0).0, SERVER.0, (3, 3), &quoted)));
    assert!(nat.wait(102 * SECOND).udp_back(SERVER, outside).is_none());
    let fate = nat.lan(frames::icmp_error(host(1, 0).0, SERVER.0, (3, 3), &quoted));
    assert_eq!(fate, Fate::dropped("no_mapping"));
    assert_eq!(nat.harness.world().held("udp_mappings_leases"), 0);
}

#[test]
fn source_quenches_redirects_and_other_messages_are_not_supported() {
    let mut nat = Nat::new(&[]);
    nat.udp(host(1, 5_000), SERVER);
    for kind in (0..=255).filter(|kind| ![0, 3, 8, 11, 12].contains(kind)) {
        let quoted = frames::udp(Flow::new((FIRST, 1_024), SERVER), b"x");
        let fate = nat.wan(frames::icmp_error(SERVER.0, FIRST, (kind, 0), &quoted));
        assert_eq!(fate, Fate::dropped("unsupported_protocol"), "type {kind}");
    }
    let reply = nat.lan(echo(0, host(1, 0).0, SERVER.0, 1));
    assert_eq!(reply, Fate::dropped("unsupported_protocol"));
}

#[test]
fn there_is_no_hairpin_for_icmp_and_no_answer_to_echo_requests() {
    let mut nat = Nat::new(&[]);
    let outside = source(&sent(WAN, nat.lan(echo(8, host(1, 0).0, SERVER.0, 77))));
    let quoted = frames::udp(Flow::new(SERVER, host(1, 5_000)), b"x");
    for fate in [
        nat.lan(echo(8, host(2, 0).0, FIRST, outside.1)),
        nat.lan(frames::icmp_error(host(1, 0).0, FIRST, (3, 3), &quoted)),
        nat.wan(echo(8, SERVER.0, FIRST, outside.1)),
    ] {
        assert_eq!(fate, Fate::dropped("no_mapping"));
    }
}

// RFC 6888 and the pool.

#[test]
fn rfc6888_req8_a_freed_endpoint_rests_for_as_long_as_asked() {
    let parameters =
        [("port_first", "7"), ("port_last", "7"), ("reuse_hold_s", "120"), ("udp_timeout_s", "10")];
    let mut nat = Nat::new(&parameters);
    let outside = nat.udp(host(1, 1), SERVER);
    nat.wait(11 * SECOND + 2 * MILLISECOND);
    assert!(nat.udp_back(SERVER, outside).is_none());
    let other = || frames::udp(Flow::new(host(2, 2), SERVER), b"x");
    assert_eq!(nat.lan(other()), Fate::dropped("no_free_port"));
    assert_eq!(nat.wait(120 * SECOND).lan(other()), Fate::dropped("no_free_port"));
    assert_eq!(source(&sent(WAN, nat.wait(2 * SECOND).lan(other()))), outside);
}

#[test]
fn an_empty_pool_refuses_new_mappings_and_keeps_the_old() {
    let mut nat = Nat::new(&[("port_first", "2000"), ("port_last", "2099")]);
    let outsides: Vec<_> = (0..100).map(|port| nat.udp(host(1, port), SERVER)).collect();
    let refused = nat.lan(frames::udp(Flow::new(host(2, 1), SERVER), b"x"));
    assert_eq!(refused, Fate::dropped("no_free_port"));
    for (port, outside) in (0..).zip(outsides) {
        assert_eq!(nat.udp(host(1, port), SERVER), outside);
        assert_eq!(nat.udp_back(SERVER, outside), Some(host(1, port)));
    }
    nat.tcp(host(2, 1), SERVER, SYN);
}

#[test]
fn every_endpoint_of_every_address_is_used_before_one_is_refused() {
    let mut nat = Nat::new(&[("external_addresses", "3"), ("port_first", "65534")]);
    let outsides: BTreeSet<_> = (1..=6).map(|port| nat.udp(host(1, port), SERVER)).collect();
    let all = (1..=3)
        .flat_map(|last| [65_534, 65_535].map(|port| (Ipv4Addr::new(203, 0, 113, last), port)));
    assert_eq!(outsides, all.collect());
}

#[test]
fn what_has_run_out_is_used_again_also_before_the_period_finds_it() {
    let mut nat = Nat::new(&[("port_first", "7"), ("port_last", "7"), ("udp_timeout_s", "10")]);
    let outside = nat.udp(host(1, 1), SERVER);
    // Between two periods, since the first begins with the run.
    nat.wait(11 * SECOND).wait(1);
    assert_eq!(nat.udp(host(2, 2), SERVER), outside);
    assert_eq!(nat.udp_back(SERVER, outside), Some(host(2, 2)));
}

#[test]
fn a_million_sessions_go_through_a_thousand_endpoints() {
    let parameters = [("port_first", "1000"), ("port_last", "1999"), ("udp_timeout_s", "2")];
    let mut nat = Nat::new(&parameters);
    let mut used = HashMap::<u16, u64>::new();
    for session in 0..1_000_000_u64 {
        // A thousand sessions last for 3.1 s, and a mapping for 3 s and a period.
        nat.wait(3_100_000);
        let inside = host((session % 250) as u8, (session / 250 % 60_000) as u16);
        let outside = nat.udp(inside, SERVER);
        assert_eq!(nat.udp_back(SERVER, outside), Some(inside), "session {session}");
        *used.entry(outside.1).or_default() += 1;
    }
    assert!(used.keys().all(|port| (1_000..2_000).contains(port)));
    assert!(used.len() > 900, "{} endpoints", used.len());
    assert_one_to_one(&mut nat.harness, "udp", 1_000);
}

// The router.

#[test]
fn a_hop_is_counted_and_a_packet_without_one_makes_no_mapping() {
    let mut nat = Nat::new(&[]);
    let frame = |ttl| frames::with_ttl(frames::udp(Flow::new(host(1, 1), SERVER), b"x"), ttl);
    for ttl in [0, 1] {
        assert_eq!(nat.lan(frame(ttl)), Fate::dropped("ttl_expired"));
    }
    assert_eq!(nat.harness.world().held("udp_mappings_leases"), 0);
    assert_eq!(sent(WAN, nat.lan(frame(64)))[22], 63);
    assert_eq!(sent(WAN, nat.lan(frame(2)))[22], 1);
}

#[test]
fn fragments_are_dropped_from_both_sides() {
    let mut nat = Nat::new(&[]);
    let outside = nat.udp(host(1, 1), SERVER);
    for word in [0x2000, 0x2010, 0x0010] {
        let flow = Flow::new(host(1, 1), SERVER);
        let fate = nat.lan(frames::with_fragment(frames::udp(flow, b"x"), word));
        assert_eq!(fate, Fate::dropped("fragment"));
        let flow = Flow::new(SERVER, outside);
        let fate = nat.wan(frames::with_fragment(frames::udp(flow, b"x"), word));
        assert_eq!(fate, Fate::dropped("fragment"));
    }
}

#[test]
fn a_host_that_moves_to_another_station_is_reached_there() {
    let mut nat = Nat::new(&[]);
    let mut frame = frames::udp(Flow::new(host(1, 1), SERVER), b"x");
    let outside = source(&sent(WAN, nat.lan(frame.clone())));
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0x77]);
    nat.lan(frame);
    let answer = sent(LAN, nat.wan(frames::udp(Flow::new(SERVER, outside), b"x")));
    assert_eq!(answer[..6], [2, 0, 0, 0, 0, 0x77]);
}

#[test]
#[should_panic(expected = "`refresh_interval_ms` is 30001, but should be at most half of the \
                           shortest timeout, 30000")]
fn a_refresh_interval_above_half_of_the_shortest_timeout_is_refused() {
    Nat::new(&[("refresh_interval_ms", "30001")]);
}

#[test]
#[should_panic(expected = "`port_first` is above `port_last`")]
fn a_range_of_ports_without_any_is_refused() {
    Nat::new(&[("port_first", "2"), ("port_last", "1")]);
}

#[test]
#[should_panic(expected = "go beyond 255.255.255.255")]
fn addresses_beyond_the_last_are_refused() {
    Nat::new(&[("external_address", "255.255.255.255"), ("external_addresses", "2")]);
}

/// The ICMP message that the LAN was sent last, of its type and code, to a host.
fn last_error(nat: &mut Nat) -> (u8, u8, Vec<u8>) {
    let (port, frame) = nat.harness.world().sent.last().cloned().expect("an error was sent");
    assert_eq!(port, LAN);
    assert_eq!((frame[23], frame[22], frame[15]), (1, 64, 0xc0));
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let sum = |bytes: &[u8]| {
        let sum = bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
        let sum: u32 = sum.sum();
        (sum & 0xffff) + (sum >> 16)
    };
    assert_eq!(usize::from(word(16)), frame.len() - 14);
    assert_eq!((sum(&frame[14..34]), sum(&frame[34..])), (0xffff, 0xffff), "its checksums");
    assert_eq!(frame[26..30], FIRST.octets(), "from the first external address");
    (frame[34], frame[35], frame[14..].to_vec())
}

#[test]
fn rfc5508_req8_a_host_is_told_that_no_port_is_left() {
    let one = [("port_first", "5000"), ("port_last", "5000"), ("icmp_errors", "true")];
    let mut nat = Nat::new(&one);
    nat.udp(host(1, 1), SERVER);
    assert!(nat.harness.world().sent.is_empty());
    let refused = frames::udp(Flow::new(host(2, 7), SERVER), &[7; 300]);
    assert_eq!(nat.lan(refused.clone()), Fate::dropped("no_free_port"));
    let (kind, code, error) = last_error(&mut nat);
    assert_eq!((kind, code), (3, 13));
    assert_eq!(error[16..20], host(2, 7).0.octets(), "to its sender");
    assert_eq!(error[28..], refused[14..14 + 128], "of which it quotes the beginning");
    let frame = &nat.harness.world().sent.last().expect("it is there").1;
    assert_eq!((&frame[..6], &frame[6..12]), (&refused[6..12], &refused[..6]));
}

#[test]
fn rfc1812_a_host_is_told_that_no_hop_is_left_and_about_errors_and_to_many_nothing() {
    let mut nat = Nat::new(&[("icmp_errors", "true")]);
    let dying = |frame: Vec<u8>| frames::with_ttl(frame, 1);
    let datagram = frames::udp(Flow::new(host(1, 1), SERVER), b"x");
    assert_eq!(nat.lan(dying(datagram.clone())), Fate::dropped("ttl_expired"));
    assert_eq!(last_error(&mut nat).0, 11);
    let broadcast = (Ipv4Addr::BROADCAST, 9);
    let group = (Ipv4Addr::new(224, 0, 0, 1), 9);
    let quoted = frames::udp(Flow::new(SERVER, host(1, 1)), b"x");
    for silent in [
        frames::icmp_error(host(1, 1).0, SERVER.0, (3, 3), &quoted),
        frames::udp(Flow::new(host(1, 1), broadcast), b"x"),
        frames::udp(Flow::new(host(1, 1), group), b"x"),
        frames::udp(Flow::new((Ipv4Addr::UNSPECIFIED, 68), SERVER), b"x"),
    ] {
        assert_eq!(nat.lan(dying(silent)), Fate::dropped("ttl_expired"));
    }
    // Neither is the WAN.
    let outside = nat.udp(host(1, 1), SERVER);
    let back = frames::udp(Flow::new(SERVER, outside), b"x");
    assert_eq!(nat.wan(dying(back)), Fate::dropped("ttl_expired"));
    let mut to_all = dying(datagram);
    to_all[..6].fill(0xff);
    assert_eq!(nat.lan(to_all), Fate::dropped("ttl_expired"));
    assert_eq!(nat.harness.world().sent.len(), 1);
}

#[test]
fn errors_are_limited_in_each_second() {
    let mut nat = Nat::new(&[("icmp_errors", "true"), ("icmp_errors_per_second", "3")]);
    let dying = || frames::with_ttl(frames::udp(Flow::new(host(1, 1), SERVER), b"x"), 1);
    for second in 1..=4 {
        for _ in 0..10 {
            assert_eq!(nat.lan(dying()), Fate::dropped("ttl_expired"));
        }
        assert_eq!(nat.harness.world().sent.len(), 3 * second);
        nat.wait(SECOND + 2 * MILLISECOND);
    }
}

#[test]
fn without_being_asked_to_nat_sends_nothing_of_its_own() {
    let mut nat = Nat::new(&[]);
    let dying = frames::with_ttl(frames::udp(Flow::new(host(1, 1), SERVER), b"x"), 1);
    assert_eq!(nat.lan(dying), Fate::dropped("ttl_expired"));
    assert!(nat.harness.world().sent.is_empty());
}

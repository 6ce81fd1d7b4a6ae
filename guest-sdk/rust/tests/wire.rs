//! Header views on frames: what they refuse, and that no setter breaks a checksum.

use nfos::prelude::*;
use nfos::testing::frames::{self, Flow};
use proptest::prelude::*;

const FLOW: Flow =
    Flow::new((Ipv4Addr::new(10, 0, 0, 1), 1_234), (Ipv4Addr::new(192, 0, 2, 7), 80));

fn edit<R>(frame: &mut [u8], edit: impl FnOnce(&mut Packet) -> R) -> R {
    edit(&mut Packet::new(0, frame, 0))
}

/// What the checksums would be if they were computed anew: of IP, and of TCP or UDP.
fn recomputed(frame: &[u8]) -> (u16, u16) {
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let mut copy = frame.to_owned();
    frames::fix_ipv4_checksum(&mut copy);
    let address = |at: usize| Ipv4Addr::new(frame[at], frame[at + 1], frame[at + 2], frame[at + 3]);
    let flow = Flow::new((address(26), word(34)), (address(30), word(36)));
    let mut transport = frame[34..].to_owned();
    let at = if frame[23] == TCP { 16 } else { 6 };
    transport[at..at + 2].fill(0);
    let check = frames::transport_checksum(flow, frame[23], &transport);
    let check = if frame[23] == UDP && check == 0 { 0xffff } else { check };
    (u16::from_be_bytes([copy[24], copy[25]]), check)
}

fn stored(frame: &[u8]) -> (u16, u16) {
    let at = if frame[23] == TCP { 50 } else { 40 };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    (word(24), word(at))
}

proptest! {
    #[test]
    fn setters_keep_checksums_equal_to_recomputation(
        tcp in any::<bool>(),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        addresses in any::<(u32, u32)>(),
        ports in any::<(u16, u16)>(),
        dscp in 0..64_u8,
    ) {
        let mut frame = match tcp {
            true => frames::tcp(FLOW, 0x18, &payload),
            false => frames::udp(FLOW, &payload),
        };
        edit(&mut frame, |packet| -> Result<(), FrameReason> {
            let mut ip = packet.ipv4()?;
            ip.set_source(Ipv4Addr::from_bits(addresses.0));
            ip.set_destination(Ipv4Addr::from_bits(addresses.1));
            ip.set_dscp(dscp);
            ip.decrement_ttl()?;
            match ip.transport()? {
                Transport::Tcp(mut tcp) => {
                    tcp.set_source_port(ports.0);
                    tcp.set_destination_port(ports.1);
                }
                Transport::Udp(mut udp) => {
                    udp.set_source_port(ports.0);
                    udp.set_destination_port(ports.1);
                }
                Transport::Icmp(_) => unreachable!("it is not ICMP"),
            }
            Ok(())
        }).expect("a valid frame");
        prop_assert_eq!(stored(&frame), recomputed(&frame));
        prop_assert_eq!(frame[22], 63);
    }

    #[test]
    fn views_of_anything_neither_panic_nor_reach_beyond_it(
        mut frame in prop::collection::vec(any::<u8>(), 0..120),
        make_ip in any::<bool>(),
        window in 0..120_usize,
    ) {
        if make_ip && frame.len() > 24 {
            frame[12..14].copy_from_slice(&[8, 0]);
            frame[14] = 0x40 | frame[14] & 0x0f;
            frame[23] = [1, 6, 17][usize::from(frame[23]) % 3];
        }
        let wire_length = frame.len();
        frame.truncate(window);
        let ethernet = nfos::wire::Ethernet::new_checked(&mut frame, wire_length);
        let ip = ethernet.and_then(nfos::wire::Ethernet::into_ipv4);
        if let Ok(mut ip) = ip {
            ip.set_source(Ipv4Addr::BROADCAST);
            prop_assert_eq!(ip.source(), Ipv4Addr::BROADCAST);
            let ttl = ip.ttl();
            prop_assert_eq!(ip.decrement_ttl().is_ok(), ttl >= 2);
            prop_assert!(ip.options().len() + ip.payload().len() + 34 <= window.min(wire_length));
            prop_assert!(ip.transport().is_err() || !ip.is_fragment());
            if let Ok(mut quotation) = ip.icmp().and_then(Icmp::into_quotation) {
                quotation.set_source(Ipv4Addr::BROADCAST);
                quotation.set_destination_port(7);
            }
        }
    }
}

/// An error that quotes the first `quoted` bytes of a packet of `flow`.
fn error_about(protocol: u8, flow: Flow, quoted: usize) -> Vec<u8> {
    let identifier = flow.source.1.to_be_bytes();
    let mut frame = match protocol {
        TCP => frames::tcp(flow, 0x18, b"quoted"),
        UDP => frames::udp(flow, b"quoted"),
        _ => {
            let rest = [identifier[0], identifier[1], 0, 1];
            frames::icmp(flow.source.0, flow.destination.0, (Icmp::ECHO_REQUEST, 0), rest, b"ping")
        }
    };
    frame.truncate(14 + quoted);
    frames::icmp_error(flow.destination.0, flow.source.0, (Icmp::TIME_EXCEEDED, 0), &frame)
}

proptest! {
    /// The error about the changed packet is the error about the packet, changed.
    #[test]
    fn a_quotation_changes_as_the_quoted_packet_would(
        protocol in prop::sample::select(vec![ICMP, TCP, UDP]),
        // A cut through the middle of a checksum leaves half of it as it was.
        quoted in (14..30_usize).prop_map(|pairs| 2 * pairs),
        source in any::<(u32, u16)>(),
        destination in any::<(u32, u16)>(),
    ) {
        let source = (Ipv4Addr::from_bits(source.0), source.1);
        let destination = (Ipv4Addr::from_bits(destination.0), destination.1);
        let mut frame = error_about(protocol, FLOW, quoted);
        edit(&mut frame, |packet| -> Result<(), FrameReason> {
            let mut ip = packet.ipv4()?;
            ip.set_source(destination.0);
            ip.set_destination(source.0);
            let mut quotation = ip.icmp()?.into_quotation()?;
            quotation.set_source(source.0);
            quotation.set_source_port(source.1);
            quotation.set_destination(destination.0);
            quotation.set_destination_port(destination.1);
            Ok(())
        }).expect("a valid error");
        prop_assert_eq!(frame, error_about(protocol, Flow { source, destination }, quoted));
    }
}

#[test]
fn a_quotation_of_less_than_eight_bytes_behind_its_header_is_malformed() {
    for quoted in 0..=28 {
        let mut frame = error_about(UDP, FLOW, quoted);
        let quotation = edit(&mut frame, |packet| {
            packet.ipv4()?.icmp()?.into_quotation().map(|quotation| quotation.source_port())
        });
        let expected = if quoted < 28 { Err(FrameReason::MalformedL4) } else { Ok(Some(1_234)) };
        assert_eq!(quotation, expected, "{quoted} bytes");
    }
}

#[test]
fn only_who_chose_an_identifier_has_it_as_a_port() {
    for (message_type, ports) in [
        (Icmp::ECHO_REQUEST, (Some(7), None)),
        (Icmp::ECHO_REPLY, (None, Some(7))),
        (Icmp::UNREACHABLE, (None, None)),
    ] {
        let (source, destination) = (FLOW.source.0, FLOW.destination.0);
        let mut frame = frames::icmp(source, destination, (message_type, 0), [0, 7, 0, 1], b"x");
        let found = edit(&mut frame, |packet| {
            let mut ip = packet.ipv4().unwrap();
            let transport = ip.transport().unwrap();
            (transport.source_port(), transport.destination_port())
        });
        assert_eq!(found, ports, "type {message_type}");
    }
}

#[test]
fn udp_without_a_checksum_never_gets_one() {
    let mut frame = frames::without_udp_checksum(frames::udp(FLOW, b"payload"));
    edit(&mut frame, |packet| {
        let mut ip = packet.ipv4().unwrap();
        ip.set_source(Ipv4Addr::new(1, 2, 3, 4));
        ip.udp().unwrap().set_source_port(9);
    });
    assert_eq!(frame[40..42], [0, 0]);
}

#[test]
fn a_computed_udp_checksum_of_zero_is_sent_as_all_ones() {
    for port in 0..=u16::MAX {
        let mut frame = frames::udp(FLOW, b"x");
        edit(&mut frame, |packet| packet.ipv4().unwrap().udp().unwrap().set_source_port(port));
        assert_ne!(frame[40..42], [0, 0], "port {port}");
        assert_eq!(stored(&frame), recomputed(&frame), "port {port}");
    }
}

#[test]
fn a_time_to_live_below_two_has_expired() {
    for (ttl, left) in [(0, None), (1, None), (2, Some(1)), (64, Some(63))] {
        let mut frame = frames::with_ttl(frames::udp(FLOW, b""), ttl);
        let counted = edit(&mut frame, |packet| packet.ipv4().unwrap().decrement_ttl());
        match left {
            None => assert_eq!(counted, Err(FrameReason::TtlExpired)),
            Some(left) => assert_eq!(frame, frames::with_ttl(frames::udp(FLOW, b""), left)),
        }
    }
}

#[test]
fn padding_is_no_payload() {
    let mut frame = frames::padded(frames::udp(FLOW, b"abc"), 60);
    edit(&mut frame, |packet| {
        assert_eq!(packet.ipv4().unwrap().udp().unwrap().payload(), b"abc");
    });
}

#[test]
fn lengths_are_judged_by_the_wire_and_not_by_the_window() {
    let mut frame = frames::udp(FLOW, &[7; 1_000]);
    let wire_length = frame.len();
    frame.truncate(60);
    let ethernet = nfos::wire::Ethernet::new_checked(&mut frame, wire_length).unwrap();
    let mut ip = ethernet.into_ipv4().unwrap();
    assert_eq!(ip.udp().unwrap().length(), 1_008);
    let short = nfos::wire::Ethernet::new_checked(&mut frame, 60).unwrap();
    assert_eq!(short.into_ipv4().err(), Some(FrameReason::MalformedIp));
}

#[test]
fn a_header_behind_the_window_is_truncated_and_not_malformed() {
    let mut frame = frames::tcp(FLOW, 2, b"");
    let wire_length = frame.len();
    let ethernet = nfos::wire::Ethernet::new_checked(&mut frame[..40], wire_length).unwrap();
    let mut ip = ethernet.into_ipv4().unwrap();
    assert_eq!(ip.tcp().err(), Some(FrameReason::Truncated));
}

#[test]
fn each_rule_of_the_frame_has_its_reason() {
    let reason = |mut frame: Vec<u8>| {
        edit(&mut frame, |packet| {
            let mut ip = packet.ipv4()?;
            ip.transport().map(|_| ())
        })
        .err()
    };
    let with = |at: usize, value: u8, frame: Vec<u8>| {
        let mut frame = frame;
        frame[at] = value;
        frame
    };
    let (tcp, udp) = (frames::tcp(FLOW, 2, b"1234"), frames::udp(FLOW, b"1234"));
    assert_eq!(reason(tcp.clone()), None);
    assert_eq!(reason(tcp[..13].to_owned()), Some(FrameReason::Truncated));
    assert_eq!(reason(with(13, 6, tcp.clone())), Some(FrameReason::NotIpv4));
    assert_eq!(reason(frames::tagged(&tcp, 1)), Some(FrameReason::NotIpv4));
    for (at, value) in [(14, 0x55), (14, 0x44), (14, 0x4f), (16, 1)] {
        assert_eq!(reason(with(at, value, udp.clone())), Some(FrameReason::MalformedIp), "{at}");
    }
    assert_eq!(reason(frames::with_fragment(tcp.clone(), 0x2000)), Some(FrameReason::Fragment));
    assert_eq!(reason(frames::with_fragment(tcp.clone(), 0x0001)), Some(FrameReason::Fragment));
    assert_eq!(reason(frames::with_fragment(tcp.clone(), 0x4000)), None, "do not fragment");
    for (at, value) in [(46, 0x40), (46, 0x70)] {
        assert_eq!(reason(with(at, value, tcp.clone())), Some(FrameReason::MalformedL4), "{value}");
    }
    for value in [7, 13] {
        assert_eq!(reason(with(39, value, udp.clone())), Some(FrameReason::MalformedL4), "{value}");
    }
    assert_eq!(reason(with(23, 47, udp)), Some(FrameReason::UnsupportedProtocol));
}

#[test]
fn a_frame_grows_and_shrinks_at_its_front_within_its_headroom() {
    let mut room = [0, 0, 0, 0, 9, 8, 7];
    let mut packet = Packet::new(0, &mut room, 4);
    packet.grow_front(3).unwrap().copy_from_slice(&[1, 2, 3]);
    assert_eq!(packet.bytes(), [1, 2, 3, 9, 8, 7]);
    assert_eq!(packet.wire_length(), 6);
    assert!(packet.grow_front(2).is_err());
    assert_eq!(packet.bytes().len(), 6);
    packet.shrink_front(4).unwrap();
    assert_eq!(packet.bytes(), [8, 7]);
    assert_eq!(packet.shrink_front(3), Err(FrameReason::Truncated));
    assert_eq!(packet.wire_length(), 2);
}

#[test]
fn ipv6_addresses_are_in_the_checksums_of_their_payload() {
    let mut packet = vec![0x60, 0, 0, 0, 0, 12, UDP, 2];
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    packet.extend(Ipv6Addr::LOCALHOST.octets());
    packet.extend([0, 1, 0, 2, 0, 12, 0, 0, 1, 2, 3, 4]);
    let check = |packet: &[u8]| {
        use nfos::wire::checksum::{finish, sum};
        let mut datagram = packet[40..].to_owned();
        datagram[6..8].fill(0);
        finish(sum(&datagram, sum(&packet[8..40], u64::from(UDP) + 12)))
    };
    let right = check(&packet);
    packet[46..48].copy_from_slice(&right.to_be_bytes());
    let mut frame = frames::ethernet(0x86dd, &packet);
    edit(&mut frame, |packet| {
        let mut ip = packet.ipv6().unwrap();
        ip.set_source("2001:db8::1:2".parse().unwrap());
        ip.decrement_hop_limit().unwrap();
        assert_eq!(ip.decrement_hop_limit(), Err(FrameReason::TtlExpired));
    });
    assert_eq!(u16::from_be_bytes([frame[60], frame[61]]), check(&frame[14..]));
}

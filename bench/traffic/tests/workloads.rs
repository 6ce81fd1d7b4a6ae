//! What each workload promises of its packets.

use std::collections::{BTreeMap, HashMap, HashSet};

use nfos_netio::headers::{TCP, UDP, checksum, ethernet, ipv4, tcp, udp};
use nfos_netio::synthetic::trace;
use nfos_netio::{PortId, PortSpec};
use nfos_traffic::kind::Size;
use nfos_traffic::traffic::START_NS;
use nfos_traffic::{Kind, Options, Traffic};

const KINDS: [&str; 11] = [
    "caida",
    "agh",
    "bridge",
    "antiddos",
    "array",
    "flows=4096",
    "imix",
    "syn-flood",
    "nat-both",
    "lb-churn",
    "hostile",
];

struct Owned {
    time_ns: u64,
    port: u16,
    frame: Vec<u8>,
}

type Tuple = ([u8; 4], u16, [u8; 4], u16, u8);

fn packets(name: &str, options: &Options) -> Vec<Owned> {
    let kind: Kind = name.parse().expect("a workload");
    let mut traffic = Traffic::new(kind, options).expect("options that go with it");
    let mut packets = Vec::new();
    while let Some(packet) = traffic.next() {
        let (time_ns, port, frame) = (packet.time_ns, packet.port, packet.frame.to_owned());
        packets.push(Owned { time_ns, port, frame });
    }
    packets
}

fn some(count: u64) -> Options {
    Options { packets: Some(count), ..Options::default() }
}

/// The 5-tuple and the TCP flags of a frame that is in order down to its checksums.
fn tuple(frame: &[u8]) -> (Tuple, u8) {
    let link = ethernet::View::new_checked(frame).expect("a header");
    let ip = ipv4::View::new_checked(link.payload()).expect("a whole packet");
    assert_eq!(checksum(&[&frame[14..34]]), 0);
    let length = (ip.payload().len() as u16).to_be_bytes();
    let pseudo = [&frame[26..34], &[0, ip.protocol()], &length].concat();
    assert_eq!(checksum(&[&pseudo, ip.payload()]), 0);
    let (ports, flags) = match ip.protocol() {
        TCP => {
            let tcp = tcp::View::new_checked(ip.payload()).expect("a segment");
            ((tcp.source_port(), tcp.destination_port()), tcp.flags())
        }
        UDP => {
            let udp = udp::View::new_checked(ip.payload()).expect("a datagram");
            ((udp.source_port(), udp.destination_port()), 0)
        }
        other => panic!("protocol {other}"),
    };
    ((ip.source(), ports.0, ip.destination(), ports.1, ip.protocol()), flags)
}

/// How many packets each key has.
fn count<K: Ord>(keys: impl IntoIterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    keys.into_iter().for_each(|key| *counts.entry(key).or_default() += 1);
    counts
}

#[test]
fn traffic_is_the_same_every_time_and_another_seed_gives_other() {
    for name in KINDS {
        let digest = |seed| {
            let packets = packets(name, &Options { seed: Some(seed), ..some(3_000) });
            assert_eq!(packets.len(), 3_000);
            packets.into_iter().map(|one| (one.time_ns, one.port, one.frame)).collect::<Vec<_>>()
        };
        assert!(digest(1) == digest(1), "{name}");
        let has_no_chance = ["bridge", "antiddos"].contains(&name);
        assert_eq!(digest(1) == digest(2), has_no_chance, "{name}");
    }
}

#[test]
fn time_stamps_follow_the_nominal_rate() {
    let options = Options { packets_per_second: Some(3), ..some(7) };
    let times = packets("caida", &options).into_iter().map(|one| one.time_ns - START_NS);
    let thirds = [0, 333_333_333, 666_666_666, 1_000_000_000, 1_333_333_333, 1_666_666_666];
    assert!(times.take(6).eq(thirds));
    let times = packets("bridge", &some(3)).into_iter().map(|one| one.time_ns - START_NS);
    assert!(times.eq([0, 1_000, 2_000]));
}

#[test]
fn caida_flows_begin_with_syn_and_end_with_fin() {
    // Few are open, so that the longest are over soon too.
    let options = Options { open: Some(16), ..some(400_000) };
    let mut flows: HashMap<Tuple, Vec<u8>> = HashMap::new();
    for one in packets("caida", &options) {
        assert_eq!((one.port, one.frame.len()), (0, 60));
        let (tuple, flags) = tuple(&one.frame);
        assert_eq!(tuple.0[0], 10, "from the LAN");
        flows.entry(tuple).or_default().push(flags);
    }
    let over = |flags: &[u8]| flags.len() == 1 || flags[flags.len() - 1] == 0x11;
    let tcp: Vec<_> = flows.iter().filter(|(tuple, _)| tuple.4 == TCP).collect();
    for (_, flags) in &tcp {
        assert_eq!(flags[0], 0x02);
        let middle = flags.iter().skip(1).take(flags.len().saturating_sub(2));
        assert!(middle.into_iter().all(|flags| *flags == 0x10));
    }
    let unfinished = tcp.iter().filter(|(_, flags)| !over(flags)).count();
    assert!(unfinished <= 16, "{unfinished}");
    let share = tcp.len() as f64 / flows.len() as f64;
    assert!((0.54..0.57).contains(&share), "{share}");
    assert!(flows.values().all(|flags| flags.len() <= 1_870));
    let mean = 400_000.0 / flows.len() as f64;
    assert!((18.0..23.0).contains(&mean), "{mean}");
}

#[test]
fn campus_flows_are_whole_and_of_the_mixture_asked_for() {
    use nfos_traffic::mixture::Mixture;
    for (mixture, protocols) in
        [(Mixture::Tcp, vec![TCP]), (Mixture::Udp, vec![UDP]), (Mixture::All, vec![TCP, UDP])]
    {
        let options = Options { mixture: Some(mixture), open: Some(100), ..some(50_000) };
        let packets = packets("agh", &options);
        let seen = count(packets.iter().map(|one| tuple(&one.frame).0.4));
        assert!(seen.keys().eq(&protocols), "{mixture:?}");
    }
    let options = Options { open: Some(1), mixture: Some(Mixture::Tcp), ..some(200_000) };
    let flows = count(packets("agh", &options).iter().map(|one| tuple(&one.frame).0));
    assert!(flows.values().any(|packets| *packets > 1_870));
}

#[test]
fn a_pair_of_stations_has_ten_thousand_packets_each_way() {
    // 25 senders with windows of 400 flows; so the 51 flows from 399 on have slid through whole
    // windows after 450 rounds, and no others.
    let options = Options { senders: Some(25), ..some(2 * 25 * 400 * 450) };
    let mut traffic = Traffic::new(Kind::Bridge, &options).expect("options that go with it");
    let mut counts: HashMap<(u16, [u8; 12]), u64> = HashMap::new();
    while let Some(packet) = traffic.next() {
        assert_eq!(packet.frame.len(), 60);
        let pair = *packet.frame.first_chunk().expect("60 bytes");
        *counts.entry((packet.port, pair)).or_default() += 1;
    }
    for direction in [0, 1] {
        let whole =
            |((port, _), packets): &(&(u16, _), &u64)| *port == direction && **packets == 10_000;
        assert_eq!(counts.iter().filter(whole).count(), 51);
    }
    assert!(counts.values().all(|packets| *packets <= 10_000));
    let senders = |direction: u16| {
        let here = counts.keys().filter(move |(port, _)| *port == direction);
        here.map(|(_, pair)| &pair[6..]).collect::<HashSet<_>>().len()
    };
    assert_eq!((senders(0), senders(1)), (200, 400 + 449));
}

#[test]
fn four_fifths_of_the_flows_of_antiddos_have_one_packet_and_the_others_21() {
    let packets = packets("antiddos", &some(21 * 25 * 40));
    let flows = count(packets.iter().map(|one| tuple(&one.frame).0));
    let lengths = count(flows.values().copied());
    assert_eq!(lengths, BTreeMap::from([(1, 21 * 40 * 4), (21, 21 * 40)]));
    assert!(flows.keys().all(|(source, port, _, _, protocol)| {
        source[0] == 0x40 && *port < 2_048 * 21 && *protocol == UDP
    }));
}

#[test]
fn array_has_ten_thousand_flows_as_even_as_asked_for() {
    let shares = |exponent| {
        let options = Options { exponent: Some(exponent), ..some(500_000) };
        let packets = packets("array", &options);
        let flows = count(packets.iter().map(|one| tuple(&one.frame).0));
        let mut shares: Vec<usize> = flows.into_values().collect();
        shares.sort_unstable_by(|a, b| b.cmp(a));
        shares
    };
    let even = shares(0.0);
    assert_eq!(even.len(), 10_000);
    assert!(even[0] < 120 && even[9_999] > 10);
    // The hottest has 9.8 %, the ten hottest 28.9 %.
    let uneven = shares(0.99);
    assert!((47_000..51_000).contains(&uneven[0]), "{}", uneven[0]);
    let ten: usize = uneven[..10].iter().sum();
    assert!((140_000..149_000).contains(&ten), "{ten}");
}

#[test]
fn flows_and_imix_are_what_a_synthetic_port_plays() {
    for (name, spec) in [
        ("flows=1", "synthetic:flows=1,packets=2000"),
        ("flows=4096", "synthetic:flows=4096,packets=5000"),
        ("imix", "synthetic:size=imix,packets=2000"),
    ] {
        let PortSpec::Synthetic(workload) = spec.parse().expect("a specification") else {
            panic!("{spec}")
        };
        let trace = trace(PortId::new(0), &workload);
        let packets = packets(name, &some(workload.packets));
        assert!(
            trace.frames().map(|(frame, _)| frame).eq(packets.iter().map(|one| &one.frame[..]))
        );
    }
    let many = packets("flows=65536", &some(65_536));
    let flows: HashSet<_> = many.iter().map(|one| tuple(&one.frame).0).collect();
    assert_eq!(flows.len(), 65_536);
}

#[test]
fn sizes_are_three_where_asked_for() {
    let options = Options { size: Some(Size::Imix), ..some(12_000) };
    let sizes = count(packets("caida", &options).iter().map(|one| one.frame.len()));
    assert!(sizes.keys().eq(&[60, 566, 1_514]));
    assert!((6_600..7_400).contains(&sizes[&60]) && (800..1_200).contains(&sizes[&1_514]));
}

#[test]
fn half_of_a_flood_are_syns_of_flows_without_more() {
    let packets = packets("syn-flood", &some(100_000));
    let to_victim = |one: &&Owned| one.frame[30..34] == [198, 18, 0, 1];
    let flood: Vec<_> = packets.iter().filter(to_victim).map(|one| tuple(&one.frame)).collect();
    assert!((49_000..51_000).contains(&flood.len()), "{}", flood.len());
    let flows: HashSet<_> = flood.iter().map(|(tuple, _)| tuple).collect();
    assert!(flows.len() > flood.len() - 50);
    assert!(flood.iter().all(|(_, flags)| *flags == 0x02));
}

#[test]
fn answers_come_back_to_the_end_that_a_fresh_nat_gives() {
    let options = Options { open: Some(300), ..some(60_000) };
    let mut inside: [HashMap<([u8; 4], u16), u64>; 2] = [HashMap::new(), HashMap::new()];
    let mut external: HashSet<([u8; 4], u16, u8)> = HashSet::new();
    let mut seen = BTreeMap::new();
    for one in packets("nat-both", &options) {
        let mut told = |what: &'static str| *seen.entry(what).or_insert(0) += 1;
        if one.port == 0 {
            let ((address, port, .., protocol), _) = tuple(&one.frame);
            let known = &mut inside[usize::from(protocol == TCP)];
            let next = known.len() as u64;
            let id = *known.entry((address, port)).or_insert(next);
            let end = (0xcb00_7101 + (id / 64_512) as u32, 1_024 + (id % 64_512) as u16);
            external.insert((end.0.to_be_bytes(), end.1, protocol));
            told("out");
        } else if one.frame[23] == 1 {
            // The quoted packet is one that left.
            let quoted = &one.frame[42..];
            let port = u16::from_be_bytes([quoted[20], quoted[21]]);
            let address = [quoted[12], quoted[13], quoted[14], quoted[15]];
            assert!(external.contains(&(address, port, quoted[9])));
            told("error");
        } else if one.frame[20] & 0x3f != 0 || one.frame[21] != 0 {
            told("fragment");
        } else {
            let ((_, _, address, port, protocol), _) = tuple(&one.frame);
            match external.contains(&(address, port, protocol)) {
                true => told("answer"),
                false => told(if port < 1_024 { "unmapped" } else { "wrong" }),
            }
        }
    }
    assert!(seen.keys().eq(&["answer", "error", "fragment", "out", "unmapped"]), "{seen:?}");
    assert!(["error", "fragment", "unmapped"].iter().all(|what| (400..800).contains(&seen[what])));
}

#[test]
fn backends_join_leave_and_return_under_another_address() {
    let options = Options { packets_per_second: Some(500), open: Some(500), ..some(100_000) };
    let mut heard: BTreeMap<[u8; 4], Vec<u64>> = BTreeMap::new();
    for one in packets("lb-churn", &options) {
        let ((source, _, destination, port, _), _) = tuple(&one.frame);
        if one.port == 1 {
            heard.entry(source).or_default().push(one.time_ns - START_NS);
        } else {
            assert!([[118, 0, 0, 1], [118, 0, 0, 2]].contains(&destination));
            assert!([80, 443].contains(&port) && source[0] == 100);
        }
    }
    let second = 1_000_000_000;
    let silent = |times: &&Vec<u64>| times.windows(2).any(|pair| pair[1] - pair[0] > 10 * second);
    assert_eq!(heard.values().filter(|times| times[0] < second).count(), 16);
    assert!(heard.len() > 16, "some return under another address");
    assert!(heard.values().filter(silent).count() > 3, "some return under their own");
    let steady = |pair: &&[u64]| pair[1] - pair[0] < 2 * second;
    let steady = |times: &Vec<u64>| times.windows(2).filter(steady).count();
    assert!(heard.values().map(steady).sum::<usize>() > 2_000);
}

#[test]
fn hostile_frames_break_every_rule_and_some_break_none() {
    let packets = packets("hostile", &some(60_000));
    let broken = count(packets.iter().map(|one| rule_broken(&one.frame)));
    let all = ["F1", "F2", "F3", "F4", "F5", "F6", "none", "protocol"];
    assert!(broken.keys().eq(&all), "{broken:?}");
    assert!(broken.values().all(|packets| *packets > 500), "{broken:?}");
    let types = count(
        packets
            .iter()
            .filter(|one| one.frame.len() > 13)
            .map(|one| u16::from_be_bytes([one.frame[12], one.frame[13]])),
    );
    assert!([0x0806, 0x8100, 0x86dd].iter().all(|kind| types[kind] > 500));
    let lengths = packets.iter().map(|one| one.frame.len());
    assert!(lengths.clone().min() == Some(0) && lengths.max().is_some_and(|most| most > 8_900));
    assert!(packets.iter().any(|one| one.port == 0) && packets.iter().any(|one| one.port == 1));
}

fn rule_broken(frame: &[u8]) -> &'static str {
    let Some(link) = ethernet::View::new_checked(frame) else { return "F1" };
    if link.ether_type() != ethernet::IPV4 {
        return "F2";
    }
    let Some(ip) = ipv4::View::new_checked(link.payload()) else { return "F3" };
    if ip.is_fragment() {
        return "F4";
    }
    let in_order = match ip.protocol() {
        TCP => tcp::View::new_checked(ip.payload()).is_some(),
        UDP => udp::View::new_checked(ip.payload()).is_some(),
        _ => return "protocol",
    };
    match in_order {
        false => "F5",
        true if ip.ttl() < 2 => "F6",
        true => "none",
    }
}

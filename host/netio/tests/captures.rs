//! Capture files: what is read, what is refused and in which words.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use nfos_netio::PortId;
use nfos_netio::capture::{CaptureWriter, MergedCaptures, Reader, inspect};
use std::path::{Path, PathBuf};

/// A directory that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("nfos-captures-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Numbers in one byte order.
#[derive(Clone, Copy)]
struct Order(bool);

impl Order {
    fn u32(self, value: u32) -> [u8; 4] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn pcap(self, magic: u32, link: u32) -> Vec<u8> {
        let mut file = self.u32(magic).to_vec();
        file.extend(self.u16(2));
        file.extend(self.u16(4));
        [0, 0, 65_535, link].into_iter().for_each(|word| file.extend(self.u32(word)));
        file
    }

    fn record(self, seconds: u32, fraction: u32, wire: u32, bytes: &[u8]) -> Vec<u8> {
        let words = [seconds, fraction, bytes.len() as u32, wire];
        let mut record: Vec<u8> = words.into_iter().flat_map(|word| self.u32(word)).collect();
        record.extend(bytes);
        record
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(kind)[..], &length, &body, &length].concat()
    }

    fn section(self) -> Vec<u8> {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(self, link: u16, options: &[u8]) -> Vec<u8> {
        let mut body = self.u16(link).to_vec();
        body.extend([0, 0]);
        body.extend(self.u32(0));
        body.extend(options);
        self.block(1, &body)
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = self.u16(code).to_vec();
        option.extend(self.u16(value.len() as u16));
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    fn enhanced(self, interface: u32, ticks: u64, wire: u32, bytes: &[u8]) -> Vec<u8> {
        let words = [interface, (ticks >> 32) as u32, ticks as u32, bytes.len() as u32, wire];
        let mut body: Vec<u8> = words.into_iter().flat_map(|word| self.u32(word)).collect();
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.option(1, b"a comment"));
        self.block(6, &body)
    }
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const ORDERS: [Order; 2] = [Order(false), Order(true)];

type Packet = (u64, u32, Vec<u8>);

fn read(path: &Path) -> Vec<Packet> {
    let mut reader = Reader::open(path).unwrap();
    let mut packets = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        packets.push((record.timestamp_ns, record.wire_length, record.bytes.to_vec()));
    }
    packets
}

fn refusal(path: &Path) -> String {
    let message = inspect(path).unwrap_err().to_string();
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(!message.contains('\n'));
    message
}

#[test]
fn pcap_of_both_resolutions_and_byte_orders_is_read() {
    let scratch = Scratch::new("pcap");
    for order in ORDERS {
        for (magic, ns) in [(MICROSECONDS, 5_000), (NANOSECONDS, 5)] {
            let mut file = order.pcap(magic, 1);
            file.extend(order.record(3, 5, 60, &[7; 60]));
            file.extend(order.record(4, 0, 1500, &[8; 20]));
            let path = scratch.file("a.pcap", &file);
            let expected =
                [(3_000_000_000 + ns, 60, vec![7; 60]), (4_000_000_000, 1500, vec![8; 20])];
            assert_eq!(read(&path), expected);
            let facts = inspect(&path).unwrap();
            assert_eq!((facts.packets, facts.largest_bytes), (2, 60));
            assert_eq!((facts.first_ns, facts.last_ns), (3_000_000_000 + ns, 4_000_000_000));
        }
    }
}

#[test]
fn pcapng_of_both_byte_orders_is_read() {
    let scratch = Scratch::new("pcapng");
    for order in ORDERS {
        let offset = if order.0 { 10i64.to_be_bytes() } else { 10i64.to_le_bytes() };
        let options = [order.option(9, &[9]), order.option(14, &offset), order.option(0, &[])];
        let mut file = order.section();
        file.extend(order.interface(1, &[]));
        file.extend(order.interface(1, &options.concat()));
        file.extend(order.interface(1, &order.option(9, &[0x80 | 10])));
        file.extend(order.enhanced(0, 1_000_001, 61, &[1; 61]));
        file.extend(order.block(5, &[0; 12]));
        file.extend(order.enhanced(1, 2_000_000_003, 99, &[2; 14]));
        file.extend(order.enhanced(2, 13 * 1024 + 512, 4, &[3; 4]));
        // The obsolete packet block, and the simple one, which has no time.
        let mut old = [order.u16(0), order.u16(0)].concat();
        [0, 14_000_000, 5, 5].into_iter().for_each(|word| old.extend(order.u32(word)));
        old.extend([4; 5]);
        file.extend(order.block(2, &old));
        file.extend(order.block(3, &[&order.u32(6)[..], &[5; 6]].concat()));
        let expected = [
            (1_000_001_000, 61, vec![1; 61]),
            (12_000_000_003, 99, vec![2; 14]),
            (13_500_000_000, 4, vec![3; 4]),
            (14_000_000_000, 5, vec![4; 5]),
            (14_000_000_000, 6, vec![5; 6]),
        ];
        assert_eq!(read(&scratch.file("a.pcapng", &file)), expected);
    }
}

#[test]
fn a_second_section_may_have_another_byte_order_and_other_interfaces() {
    let scratch = Scratch::new("sections");
    let [little, big] = ORDERS;
    let mut file = [little.section(), little.interface(1, &[])].concat();
    file.extend(little.enhanced(0, 1, 1, &[1]));
    file.extend([big.section(), big.interface(1, &[])].concat());
    file.extend(big.enhanced(0, 2, 1, &[2]));
    let path = scratch.file("two.pcapng", &file);
    assert_eq!(read(&path), [(1000, 1, vec![1]), (2000, 1, vec![2])]);
    file.extend(big.section());
    file.extend(big.enhanced(0, 3, 1, &[3]));
    let at = file.len() - big.enhanced(0, 3, 1, &[3]).len();
    let expected = format!("block at byte {at} is damaged: its interface is not described");
    assert!(refusal(&scratch.file("three.pcapng", &file)).contains(&expected));
}

#[test]
fn what_was_written_is_read_back() {
    let scratch = Scratch::new("round");
    let path = scratch.path("out.pcap");
    let packets: Vec<Packet> = (0..500u64)
        .map(|i| (i * 1_234_567_891, 100 + i as u32, vec![i as u8; 14 + (i as usize % 90)]))
        .collect();
    let mut writer = CaptureWriter::create(&path).unwrap();
    for (timestamp_ns, wire_length, bytes) in &packets {
        writer.write(*timestamp_ns, *wire_length, bytes).unwrap();
    }
    assert_eq!(writer.packets(), 500);
    writer.finish().unwrap();
    assert_eq!(
        read(&path),
        packets
            .iter()
            .map(|(t, w, b)| (*t, (*w).max(b.len() as u32), b.clone()))
            .collect::<Vec<_>>()
    );
    assert_eq!(std::fs::read(&path).unwrap()[..4], [0x4d, 0x3c, 0xb2, 0xa1]);
}

#[test]
fn a_capture_that_cannot_be_written_is_told_so() {
    let scratch = Scratch::new("unwritable");
    let path = scratch.path("missing/out.pcap");
    let message = CaptureWriter::create(&path).unwrap_err().to_string();
    assert!(message.contains("cannot create it: ") && message.contains("out.pcap"), "{message}");
    let mut writer = CaptureWriter::create(&scratch.path("late.pcap")).unwrap();
    let message = writer.write(u64::MAX, 14, &[0; 14]).unwrap_err().to_string();
    assert!(message.contains("up to the year 2106"), "{message}");
    if Path::new("/dev/full").exists() {
        let mut writer = CaptureWriter::create(Path::new("/dev/full")).unwrap();
        writer.write(0, 14, &[0; 14]).unwrap();
        let message = writer.finish().unwrap_err().to_string();
        assert!(message.starts_with("/dev/full: writing failed: "), "{message}");
    }
}

#[test]
fn each_bad_capture_gets_one_line_that_says_what_would_be_right() {
    let scratch = Scratch::new("bad");
    let little = ORDERS[0];
    let head = little.pcap(MICROSECONDS, 1);
    let with = |rest: &[u8]| [&head[..], rest].concat();
    let record = little.record(1, 0, 60, &[1; 60]);
    let ng_head = [little.section(), little.interface(1, &[])].concat();
    let ng = |rest: &[u8]| [&ng_head[..], rest].concat();
    let packet = little.enhanced(0, 1, 4, &[1; 4]);
    let mut ends_differ = packet.clone();
    let last = ends_differ.len() - 4;
    ends_differ[last] ^= 4;
    let mut odd_length = packet.clone();
    odd_length[4] = 7;
    let mut too_much = packet.clone();
    too_much[20..24].copy_from_slice(&200u32.to_le_bytes());
    let huge = [0, 0, 70_000, 70_000].map(u32::to_le_bytes).concat();
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty", vec![], "this is not a capture"),
        ("text", b"hello, world, this is text".to_vec(), "this is not a capture"),
        ("head", head[..20].to_vec(), "this is not a capture"),
        ("none", head.clone(), "it holds no packet; at least one is needed"),
        ("wifi", little.pcap(MICROSECONDS, 105), "its link type is 105 (802.11); only Ethernet"),
        ("link", little.pcap(NANOSECONDS, 999), "its link type is 999; only Ethernet (1)"),
        (
            "version",
            {
                let mut v = head.clone();
                v[4] = 1;
                v
            },
            "pcap of version 1.4; version 2.4",
        ),
        (
            "cut",
            with(&[&record[..], &record[..50]].concat()),
            "within packet 2, whose record begins at byte 100",
        ),
        ("cut head", with(&record[..9]), "within packet 1, whose record begins at byte 24"),
        (
            "huge",
            with(&huge),
            "packet 1, at byte 24, claims 70000 bytes; a frame has at most 65549",
        ),
        ("ng none", ng_head.clone(), "it holds no packet"),
        (
            "ng raw",
            [little.section(), little.interface(101, &[]), packet.clone()].concat(),
            "link type is 101 (raw IP)",
        ),
        ("ng cut", ng(&packet[..30]), "within packet 1, whose record begins at byte 48"),
        (
            "ng ends",
            ng(&ends_differ),
            "block at byte 48 is damaged: the lengths at its two ends differ",
        ),
        ("ng odd", ng(&odd_length), "its length is no multiple of 4"),
        ("ng long", ng(&too_much), "its packet is longer than the block"),
        (
            "ng mark",
            {
                let mut v = ng_head.clone();
                v[8] = 0;
                v
            },
            "byte-order mark",
        ),
        ("ng section", ng_head[..14].to_vec(), "section header is cut off"),
    ];
    for (name, bytes, expected) in cases {
        let message = refusal(&scratch.file(name, bytes));
        assert!(message.contains(expected), "{name}: {message}");
    }
    let missing = refusal(&scratch.path("missing.pcap"));
    assert!(
        missing.contains("cannot open it: ") && missing.contains("pcap or pcapng"),
        "{missing}"
    );
    assert!(refusal(&scratch.0).contains("no regular file"), "a directory");
}

#[test]
fn no_damage_to_a_capture_does_more_than_fail() {
    let scratch = Scratch::new("damage");
    let little = ORDERS[0];
    let mut ng = [little.section(), little.interface(1, &little.option(9, &[9]))].concat();
    ng.extend(little.enhanced(0, 77, 20, &[9; 20]));
    ng.extend(little.enhanced(0, 78, 20, &[9; 20]));
    let mut pcap = little.pcap(MICROSECONDS, 1);
    pcap.extend(little.record(1, 1, 20, &[9; 20]));
    pcap.extend(little.record(2, 1, 20, &[9; 20]));
    let (mut good, mut bad) = (0, 0);
    for file in [ng, pcap] {
        for at in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= change;
                match inspect(&scratch.file("damaged", &damaged)) {
                    Ok(_) => good += 1,
                    Err(_) => bad += 1,
                }
            }
            let cut = inspect(&scratch.file("cut", &file[..at]));
            assert!(cut.is_err() || cut.unwrap().packets == 1);
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}");
}

#[test]
fn time_never_goes_back_within_a_file() {
    let scratch = Scratch::new("back");
    let little = ORDERS[0];
    let mut file = little.pcap(NANOSECONDS, 1);
    for (second, byte) in [(5, 1), (3, 2), (6, 3)] {
        file.extend(little.record(second, 0, 1, &[byte]));
    }
    let path = scratch.file("back.pcap", &file);
    let stamps: Vec<_> = read(&path).iter().map(|(at, _, bytes)| (*at, bytes[0])).collect();
    assert_eq!(stamps, [(5_000_000_000, 1), (5_000_000_000, 2), (6_000_000_000, 3)]);
    let facts = inspect(&path).unwrap();
    assert_eq!((facts.first_ns, facts.last_ns), (5_000_000_000, 6_000_000_000));
}

#[test]
fn several_captures_come_in_the_order_of_time_then_of_port() {
    let scratch = Scratch::new("merge");
    let little = ORDERS[0];
    let capture = |name: &str, packets: &[(u32, u8)]| {
        let mut file = little.pcap(NANOSECONDS, 1);
        for (fraction, byte) in packets {
            file.extend(little.record(0, *fraction, 1, &[*byte]));
        }
        scratch.file(name, &file)
    };
    let zero = capture("0.pcap", &[(10, 1), (20, 2), (20, 3), (50, 4)]);
    let one = capture("1.pcap", &[(5, 11), (20, 12), (60, 13)]);
    let empty = capture("2.pcap", &[]);
    // The order in which they are named does not matter.
    let named = [(PortId::new(1), &one), (PortId::new(2), &empty), (PortId::new(0), &zero)];
    let mut merged = MergedCaptures::open(named).unwrap();
    let mut order = Vec::new();
    while let Some(at) = merged.peek_ns().unwrap() {
        assert_eq!(merged.peek_ns().unwrap(), Some(at), "a look takes nothing");
        let arrival = merged.read().unwrap().unwrap();
        assert_eq!(arrival.timestamp_ns, at);
        order.push((at, arrival.port.raw(), arrival.bytes[0]));
    }
    let expected =
        [(5, 1, 11), (10, 0, 1), (20, 0, 2), (20, 0, 3), (20, 1, 12), (50, 0, 4), (60, 1, 13)];
    assert_eq!(order, expected);
    assert!(merged.read().unwrap().is_none());
}

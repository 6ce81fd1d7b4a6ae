//! The traffic of `check`: for each port a capture with frames of every kind, made up.
//!
//! Half of the frames are packets of a few conversations, outwards at even ports and back at odd
//! ones. The others are what networks carry besides (ICMP, ARP, IPv6, VLAN tags, fragments, IPv4
//! options), headers that lie about lengths, frames cut short or with a byte changed, and noise.
//! The last frames come after a gap in which idle packet sets expire. The same frames each time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nfos_engine::description::Configuration;
use nfos_netio::capture::{CaptureError, CaptureWriter};
use nfos_netio::headers::{TCP, UDP, ethernet, ipv4, tcp, udp};
use nfos_netio::{CaptureSpec, FRAME_BYTES_MAX};

use crate::failure::Failure;
use crate::launch::PortSpec;

/// Frames for each port.
const FRAMES: u64 = 4_096;
/// Of these: after the gap.
const FRAMES_LATE: u64 = 64;
const SPACING_NS: u64 = 50_000;
/// Periodic events that fit the gap, at most; a check should not take long.
const PERIODS_MAX: u64 = 10_000;
const START_NS: u64 = 1_000_000_000_000_000_000;
const CONVERSATIONS: u64 = 48;
const ETHERNET_PAYLOAD_MAX: usize = 1_500;

/// Captures in a directory of their own, which goes when this does.
pub(crate) struct Rehearsal {
    directory: PathBuf,
    ports: u16,
}

impl Rehearsal {
    /// Writes a capture for each of `ports` ports.
    ///
    /// # Errors
    /// The temporary directory cannot be written.
    pub(crate) fn new(ports: u16, configuration: &Configuration) -> Result<Self, Failure> {
        let directory = own_directory().map_err(|error| {
            let directory = std::env::temp_dir();
            Failure::failed(format!("{}: cannot be written: {error}", directory.display()))
        })?;
        let rehearsal = Self { directory, ports };
        let gap_ns = gap_ns(configuration);
        for port in 0..ports {
            write(&rehearsal.file(port), port, gap_ns)
                .map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok(rehearsal)
    }

    /// The ports to run on. What is sent through them is counted and forgotten.
    pub(crate) fn ports(&self) -> Vec<PortSpec> {
        let port = |port| CaptureSpec { rx: Some(self.file(port)), tx: None };
        (0..self.ports).map(|number| PortSpec::Pcap(port(number))).collect()
    }

    fn file(&self, port: u16) -> PathBuf {
        self.directory.join(format!("{port}.pcap"))
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever clears the temporary directory.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A new directory that no other user can have prepared: creating it fails if it is there.
fn own_directory() -> io::Result<PathBuf> {
    let mut attempt = 0;
    loop {
        let name = format!("nfos-check-{}-{attempt}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        match std::fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Twice the idle timeout, as far as periodic events allow.
fn gap_ns(configuration: &Configuration) -> u64 {
    let idle_ns = configuration.idle_timeout_ns.saturating_mul(2);
    let periods = configuration.periods_ns.iter().min();
    let bearable_ns = periods.map_or(u64::MAX, |ns| ns.saturating_mul(PERIODS_MAX));
    idle_ns.min(bearable_ns).min(Duration::from_hours(24).as_nanos() as u64)
}

fn write(file: &Path, port: u16, gap_ns: u64) -> Result<(), CaptureError> {
    let mut writer = CaptureWriter::create(file)?;
    let mut random = Random(u64::from(port) + 1);
    for number in 0..FRAMES {
        let late_ns = if number < FRAMES - FRAMES_LATE { 0 } else { gap_ns };
        let at_ns = START_NS + number * SPACING_NS + late_ns;
        let frame = frame(&mut random, port);
        writer.write(at_ns, frame.len() as u32, &frame)?;
    }
    writer.finish()
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`, which is small: what the remainder favours does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }
}

fn frame(random: &mut Random, port: u16) -> Vec<u8> {
    match random.below(32) {
        16 => icmp(random, port),
        17 => other_ether_type(random, port, [0x08, 0x06]),
        18 => other_ether_type(random, port, [0x86, 0xdd]),
        19 => other_ether_type(random, port, [0x81, 0x00]),
        20 => ipv6_udp(random, port),
        21 => changed(random, port, |packet, _| packet[6] |= 0x20),
        22 => changed(random, port, |packet, random| packet[7] = 1 | random.byte()),
        23 => changed(random, port, |packet, _| packet[0] = 0x46),
        24 => changed(random, port, |packet, _| packet[8] = 1),
        25 => changed(random, port, |packet, random| packet[2] = random.byte()),
        26 => changed(random, port, |packet, random| packet[24] = random.byte()),
        27 => changed(random, port, |packet, random| packet[32] = random.byte()),
        28 => {
            let mut frame = conversation(random, port);
            frame.truncate(random.below(frame.len() as u64) as usize);
            frame
        }
        29 => {
            let mut frame = conversation(random, port);
            let at = random.below(frame.len() as u64) as usize;
            frame[at] ^= 1 << random.below(8);
            frame
        }
        30 => noise(random, ethernet::HEADER + ETHERNET_PAYLOAD_MAX),
        31 => noise(random, FRAME_BYTES_MAX.min(9_000)),
        _ => conversation(random, port),
    }
}

fn noise(random: &mut Random, length_max: usize) -> Vec<u8> {
    let length = random.below(length_max as u64 + 1);
    (0..length).map(|_| random.byte()).collect()
}

/// A packet of a conversation between a host in 10/8 and one in 198.18/15 (RFC 2544), TCP or UDP.
fn conversation(random: &mut Random, port: u16) -> Vec<u8> {
    let number = random.below(CONVERSATIONS);
    let payload = random.below(9).pow(3) as usize;
    let inner = ([10, 0, 0, 1 + (number % 8) as u8], 1_024 + number as u16);
    let outer = ([198, 18, 0, 1 + (number % 3) as u8], 443);
    let (from, to) = if port.is_multiple_of(2) { (inner, outer) } else { (outer, inner) };
    let protocol = if number.is_multiple_of(2) { TCP } else { UDP };
    transport(protocol, from, to, payload)
}

type Endpoint = ([u8; 4], u16);

fn transport(protocol: u8, from: Endpoint, to: Endpoint, payload: usize) -> Vec<u8> {
    let header = if protocol == TCP { tcp::HEADER } else { udp::HEADER };
    let ip = ipv4::Repr {
        source: from.0,
        destination: to.0,
        protocol,
        ttl: 64,
        payload_length: (header + payload) as u16,
    };
    let (source_port, destination_port) = (from.1, to.1);
    let payload = vec![0; payload];
    let mut segment = vec![0; header];
    let room = "the segment was made as long as its header";
    if protocol == TCP {
        let repr = tcp::Repr {
            source_port,
            destination_port,
            sequence: 1,
            acknowledgement: 1,
            flags: tcp::ACK,
        };
        repr.emit(segment.first_chunk_mut().expect(room), &ip.pseudo_header(), &payload);
    } else {
        let repr = udp::Repr { source_port, destination_port };
        repr.emit(segment.first_chunk_mut().expect(room), &ip.pseudo_header(), &payload);
    }
    segment.extend(payload);
    packet(&ip, &segment)
}

fn packet(ip: &ipv4::Repr, payload: &[u8]) -> Vec<u8> {
    let mut link = [0; ethernet::HEADER];
    let mut header = [0; ipv4::HEADER];
    let repr = ethernet::Repr {
        destination: mac(ip.destination),
        source: mac(ip.source),
        ether_type: ethernet::IPV4,
    };
    repr.emit(&mut link);
    ip.emit(&mut header);
    [&link, &header[..], payload].concat()
}

fn mac([a, b, c, d]: [u8; 4]) -> [u8; 6] {
    [2, 0, a, b, c, d]
}

/// A packet of a conversation whose IP packet, of at least 28 bytes, was changed in one place. Its
/// checksums are left as they were.
fn changed(random: &mut Random, port: u16, change: impl FnOnce(&mut [u8], &mut Random)) -> Vec<u8> {
    let mut frame = conversation(random, port);
    frame.resize(frame.len().max(ethernet::HEADER + 46), 0);
    change(&mut frame[ethernet::HEADER..], random);
    frame
}

fn other_ether_type(random: &mut Random, port: u16, ether_type: [u8; 2]) -> Vec<u8> {
    let mut frame = conversation(random, port);
    frame[12..14].copy_from_slice(&ether_type);
    frame
}

/// An echo request (RFC 792).
fn icmp(random: &mut Random, port: u16) -> Vec<u8> {
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let (inner, outer) = ([10, 0, 0, 1 + random.below(8) as u8], [198, 18, 0, 1]);
    let (source, destination) =
        if port.is_multiple_of(2) { (inner, outer) } else { (outer, inner) };
    let ip =
        ipv4::Repr { source, destination, protocol: 1, ttl: 64, payload_length: echo.len() as u16 };
    packet(&ip, &echo)
}

/// A datagram without payload between two hosts of 2001:db8::/32 (RFC 3849).
fn ipv6_udp(random: &mut Random, port: u16) -> Vec<u8> {
    let mut frame = conversation(random, port);
    frame.truncate(ethernet::HEADER);
    frame[12..14].copy_from_slice(&ethernet::IPV6.to_be_bytes());
    frame.extend([0x60, 0, 0, 0, 0, 8, UDP, 64]);
    for host in [random.below(8) as u8, 9] {
        frame.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
    }
    frame.extend([4, 0, 1, 187, 0, 8, 0, 0]);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(idle_timeout_ns: u64, periods_ns: Vec<u64>) -> Configuration {
        Configuration { idle_timeout_ns, packet_sets: 1, periods_ns }
    }

    #[test]
    fn the_gap_lets_sets_expire_and_stays_bearable() {
        assert_eq!(gap_ns(&configuration(30, vec![])), 60);
        assert_eq!(gap_ns(&configuration(30_000_000, vec![7, 5])), 50_000);
        assert_eq!(gap_ns(&configuration(u64::MAX, vec![])), 86_400_000_000_000);
    }

    #[test]
    fn frames_of_every_kind_come_up() {
        let mut random = Random(1);
        let frames: Vec<_> = (0..FRAMES).map(|_| frame(&mut random, 0)).collect();
        let some = |what: &dyn Fn(&[u8]) -> bool| frames.iter().any(|frame| what(frame));
        assert!(some(&|frame| frame.len() < 14) && some(&|frame| frame.len() > 1_514));
        for ether_type in [[8, 0], [8, 6], [0x86, 0xdd], [0x81, 0]] {
            assert!(some(&|frame| frame.get(12..14) == Some(&ether_type)));
        }
        for protocol in [1, TCP, UDP] {
            let of = |frame: &[u8]| {
                let packet = ipv4::View::new_checked(frame.get(ethernet::HEADER..).unwrap_or(&[]));
                packet.is_some_and(|packet| packet.protocol() == protocol)
            };
            assert!(some(&of), "protocol {protocol}");
        }
    }

    #[test]
    fn captures_are_there_while_they_are_needed() {
        let rehearsal = Rehearsal::new(2, &configuration(1_000, vec![])).unwrap();
        let directory = rehearsal.directory.clone();
        assert_eq!(rehearsal.ports().len(), 2);
        assert!(std::fs::metadata(rehearsal.file(1)).unwrap().len() > FRAMES * 16);
        drop(rehearsal);
        assert!(!directory.exists());
    }
}

//! Maps that one goes through, and parts that one merges.

use nfos::prelude::*;
use nfos::structures::{Entry, Hashing};
use nfos::testing::{Fate, Harness};

#[derive(Key, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Endpoint {
    address: Ipv4Addr,
    station: MacAddress,
    port: u16,
    tag: [u8; 3],
}

/// What a handler saw last, kept where a test finds it.
#[derive(Cell, Debug, PartialEq)]
struct Longest {
    bytes: u64,
    port: u16,
}

struct Subject {
    ports: Map<Endpoint, u64>,
    plain: Map<u32, u64>,
    longest: Parts<Longest>,
    found: Vector<[u64; 6]>,
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        address: Ipv4Addr::new(10, 0, 0, 1),
        station: MacAddress::new([2, 0, 0, 0, 0, 9]),
        port,
        tag: [1, 2, 3],
    }
}

#[nfos::export]
impl NetworkFunction for Subject {
    const PORTS: u16 = 1;

    fn init(_: ()) -> Self {
        Self {
            ports: Map::open("ports", 64),
            plain: Map::open_with("plain", 64, Hashing::Plain),
            longest: Parts::open("longest", Duration::from_millis(1)),
            found: Vector::open("found", 2),
        }
    }

    /// The first byte is a port to set, the second one to remove.
    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let [set, removed, ..] = *packet.bytes() else { return Verdict::consume() };
        assert_eq!(self.ports.set(&endpoint(set.into()), &1), SetOutcome::Ok);
        assert_eq!(self.plain.set(&set.into(), &1), SetOutcome::Ok);
        self.ports.remove(&endpoint(removed.into()));
        if u64::from(packet.wire_length()) > self.longest.own().bytes {
            let bytes = packet.wire_length().into();
            self.longest.set(&Longest { bytes, port: set.into() });
        }
        let mut entries: Vec<_> = self.ports.iter().collect();
        assert_eq!(entries.len(), self.ports.len() as usize);
        entries.sort();
        let sum = entries.iter().map(|(key, _)| u64::from(key.port)).sum();
        assert!(entries.iter().all(|(key, one)| *key == endpoint(key.port) && *one == 1));
        let first = self.ports.next(0).map_or(0, |Entry { key, .. }| key.port);
        let longest = self.longest.read(|a, b| if a.bytes >= b.bytes { a } else { b });
        let found = [entries.len() as u64, sum, first.into(), longest.bytes, 0, 0];
        self.found.write(0_u32, &found);
        Verdict::consume()
    }
}

#[test]
fn entries_come_with_the_keys_that_were_set() {
    let mut subject = Harness::new(NATIVE, &[]);
    let found = |subject: &mut Harness, frame: &[u8]| {
        assert_eq!(subject.packet(0, frame), Fate::Consumed);
        subject.world().vector_cell("found", 0)
    };
    assert_eq!(found(&mut subject, &[7, 0, 0])[..4], [1, 7, 7, 3]);
    assert_eq!(found(&mut subject, &[9, 0])[..4], [2, 16, 7, 3]);
    assert_eq!(found(&mut subject, &[200, 7, 0, 0])[..4], [2, 209, 9, 4]);
    // What is set again keeps its place; what is removed and set has a new one.
    assert_eq!(found(&mut subject, &[9, 200])[..4], [1, 9, 9, 4]);
    assert_eq!(found(&mut subject, &[200, 0])[..4], [2, 209, 9, 4]);
}

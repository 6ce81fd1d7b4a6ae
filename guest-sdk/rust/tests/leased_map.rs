//! Maps with leases: keys, records and held leases stay one to one.

use std::collections::BTreeMap;

use nfos::leased_map::NamesKey;
use nfos::prelude::*;
use nfos::testing::{Fate, Harness};
use proptest::prelude::*;

const LEASE_NS: u64 = 50;
const CAPACITY: u32 = 5;

/// The first byte of a frame is what to do, the second a key.
struct Subject {
    known: LeasedMap<u8, u64, Record>,
}

/// A record with more in it than the key.
#[derive(Cell)]
struct Record {
    key: u8,
    written: u64,
}

impl NamesKey<u8> for Record {
    fn key(&self) -> u8 {
        self.key
    }
}

#[nfos::export]
impl NetworkFunction for Subject {
    const PORTS: u16 = 1;

    fn init(_: ()) -> Self {
        Self { known: LeasedMap::open("known", CAPACITY, Duration::ZERO) }
    }

    /// Sent to the port of the value that was found; consumed if there was none; flooded if there
    /// is no room for one.
    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let (what, key) = (packet.bytes()[0], packet.bytes()[1]);
        let found = self.known.get(&key);
        match (what, found) {
            (b'x', _) => self.known.remove_expired(key.into()),
            (b'-', Some(entry)) => self.known.remove(entry.lease, &key),
            (b'-', None) => {}
            (_, Some(entry)) => self.count(key, entry),
            (_, None) => {
                let record = Record { key, written: 0 };
                let duration = Duration::from_nanos(LEASE_NS);
                if self.known.insert(&record, 0, duration).is_none() {
                    return Verdict::flood();
                }
            }
        }
        match found {
            Some(entry) if what != b'x' => Verdict::send(entry.value as u16),
            _ => Verdict::consume(),
        }
    }
}

impl Subject {
    /// Counts on in the value and in the record, which must agree.
    fn count(&self, key: u8, entry: Leased<u64>) {
        let record = self.known.record(entry.lease);
        assert_eq!((record.key, record.written), (key, entry.value));
        let value = entry.value + 1;
        self.known.set(&key, &Leased { value, ..entry });
        self.known.write_record(entry.lease, &Record { key, written: value });
        self.known.refresh(entry.lease, Duration::from_nanos(LEASE_NS));
    }
}

/// A map with leases on a standard collection: value and deadline by key.
#[derive(Default)]
struct Model(BTreeMap<u8, (u64, u64)>);

impl Model {
    fn packet(&mut self, now_ns: u64, frame: [u8; 2]) -> Fate {
        let [what, key] = frame;
        let found = self.0.get(&key).map(|&(value, _)| value);
        match (what, found) {
            (b'x', _) => self.expire(now_ns, key.into()),
            (b'-', _) => _ = self.0.remove(&key),
            (_, None) if self.0.len() == CAPACITY as usize => {
                return Fate::Flooded(frame.to_vec());
            }
            (_, found) => {
                let value = found.map_or(0, |value| value + 1);
                self.0.insert(key, (value, now_ns + LEASE_NS));
            }
        }
        match found {
            Some(value) if what != b'x' => Fate::Sent(value as u16, frame.to_vec()),
            _ => Fate::Consumed,
        }
    }

    /// Each step has an instant of its own, so no two leases run out at once.
    fn expire(&mut self, now_ns: u64, most: usize) {
        let over = self.0.iter().filter(|(_, (_, end_ns))| *end_ns < now_ns);
        let mut over: Vec<_> = over.map(|(&key, &(_, end_ns))| (end_ns, key)).collect();
        over.sort_unstable();
        for (_, key) in over.into_iter().take(most) {
            self.0.remove(&key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(256)
    })]

    #[test]
    fn keys_records_and_leases_stay_one_to_one(
        steps in prop::collection::vec(
            (1..30_u64, prop::sample::select(vec![b'+', b'+', b'+', b'-', b'x']), 0..9_u8),
            1..200,
        ),
    ) {
        let mut subject = Harness::new(NATIVE, &[]);
        let (mut model, mut now_ns) = (Model::default(), 0);
        for (wait_ns, what, key) in steps {
            now_ns += wait_ns;
            let fate = subject.at(now_ns).packet(0, &[what, key]);
            prop_assert_eq!(fate, model.packet(now_ns, [what, key]));
            prop_assert_eq!(subject.world().map_len("known"), model.0.len());
            prop_assert_eq!(subject.world().held("known_leases"), model.0.len());
        }
    }
}

//! Does to its structures what a frame asks for, so that a test can have any two operations meet.
//!
//! Byte 14 of a frame names an operation, each of which stands on a line of its own, and byte 15
//! the element, key or lease that it is about. `P` comes first. Every event also adds to a vector
//! that nobody reads, since one that only observes never runs again.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

const LEASES: u32 = 8;
const HOUR: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(100);

/// One for each setting that a recipe may be about.
#[derive(Parameters)]
#[allow(dead_code, reason = "what some of them set is only named in recipes")]
pub struct Parameters {
    /// Room in what runs full.
    #[default(2)]
    #[range(2..=64)]
    #[relaxes(capacity = ["full", "few"])]
    room: u32,
    /// How long entries are valid.
    #[default(1_000)]
    #[relaxes(duration = ["keys", "leases", "few"])]
    valid_ms: u64,
    /// How much a refresh must add.
    #[relaxes(refresh_interval = "leases")]
    refresh_interval_ms: u64,
    /// How old a merged value may be.
    #[relaxes(staleness = ["merged", "parts"])]
    staleness_us: u64,
    /// How much time lies between two writes.
    #[relaxes(write_interval = ["elements", "keys"])]
    write_interval_ms: u64,
}

#[derive(Cell)]
struct Count {
    #[merge(sum)]
    count: u64,
}

struct EveryConflict {
    elements: Vector<u64>,
    keys: Map<u32, u64>,
    full: Map<u32, u64>,
    leases: Allocator,
    few: Allocator,
    merged: Distributed<Count>,
    parts: Parts<u64>,
    /// The ids that `P` took: those of `leases`, one that is free, and one of `few`.
    ids: Vector<u64>,
    unread: Vector<u64>,
}

#[nfos::export]
impl NetworkFunction for EveryConflict {
    const PORTS: u16 = 2;
    type Parameters = Parameters;

    fn init(parameters: Parameters) -> Self {
        let refresh_interval = Duration::from_millis(parameters.refresh_interval_ms);
        let staleness = Duration::from_micros(parameters.staleness_us);
        Self {
            elements: Vector::open("elements", 2),
            keys: Map::open_with("keys", 8, Hashing::Plain),
            full: Map::open_with("full", parameters.room, Hashing::Plain),
            leases: Allocator::open("leases", LEASES, refresh_interval),
            few: Allocator::open("few", parameters.room, Duration::ZERO),
            merged: Distributed::open("merged", staleness),
            parts: Parts::open("parts", staleness),
            ids: Vector::open("ids", 6),
            unread: Vector::open("unread", 1),
        }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let [.., operation, subject] =
            packet.bytes().first_chunk::<16>().copied().unwrap_or_default();
        // First of all, since an operation may end the handler.
        self.unread.add(0_u32, Word::ONLY, 1);
        match operation {
            b'P' => self.prepare(subject.into()),
            _ => self.perform(operation, subject.into()),
        }
        Verdict::send(packet.port() ^ 1)
    }
}

impl EveryConflict {
    /// Keys 1 and 2, four leases of which the first runs out soon, and what is full but for some.
    fn prepare(&self, left: u32) {
        let taken = [SOON, HOUR, HOUR, HOUR].map(|valid| self.leases.allocate(valid));
        let free = (0..LEASES).find(|id| !taken.contains(&Some(*id)));
        for (index, id) in taken.iter().chain([&free]).enumerate() {
            self.ids.write(index as u32, &u64::from(id.expect("there is room at first")));
        }
        for key in [1, 2] {
            _ = self.keys.set(&key, &key.into());
        }
        for key in 1..=2 - left {
            _ = self.full.set(&key, &key.into());
            let id = self.few.allocate(HOUR);
            self.ids.write(5_u32, &u64::from(id.expect("there is room at first")));
        }
    }

    fn id(&self, number: u32) -> u32 {
        self.ids.read(number) as u32
    }

    fn perform(&self, operation: u8, subject: u32) {
        match operation {
            b'r' => self.read(subject),
            b'w' => self.write(subject),
            b'a' => self.add(subject),
            b'g' => self.get(subject),
            b's' => self.set(subject),
            b'x' => self.remove(subject),
            b'n' => self.go_through(),
            b'l' => self.count(),
            b'S' => self.set_full(subject),
            b'X' => self.remove_full(subject),
            b'Y' => self.make_room_and_fill_it(),
            b'R' => self.refresh(subject),
            b'F' => self.free(subject),
            b'L' => self.is_live(subject),
            b'E' => self.next_expired(),
            b'T' => self.allocate_all(),
            b'A' => self.allocate_few(),
            b'G' => self.free_few(),
            b'H' => self.give_back_and_take(),
            b'm' => self.read_merged(),
            b'u' => self.update(),
            b'p' => self.read_parts(),
            b'q' => self.set_part(),
            _ => {}
        }
    }
}

/// Each by itself, lest the compiler makes one call of several: their lines would be lost.
impl EveryConflict {
    #[inline(never)]
    fn read(&self, subject: u32) {
        self.elements.read(subject);
    }

    #[inline(never)]
    fn write(&self, subject: u32) {
        self.elements.write(subject, &7);
    }

    #[inline(never)]
    fn add(&self, subject: u32) {
        self.elements.add(subject, Word::ONLY, 1);
    }

    #[inline(never)]
    fn get(&self, subject: u32) {
        self.keys.get(&subject);
    }

    #[inline(never)]
    fn set(&self, subject: u32) {
        _ = self.keys.set(&subject, &7);
    }

    #[inline(never)]
    fn remove(&self, subject: u32) {
        self.keys.remove(&subject);
    }

    #[inline(never)]
    fn go_through(&self) {
        self.keys.iter().for_each(drop);
    }

    #[inline(never)]
    fn count(&self) {
        self.keys.len();
    }

    #[inline(never)]
    fn set_full(&self, subject: u32) {
        _ = self.full.set(&subject, &7);
    }

    #[inline(never)]
    fn remove_full(&self, subject: u32) {
        self.full.remove(&subject);
    }

    #[inline(never)]
    fn make_room_and_fill_it(&self) {
        self.full.remove(&1);
        _ = self.full.set(&9, &7);
    }

    #[inline(never)]
    fn refresh(&self, subject: u32) {
        self.leases.refresh(self.id(subject), HOUR);
    }

    #[inline(never)]
    fn free(&self, subject: u32) {
        self.leases.free(self.id(subject));
    }

    #[inline(never)]
    fn is_live(&self, subject: u32) {
        self.leases.is_live(self.id(subject));
    }

    #[inline(never)]
    fn next_expired(&self) {
        self.leases.next_expired();
    }

    #[inline(never)]
    fn allocate_all(&self) {
        while self.leases.allocate(HOUR).is_some() {}
    }

    #[inline(never)]
    fn allocate_few(&self) {
        self.few.allocate(HOUR);
    }

    #[inline(never)]
    fn free_few(&self) {
        self.few.free(self.id(5));
    }

    #[inline(never)]
    fn give_back_and_take(&self) {
        self.few.free(self.id(5));
        self.few.allocate(HOUR);
    }

    #[inline(never)]
    fn read_merged(&self) {
        self.merged.read();
    }

    #[inline(never)]
    fn update(&self) {
        self.merged.update(Count::COUNT, 1);
    }

    #[inline(never)]
    fn read_parts(&self) {
        self.parts.read(u64::wrapping_add);
    }

    #[inline(never)]
    fn set_part(&self) {
        self.parts.set(&3);
    }
}

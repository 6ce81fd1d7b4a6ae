//! A network function with every handler, in the test host: what the burst loop hands to whom.

use nfos::contract::Setting;
use nfos::prelude::*;
use nfos::testing::frames::{self, Flow};
use nfos::testing::{Fate, Harness};

#[derive(Parameters)]
struct Parameters {
    /// Whether first packets register.
    #[default(true)]
    register: bool,
    /// How registration fails.
    #[default(Strength::Required)]
    strength: Strength,
    /// A number.
    #[default(7)]
    #[range(1..=9)]
    #[relaxes(staleness = "merged", capacity = ["map", "leases*"])]
    number: u8,
    /// A text.
    #[default("some text")]
    text: String,
    /// No address, unless one is set.
    mac: Option<MacAddress>,
}

#[derive(Choice, Clone, Copy)]
enum Strength {
    Required,
    IfThereIsRoom,
}

#[derive(State, Debug, PartialEq)]
struct Seen {
    odd: bool,
    packets: u32,
    bytes: u64,
    ports: [u16; 3],
}

#[derive(Cell, Debug, PartialEq)]
struct Totals {
    flag: bool,
    small: u16,
    first: u64,
    second: u64,
}

#[derive(Cell, Debug, PartialEq)]
struct Merged {
    #[merge(sum)]
    sum: u64,
    #[merge(max)]
    max: u64,
    #[merge(min)]
    min: u64,
    #[merge(or)]
    bits: u64,
}

#[derive(Key)]
struct Endpoint {
    protocol: u8,
    address: Ipv4Addr,
    port: u16,
}

#[derive(Reason)]
enum Reason {
    TooMany,
}

#[derive(Event)]
enum Event {
    Begun,
    EndedForGood,
}

struct Everything {
    parameters: Parameters,
    totals: Vector<Totals>,
    map: Map<Endpoint, u64>,
    leases: Allocator,
    merged: Distributed<Merged>,
}

#[nfos::export]
impl NetworkFunction for Everything {
    const NAME: &'static str = "everything";
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Seen;
    type Reason = Reason;
    type Event = Event;

    fn packet_sets() -> Vec<PacketSet> {
        vec![PacketSet::new("flow").rule(Rule::ipv4(FIVE_TUPLE).protocols([UDP]).symmetric())]
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn capacity(&self) -> u32 {
        2
    }

    fn periods(&self) -> Vec<Duration> {
        vec![Duration::from_secs(10), Duration::from_secs(25)]
    }

    fn init(parameters: Parameters) -> Self {
        Self {
            parameters,
            totals: Vector::open("totals", 4),
            map: Map::open("map", 2),
            leases: Allocator::open("leases", 1, Duration::ZERO),
            merged: Distributed::open("merged", Duration::from_millis(1)),
        }
    }

    fn exit(&self) {
        let Parameters { number, text, mac, .. } = &self.parameters;
        log!(Level::Information, "{number} {text} {mac:?}");
        log!(Level::Detail, "{:?}", self.merged.read());
    }

    fn init_packet_set(&self, packet: &mut Packet, seen: &mut Seen) -> Verdict {
        assert_eq!(*seen, Seen { odd: false, packets: 0, bytes: 0, ports: [0; 3] });
        emit(Event::Begun, 1);
        self.totals.add(0_u32, Totals::FIRST, 1);
        let verdict = self.packet(packet, seen);
        match self.parameters.strength {
            _ if !self.parameters.register => verdict,
            Strength::Required => verdict.register(),
            Strength::IfThereIsRoom => verdict.register_if_room(),
        }
    }

    fn packet(&self, packet: &mut Packet, seen: &mut Seen) -> Verdict {
        seen.packets += 1;
        seen.bytes += u64::from(packet.wire_length());
        seen.odd = !seen.odd;
        seen.ports = [packet.port(), 7, 8];
        // The count leaves in the frame, so that a test sees it.
        packet.bytes_mut()[0] = seen.packets as u8;
        match seen.packets {
            5.. => Verdict::drop(Reason::TooMany),
            _ => Verdict::send(1),
        }
    }

    fn expired_packet_set(&self, seen: &Seen) {
        assert_eq!(seen.odd, seen.packets % 2 == 1);
        emit(Event::EndedForGood, u64::from(seen.packets));
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let ip = packet.ipv4()?;
        let key = Endpoint { protocol: ip.protocol(), address: ip.source(), port: 0x0102 };
        match self.map.get(&key) {
            Some(count) => assert_eq!(self.map.set(&key, &(count + 1)), SetOutcome::Ok),
            None if self.map.set(&key, &1) == SetOutcome::Full => return Ok(Verdict::flood()),
            None => {}
        }
        self.merged.update(Merged::SUM, -3);
        self.merged.update(Merged::MAX, 9);
        self.merged.update(Merged::MIN, 4);
        self.merged.update(Merged::BITS, 0b101);
        Ok(Verdict::consume())
    }

    fn periodic(&self, period: usize) {
        let totals = self.totals.read(1_u32);
        self.totals
            .write(1_u32, &Totals { second: totals.second * 10 + period as u64 + 1, ..totals });
        if let Some(lease) = self.leases.next_expired() {
            self.leases.free(lease.id);
        }
        if let Some(id) = self.leases.allocate(Duration::from_secs(5)) {
            assert!(self.leases.is_live(id) && self.leases.refresh(id, Duration::from_secs(6)));
        }
        send(0, &[7; 60]);
    }
}

fn start(parameters: &[(&str, &str)]) -> Harness {
    Harness::new(NATIVE, parameters)
}

fn frame(host: u8) -> Vec<u8> {
    let flow = Flow::new((Ipv4Addr::new(10, 0, 0, host), 1), (Ipv4Addr::new(10, 1, 0, 1), 2));
    frames::udp(flow, b"payload")
}

/// The packets' counts of their sets, read from the frames that left; 0: dropped.
fn counts(fates: &[Fate]) -> Vec<u8> {
    let count = |fate: &Fate| match fate {
        Fate::Sent(1, frame) => frame[0],
        _ => 0,
    };
    fates.iter().map(count).collect()
}

#[test]
fn the_description_names_what_the_author_wrote() {
    let everything = start(&[]);
    let description = everything.description();
    assert_eq!(description.name, "everything");
    assert_eq!(description.handles.len(), 5);
    assert_eq!(description.state_size, 24);
    assert_eq!(description.drop_reasons[0], "truncated");
    assert_eq!(description.drop_reasons[7..], ["too_many"]);
    assert_eq!(description.events, ["begun", "ended_for_good"]);
    let names: Vec<_> = description.parameters.iter().map(|one| &one.name[..]).collect();
    assert_eq!(names, ["register", "strength", "number", "text", "mac"]);
    let constraints = format!("{:?}", description.parameters);
    assert!(constraints.contains("if-there-is-room") && constraints.contains("Range((1, 9))"));
    assert_eq!(description.parameters[1].help, "How registration fails.");
    let ties = description.parameters.iter().map(|one| one.relaxes.iter());
    let ties: Vec<_> = ties.flatten().map(|tie| (tie.setting, &tie.structure[..])).collect();
    let (staleness, capacity) = (Setting::Staleness, Setting::Capacity);
    assert_eq!(ties, [(staleness, "merged"), (capacity, "map"), (capacity, "leases*")]);
}

#[test]
fn packets_of_one_set_in_one_burst_see_each_others_state() {
    let (a, b) = (frame(1), frame(2));
    let mut everything = start(&[]);
    let burst: [(u16, &[u8]); 6] = [(0, &a), (0, &b), (0, &a), (0, &a), (0, &b), (0, &a)];
    everything.configuration_mut().packet_sets = 100;
    assert_eq!(counts(&everything.burst(&burst)), [1, 1, 2, 3, 2, 4]);
    assert_eq!(counts(&everything.burst(&burst[..2])), [0, 3], "the next burst goes on from there");
    assert_eq!(everything.world().vector_cell("totals", 0)[1], 2);
}

#[test]
fn a_set_that_did_not_register_begins_again_within_the_burst() {
    let a = frame(1);
    let mut everything = start(&[("register", "false")]);
    everything.configuration_mut().packet_sets = 100;
    assert_eq!(counts(&everything.burst(&[(0, &a), (0, &a), (0, &a)])), [1, 1, 1]);
    assert_eq!(everything.packet_sets(), 0);
}

#[test]
fn both_directions_of_a_symmetric_rule_are_one_set() {
    let flow = Flow::new((Ipv4Addr::new(10, 0, 0, 1), 1), (Ipv4Addr::new(10, 1, 0, 1), 2));
    let mut everything = start(&[]);
    let (forth, back) = (frames::udp(flow, b""), frames::udp(flow.answer(), b""));
    assert_eq!(counts(&everything.burst(&[(0, &forth), (0, &back)])), [1, 2]);
}

#[test]
fn a_full_table_undoes_the_event_and_a_required_registration_drops() {
    for (strength, third) in [("required", 0), ("if-there-is-room", 1)] {
        let mut everything = start(&[("strength", strength)]);
        let frames = [frame(1), frame(2), frame(3)];
        let fates: Vec<_> = frames.iter().map(|frame| everything.packet(0, frame)).collect();
        assert_eq!(counts(&fates), [1, 1, third], "{strength}");
        let expected = Fate::dropped("packet_set_table_full");
        assert_eq!(fates[2] == expected, strength == "required");
        assert_eq!(everything.world().vector_cell("totals", 0)[1], 2, "the third is undone");
        assert_eq!(everything.world().emitted.len(), 2);
    }
}

#[test]
fn an_idle_set_expires_once_with_its_last_state() {
    let mut everything = start(&[]);
    everything.at(1);
    everything.packet(0, &frame(1));
    everything.packet(0, &frame(1));
    everything.at(1_000_000_001);
    assert_eq!(everything.packet_sets(), 1);
    everything.at(1_000_000_002);
    assert_eq!(everything.packet_sets(), 0);
    assert_eq!(everything.world().emitted, [(0, 1), (1, 2)]);
}

#[test]
fn periods_come_in_their_order_and_leases_come_back() {
    let mut everything = start(&[]);
    everything.at(0).at(50_000_000_000);
    // Every 10 s and every 25 s, both at 50 s.
    assert_eq!(everything.world().vector_cell("totals", 1)[2], 1_121_112);
    assert_eq!(everything.world().sent.len(), 7);
}

#[test]
fn structures_keep_what_handlers_put_there() {
    let mut everything = start(&[]);
    let orphan = |host: u8| {
        let source = Ipv4Addr::new(10, 0, 0, host);
        frames::ipv4(source, Ipv4Addr::new(10, 1, 0, 1), 1, &[0; 8])
    };
    let fates: Vec<_> =
        [1, 1, 2, 3].iter().map(|&host| everything.packet(0, &orphan(host))).collect();
    assert_eq!(fates[..3], [Fate::Consumed, Fate::Consumed, Fate::Consumed]);
    assert_eq!(fates[3], Fate::Flooded(orphan(3)), "the map is full");
    assert_eq!(everything.world().map_len("map"), 2);
    assert_eq!(everything.packet(0, &[0; 20]), Fate::dropped("not_ipv4"));
    everything.exit();
    assert_eq!(everything.world().logged[0].1, "7 some text None");
    // Three orphans updated it, each by -3.
    let merged = "Merged { sum: 18446744073709551607, max: 9, min: 4, bits: 5 }";
    assert_eq!(everything.world().logged[1].1, merged);
}

#[test]
fn cells_and_keys_lie_as_documented() {
    use nfos::cell::Cell;
    use nfos::key::Key;
    let totals = Totals { flag: true, small: 0x0203, first: 4, second: u64::MAX };
    let words = [0x0203_0001, 4, u64::MAX, 0, 0, 0];
    assert_eq!(totals.to_words(), words);
    assert_eq!(Totals::from_words(words), totals);
    assert_eq!((Totals::FIRST.index(), Totals::SECOND.index()), (1, 2));
    let key = Endpoint { protocol: 17, address: Ipv4Addr::new(1, 2, 3, 4), port: 0x0506 };
    key.with_bytes(|bytes| assert_eq!(bytes, [17, 1, 2, 3, 4, 5, 6]));
    assert_eq!(Endpoint::SIZE, 7);
}

#[test]
fn the_hash_is_that_of_every_other_language() {
    // Computed by another implementation of the definition.
    assert_eq!(hash(0, b""), 0x813f_0174_a236_7c13);
    assert_eq!(hash(1, b"abc"), 0xd05d_b19d_7771_29f7);
    let tuple: Vec<u8> = (0..13).collect();
    assert_eq!(hash(u64::MAX, &tuple), 0x63d1_25c2_2e67_4ce4);
}

//! Bursts that are broken off by a conflict, event by event: what they did to frames, packet-set
//! state and the world outside is as if they had been handled one after the other, once.
//!
//! A guest written here runs in a real worker. While it handles a certain event, a rival commits a
//! change to what that event alone has read, so that those before it stand, and it and those behind
//! it run again.

use crate::burst::{Burst, Shape};
use crate::counters::Counters;
use crate::definitions;
use crate::egress::{Egress, Origin};
use crate::notice::Notice;
use crate::packet_set::capacity::Capacity;
use crate::packet_set::table::Table;
use crate::reasons::DropReason;
use crate::services::{Surroundings, WorkerServices};
use crate::worker::{Parts, Worker};
use nfos_engine::description::{Configuration, Description, Field, Layer, PacketSet, Rule};
use nfos_engine::exchange::{Event, EventKind, Exchange, NO_PREVIOUS, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::services::Services;
use nfos_netio::{Frame, PortId};
use nfos_state::{ObjectId, Settings, State};
use std::sync::Arc;

const EVENTS: usize = 12;
const SETS: usize = 3;
const DROP: (u8, u16) = (0, 0);
const SEND: (u8, u16) = (1, 1);
/// The byte of the frame that every run raises by one: a payload byte.
const RAISED: usize = 44;

/// What a run of an event was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answers {
    now_ns: u64,
    random: [u64; 2],
}

/// Reads an element of its own, writes one of all, and changes all that a handler may change.
struct Raising {
    services: WorkerServices,
    rival: nfos_state::Worker,
    /// An element for each event, which it reads, and one that all of them write.
    contended: ObjectId,
    /// The events, by the number in their frames, at whose first run the rival interferes.
    interferes_at: Vec<usize>,
    /// By event: the answers of each run.
    runs: Vec<Vec<Answers>>,
    /// What an event with that number of runs answers.
    verdict: fn(runs: usize) -> (u8, u16),
    /// Whether it is broken, and how many instances do not start before one does.
    broken: bool,
    failing_starts: usize,
}

impl Raising {
    /// Changes what the event `number` has read.
    fn interfere(&mut self, number: usize) {
        self.rival.begin_burst();
        assert!(self.rival.begin_event(0));
        self.rival.vector_add(self.contended, number as u32, 0, 1).expect("the vector is there");
        assert_eq!(self.rival.commit(1).committed, 1);
    }

    fn run(&mut self, frame: &mut [u8], state: &mut [u8]) -> Result<(u8, u16), GuestFault> {
        let number = usize::from(frame[RAISED - 1]);
        self.services.vector_read(self.contended.raw(), number as u32)?;
        self.services.vector_write(self.contended.raw(), EVENTS as u32, [number as u64; 6])?;
        let random = [self.services.random()?, self.services.random()?];
        self.runs[number].push(Answers { now_ns: self.services.now()?, random });
        frame[RAISED] += 1;
        state[0] += 1;
        self.services.emit(0, number as u64)?;
        let runs = self.runs[number].len();
        let verdict = (self.verdict)(runs);
        if verdict == SEND {
            self.services.send(0, &[runs as u8; 60])?;
        }
        if runs == 1 && self.interferes_at.contains(&number) {
            self.interfere(number);
        }
        Ok(verdict)
    }
}

impl Guest<WorkerServices> for Raising {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        if self.failing_starts > 0 {
            self.failing_starts -= 1;
            return Err(GuestFault::TimeLimit);
        }
        self.broken = false;
        Ok(Configuration { idle_timeout_ns: 0, packet_sets: 64, periods_ns: vec![] })
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        if self.broken {
            return Err(GuestFault::Trap("an instance that breaks at once".into()));
        }
        let layout = burst.layout();
        let mut events = vec![[0; 24]; layout.events as usize];
        let (mut frames, mut states) =
            (vec![0; layout.frames as usize], vec![0xEE; layout.states as usize]);
        burst.fill(&mut events, &mut frames, &mut states);
        let events: Vec<_> =
            events.iter().map(|event| Event::load(event).expect("the host wrote it")).collect();
        let mut verdicts: Vec<[u8; VERDICT_SIZE]> = Vec::new();
        for (index, event) in events.iter().enumerate() {
            if !self.services.begin(index as u32)? {
                break;
            }
            let at = event.state_offset as usize;
            let mut first = event.kind == EventKind::InitPacketSet;
            if event.previous != NO_PREVIOUS {
                // Every first packet registers here, so the set has state.
                let previous = events[event.previous as usize].state_offset as usize;
                states.copy_within(previous..previous + 1, at);
                first = false;
            }
            let start = event.frame_offset as usize;
            let frame = &mut frames[start..start + event.frame_length as usize];
            let (action, target) = self.run(frame, &mut states[at..at + 1])?;
            let mut verdict = [0; VERDICT_SIZE];
            verdict[..2].copy_from_slice(&[action, u8::from(first)]);
            verdict[2..4].copy_from_slice(&target.to_le_bytes());
            verdict[4..8].copy_from_slice(&event.frame_offset.to_le_bytes());
            verdict[8..].copy_from_slice(&event.frame_length.to_le_bytes());
            verdicts.push(verdict);
        }
        burst.accept(&mut self.services, &verdicts, &frames, &states)
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        Ok(())
    }

    fn services(&mut self) -> &mut WorkerServices {
        &mut self.services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        Ok(())
    }
}

/// Keeps what leaves.
#[derive(Default)]
struct Kept {
    packets: Vec<Vec<u8>>,
    further: Vec<Vec<u8>>,
}

impl Egress for Kept {
    fn send(&mut self, _: u16, frame: Frame, origin: Origin) {
        match origin {
            Origin::Packet => self.packets.push(frame.bytes().to_vec()),
            Origin::Further => self.further.push(frame.bytes().to_vec()),
        }
    }

    fn spare(&mut self) -> Option<Frame> {
        Some(Frame::new(128))
    }

    fn recycle(&mut self, _: Frame) {}

    fn flush(&mut self) {}
}

fn description() -> Description {
    let rule = Rule {
        ports: vec![],
        layer: Layer::Ipv4,
        protocols: vec![17],
        key: vec![Field::SourceAddress],
        symmetric: false,
    };
    Description {
        name: "raising".into(),
        summary: String::new(),
        ports: 2,
        handles: vec![EventKind::InitPacketSet, EventKind::Packet],
        packet_sets: vec![PacketSet { name: "hosts".into(), rules: vec![rule] }],
        orphans: vec![],
        state_size: 1,
        window: 128,
        headroom: 0,
        parameters: vec![],
        drop_reasons: vec!["second_thoughts".into()],
        events: vec!["run".into()],
    }
}

/// A UDP packet of one of the hosts that carries its number, and a zero to raise.
fn packet(number: usize) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[12..15].copy_from_slice(&[8, 0, 0x45]);
    frame[16..18].copy_from_slice(&46_u16.to_be_bytes());
    (frame[22], frame[23]) = (64, 17);
    frame[26..30].copy_from_slice(&[10, 0, 0, (number % SETS) as u8]);
    frame[38..40].copy_from_slice(&26_u16.to_be_bytes());
    frame[RAISED - 1] = number as u8;
    frame
}

type Tested = Worker<Raising, Kept>;

/// A worker with one burst of packets in its inbox, some of one set, and a rival.
fn worker(interferes_at: &[usize], verdict: fn(usize) -> (u8, u16)) -> Tested {
    worker_of(&description(), interferes_at, verdict)
}

fn worker_of(
    description: &Description,
    interferes_at: &[usize],
    verdict: fn(usize) -> (u8, u16),
) -> Tested {
    let state = State::new(Settings {
        participants: 3,
        burst_max: 32,
        memory_bytes_max: 16 << 20,
        seed: 1,
    });
    let contended = state.open_vector("contended", EVENTS as u32 + 1).expect("a small vector");
    let around = Arc::new(Surroundings {
        state: Arc::clone(&state),
        parameters: Default::default(),
        events: 1,
        seed: 7,
    });
    let guest = Raising {
        services: WorkerServices::new(around, state.worker(0), 32),
        rival: state.worker(2),
        contended,
        interferes_at: interferes_at.to_vec(),
        runs: vec![Vec::new(); EVENTS],
        verdict,
        broken: false,
        failing_starts: 0,
    };
    let burst = Burst::new(
        Shape::new(0, description, 5),
        Arc::new(definitions::classifier(description).expect("good rules")),
        Arc::new(Capacity::new(64, 1)),
        Table::new(64, definitions::key_words(description), 1, 0),
    );
    let (notices, _) = crossbeam_channel::unbounded::<Notice>();
    let mut worker = Worker::new(Parts {
        index: 0,
        guest,
        script: [].into(),
        burst,
        burst_max: 32,
        egress: Kept::default(),
        counters: Arc::new(Counters::new(DropReason::count(1), 2, 1)),
        notices,
        ports: 2,
        scribe: None,
        probe: None,
    });
    for number in 0..EVENTS {
        let bytes = packet(number);
        let mut frame = Frame::new(128);
        let (length, at_ns) = (bytes.len() as u32, 1_000 + number as u64);
        frame.load(&bytes, PortId::new(0), length, at_ns, number as u64).expect("it fits");
        worker.receive(frame);
    }
    worker
}

/// All ways of interfering with one or two events.
fn interferences() -> impl Iterator<Item = Vec<usize>> {
    (0..EVENTS).flat_map(|first| (first..EVENTS).map(move |second| vec![first, second]))
}

#[test]
fn a_frame_rewritten_in_place_and_run_again_is_rewritten_once() {
    for interferes_at in interferences() {
        let mut worker = worker(&interferes_at, |_| SEND);
        worker.run(0);
        let packets = &worker.egress().packets;
        assert_eq!(packets.len(), EVENTS, "{interferes_at:?}");
        for (number, frame) in packets.iter().enumerate() {
            let mut expected = packet(number);
            expected[RAISED] = 1;
            assert_eq!(*frame, expected, "{interferes_at:?}");
        }
        assert!(worker.counters().aborts.value() > 0, "{interferes_at:?}: nothing ran again");
    }
}

#[test]
fn packet_set_state_after_a_broken_burst_is_the_sequential_one() {
    for interferes_at in interferences() {
        let mut worker = worker(&interferes_at, |_| SEND);
        worker.run(0);
        assert_eq!(worker.counters().sets_registered.value(), SETS as u64);
        assert_eq!(worker.states(1), vec![vec![(EVENTS / SETS) as u8]; SETS], "{interferes_at:?}");
    }
}

#[test]
fn what_an_event_did_in_its_first_run_does_not_happen_if_its_second_does_otherwise() {
    for event in 0..EVENTS {
        // Sends at first; drops when it runs again.
        let mut worker = worker(&[event], |runs| if runs == 1 { SEND } else { DROP });
        worker.run(0);
        let again = worker.guest().runs.iter().filter(|runs| runs.len() > 1).count();
        assert!(again > 0, "the event {event} runs again");
        let Kept { packets, further } = worker.egress();
        assert_eq!(packets.len(), EVENTS - again);
        assert_eq!(further.len(), EVENTS - again, "each sends a frame of its own too");
        assert!(further.iter().all(|frame| *frame == [1; 60]));
        let counters = worker.counters();
        assert_eq!(counters.dropped(), again as u64);
        assert_eq!(counters.emissions[0].count.value(), EVENTS as u64, "exactly once each");
    }
}

#[test]
fn clock_and_random_numbers_repeat_when_an_event_runs_again() {
    for interferes_at in interferences() {
        let mut worker = worker(&interferes_at, |_| SEND);
        worker.run(0);
        let runs = &worker.guest().runs;
        assert!(runs.iter().any(|of_event| of_event.len() > 1), "{interferes_at:?}");
        for (number, of_event) in runs.iter().enumerate() {
            assert_eq!(of_event[0].now_ns, 1_000 + number as u64);
            assert!(of_event.iter().all(|run| *run == of_event[0]), "{interferes_at:?}");
        }
        let mut random: Vec<_> = runs.iter().flat_map(|of_event| of_event[0].random).collect();
        random.sort_unstable();
        random.dedup();
        assert_eq!(random.len(), 2 * EVENTS, "numbers differ between events and draws");
    }
}

#[test]
fn packets_of_new_sets_share_a_burst() {
    let mut worker = worker(&[], |_| SEND);
    worker.run(0);
    assert_eq!((worker.counters().bursts.value(), worker.counters().aborts.value()), (1, 0));
}

#[test]
fn an_instance_that_does_not_start_again_costs_packets_and_never_the_host() {
    let mut worker = worker(&[], |_| SEND);
    (worker.guest_mut().broken, worker.guest_mut().failing_starts) = (true, 3);
    worker.run(0);
    let counters = worker.counters();
    let (sent, dropped) = (worker_sent(&worker), counters.dropped());
    assert_eq!(sent + dropped, EVENTS as u64, "every packet is accounted for");
    assert!(dropped > 0, "those that came while there was no instance");
    assert_eq!(counters.faults.value(), 3);
    // One more packet, and by now an instance that starts.
    let mut frame = Frame::new(128);
    frame.load(&packet(0), PortId::new(0), 60, 9_000, 99).expect("it fits");
    worker.receive(frame);
    worker.run(0);
    worker.run(0);
    assert_eq!(worker_sent(&worker) + worker.counters().dropped(), EVENTS as u64 + 1);
}

#[test]
fn packets_that_nobody_handles_are_dropped_to_the_last() {
    let without_sets =
        Description { packet_sets: vec![], handles: vec![EventKind::Periodic], ..description() };
    for (description, sent) in [(description(), EVENTS as u64), (without_sets, 0)] {
        let mut worker = worker_of(&description, &[], |_| SEND);
        // Several bursts of them.
        for number in 0..100 {
            let mut frame = Frame::new(128);
            frame.load(&[0; 60], PortId::new(0), 60, 2_000, number).expect("it fits");
            worker.receive(frame);
        }
        worker.run(0);
        let dropped = worker.counters().dropped();
        assert_eq!((worker.waiting(), worker_sent(&worker)), (0, sent));
        assert_eq!(dropped, EVENTS as u64 + 100 - sent);
    }
}

fn worker_sent(worker: &Tested) -> u64 {
    worker.egress_ref().packets.len() as u64
}

//! A network function that knows which packet of each set comes next, from what its state says and
//! from what all of its instances have seen, and sends every packet back.

use super::{ORPHANS, PORTS, SETS, label, renumber};
use nfos_dataplane::{Factory, WorkerServices};
use nfos_engine::description::{Configuration, Description, Field, Layer, PacketSet, Rule};
use nfos_engine::exchange::{Event, EventKind, Exchange, NO_PREVIOUS, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::services::Services;
use nfos_sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes of state: the number of the next packet from each port, and which set it is.
const STATE_BYTES: usize = 8 * PORTS + 8;

/// What instances have seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By set and port: the number of the last packet.
    last: Vec<[AtomicU64; PORTS]>,
    /// Sets that have state.
    alive: Vec<AtomicBool>,
    /// Ends of sets.
    pub(crate) ended: AtomicU64,
    /// What was not as it must be.
    pub(crate) wrong: Mutex<Vec<String>>,
}

/// How strict it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// No packet is missing.
    None,
    /// Some are, for a reason that is counted.
    Allowed,
}

/// The network function.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) description: Description,
    pub(crate) seen: Arc<Seen>,
    pub(crate) idle_timeout_ns: u64,
    pub(crate) gaps: Gaps,
    /// What a packet's number is raised by when it is sent back: 0, if it comes once.
    pub(crate) raised_by: u64,
    /// Packets of set 0, of a number that this divides, at which an instance takes a while.
    pub(crate) slow_every: u64,
}

impl Witness {
    pub(crate) fn new(idle_timeout_ns: u64) -> Self {
        let key = [
            Field::SourceAddress,
            Field::DestinationAddress,
            Field::SourcePort,
            Field::DestinationPort,
        ];
        let back = [
            Field::DestinationAddress,
            Field::SourceAddress,
            Field::DestinationPort,
            Field::SourcePort,
        ];
        let rule = |port, key: [Field; 4]| Rule {
            ports: vec![port],
            layer: Layer::Ipv4,
            protocols: vec![17],
            key: [&key[..], &[Field::Protocol]].concat(),
            symmetric: false,
        };
        let description = Description {
            name: "witness".into(),
            summary: "Sees whether anything is out of order.".into(),
            ports: PORTS as u16,
            handles: vec![
                EventKind::InitPacketSet,
                EventKind::Packet,
                EventKind::ExpiredPacketSet,
                EventKind::OrphanPacket,
            ],
            packet_sets: vec![PacketSet {
                name: "session".into(),
                rules: vec![rule(0, key), rule(1, back)],
            }],
            orphans: vec![],
            state_size: STATE_BYTES as u32,
            window: 0,
            headroom: 0,
            parameters: vec![],
            drop_reasons: vec![],
            events: vec![],
        };
        let seen = Seen {
            last: (0..=SETS + 1).map(|_| Default::default()).collect(),
            alive: (0..=SETS).map(|_| AtomicBool::new(false)).collect(),
            ..Seen::default()
        };
        let (seen, gaps) = (Arc::new(seen), Gaps::None);
        let slow_every = u64::MAX;
        Self { description, seen, idle_timeout_ns, gaps, raised_by: 0, slow_every }
    }
}

impl Factory for Witness {
    type Guest = Instance;

    fn description(&self) -> &Description {
        &self.description
    }

    fn engine(&self) -> &'static str {
        "native"
    }

    fn make(&self, services: WorkerServices) -> Result<Instance, GuestFault> {
        Ok(Instance {
            services,
            seen: Arc::clone(&self.seen),
            idle_timeout_ns: self.idle_timeout_ns,
            gaps: self.gaps,
            raised_by: self.raised_by,
            slow_every: self.slow_every,
        })
    }
}

pub(crate) struct Instance {
    services: WorkerServices,
    seen: Arc<Seen>,
    idle_timeout_ns: u64,
    gaps: Gaps,
    raised_by: u64,
    slow_every: u64,
}

impl Seen {
    fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap();
        if wrong.len() < 20 {
            wrong.push(what);
        }
    }

    fn next(&self, set: usize) -> [u64; PORTS] {
        self.last[set].each_ref().map(|last| last.load(Ordering::SeqCst) + 1)
    }
}

fn words(state: &[u8]) -> [u64; PORTS + 1] {
    std::array::from_fn(|at| u64::from_le_bytes(state[8 * at..8 * at + 8].try_into().unwrap()))
}

impl Instance {
    fn is_next(&self, number: u64, next: u64) -> bool {
        match self.gaps {
            Gaps::None => number == next,
            Gaps::Allowed => number >= next,
        }
    }

    fn packet(&self, first: bool, port: usize, bytes: &mut [u8], state: &mut [u8]) {
        let (set, number) = label(bytes);
        renumber(bytes, number + self.raised_by);
        let next = self.seen.next(set);
        if !self.is_next(number, next[port]) {
            self.seen.wrong(format!("set {set}, port {port}: {number} after {next:?}"));
        }
        if set < ORPHANS {
            let [a, b, whose] = words(state);
            let was_alive = self.seen.alive[set].swap(true, Ordering::SeqCst);
            let keeps = !first && [a, b] == next && whose == set as u64 && was_alive;
            if !(keeps || first && !was_alive) {
                let state = words(state);
                let what = if first { "begins" } else { "goes on" };
                self.seen.wrong(format!("set {set} {what} at {next:?} with {state:?}"));
            }
        }
        self.seen.last[set][port].store(number, Ordering::SeqCst);
        if set < ORPHANS {
            self.keep(set, state);
        }
        if set == 0 && number.is_multiple_of(self.slow_every) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn keep(&self, set: usize, state: &mut [u8]) {
        let [a, b] = self.seen.next(set);
        for (to, word) in state.as_chunks_mut::<8>().0.iter_mut().zip([a, b, set as u64]) {
            *to = word.to_le_bytes();
        }
    }

    fn end(&self, state: &[u8]) {
        let [a, b, set] = words(state);
        let next = self.seen.next(set as usize);
        let was_alive = self.seen.alive[set as usize].swap(false, Ordering::SeqCst);
        if !was_alive || [a, b] != next {
            self.seen.wrong(format!("set {set} ends at {next:?} with {a}, {b}"));
        }
        self.seen.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl Guest<WorkerServices> for Instance {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        let idle_timeout_ns = self.idle_timeout_ns;
        Ok(Configuration { idle_timeout_ns, packet_sets: SETS as u32, periods_ns: vec![] })
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        let layout = burst.layout();
        let mut events = vec![[0; 24]; layout.events as usize];
        let (mut frames, mut states) =
            (vec![0; layout.frames as usize], vec![0; layout.states as usize]);
        burst.fill(&mut events, &mut frames, &mut states);
        let events: Vec<_> = events.iter().map(|event| Event::load(event).unwrap()).collect();
        let mut verdicts = Vec::new();
        for (index, event) in events.iter().enumerate() {
            assert!(self.services.begin(index as u32)?);
            let mut first = event.kind == EventKind::InitPacketSet;
            let at = event.state_offset as usize;
            if event.previous != NO_PREVIOUS {
                let previous = events[event.previous as usize].state_offset as usize;
                states.copy_within(previous..previous + STATE_BYTES, at);
                first = false;
            }
            let start = event.frame_offset as usize;
            let frame = &mut frames[start..start + event.frame_length as usize];
            let mut verdict = [0; VERDICT_SIZE];
            match event.kind {
                EventKind::ExpiredPacketSet => {
                    self.end(&states[at..at + STATE_BYTES]);
                    verdict[0] = 3;
                }
                kind => {
                    let mut none = [0; STATE_BYTES];
                    let state = match kind {
                        EventKind::OrphanPacket => &mut none[..],
                        _ => &mut states[at..at + STATE_BYTES],
                    };
                    self.packet(first, event.port.into(), frame, state);
                    verdict[..2].copy_from_slice(&[1, u8::from(first) * 2]);
                    verdict[2..4].copy_from_slice(&event.port.to_le_bytes());
                    verdict[4..8].copy_from_slice(&event.frame_offset.to_le_bytes());
                    verdict[8..].copy_from_slice(&event.frame_length.to_le_bytes());
                }
            }
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

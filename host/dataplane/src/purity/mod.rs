//! Whether a network function keeps its memory to itself: guest memory is scratch, and what a
//! handler leaves there may vanish or come back from a run that was thrown away.
//!
//! Every burst runs twice. The first run is broken off at a place drawn by chance (before an
//! event, in the middle of one at some import, or not at all) and thrown away, as a conflict does
//! it; sometimes the instance is then replaced, as a fault does it. The second run is the one
//! that counts. Given the same frame, state and answers of imports, an event must ask for the same
//! and leave the same both times. Where an import answered otherwise (another worker was in
//! between; an allocator may give any id), nothing is compared from there on.

mod compare;
mod traced;
mod witness;

use std::sync::{Arc, Mutex, PoisonError};

use nfos_engine::description::{Configuration, Description};
use nfos_engine::exchange::{EVENT_SIZE, EventKind, Exchange, Layout, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::{NetworkFunction, SandboxedGuest};
use nfos_records::Summary;
use nfos_sync::atomic::AtomicBool;

use self::compare::Record;
use self::traced::{BreakOff, Traced};
pub use self::witness::run_witnessed;
use crate::factory::Factory;
use crate::launch::{Launch, Observation, RunError, run};
use crate::services::WorkerServices;

/// In how many bursts the instance is replaced between the two runs: one of so many.
const REPLACED_ONE_OF: u64 = 4;

/// What two runs of the same event showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The handler that ran.
    pub kind: EventKind,
    /// The ingress port of its packet, or the index of its period.
    pub port: u16,
    /// The frame, as far as the handler saw it.
    pub frame: Vec<u8>,
    /// What differed: the first run, then the second.
    pub what: String,
}

/// What a run that repeats everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purity {
    /// Events that ran twice, to the end or to where they were broken off.
    pub repeated: u64,
    /// Those whose two runs differed.
    pub leaks: u64,
    /// The first of them.
    pub first: Option<Leak>,
}

/// Runs a network function as [`run`] does, each burst twice, and tells what differed.
///
/// # Errors
/// As [`run`].
pub fn run_twice(
    nf: &NetworkFunction,
    launch: &Launch,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<(Summary, Purity), RunError> {
    let found = Arc::default();
    let factory = Repeating { nf, found: Arc::clone(&found) };
    let summary = run(&factory, launch, stop, observe)?;
    let purity = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((summary, purity))
}

/// Makes instances that run everything twice.
struct Repeating<'a> {
    nf: &'a NetworkFunction,
    found: Arc<Mutex<Purity>>,
}

impl Factory for Repeating<'_> {
    type Guest = RepeatingGuest;

    fn description(&self) -> &Description {
        self.nf.description()
    }

    fn engine(&self) -> &'static str {
        self.nf.engine_kind()
    }

    fn make(&self, services: WorkerServices) -> Result<Self::Guest, GuestFault> {
        Ok(RepeatingGuest {
            guest: self.nf.instantiate(Traced::new(services))?,
            state_bytes: self.nf.description().state_size as usize,
            found: Arc::clone(&self.found),
            chance: Chance(1),
        })
    }
}

/// An instance that runs every burst twice.
struct RepeatingGuest {
    guest: SandboxedGuest<Traced>,
    state_bytes: usize,
    found: Arc<Mutex<Purity>>,
    chance: Chance,
}

impl RepeatingGuest {
    /// Runs a burst to throw it away.
    fn rehearse<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Record {
        let events = burst.layout().events;
        let break_off = match self.chance.below(3) {
            0 => BreakOff::AtEvent(self.chance.below(u64::from(events)) as u32),
            1 => BreakOff::AtCall(1 + self.chance.below(3 * u64::from(events)) as u32),
            _ => BreakOff::Never,
        };
        self.guest.services().begin_run(break_off);
        let mut run = Run { burst, record: Record::default(), counts: false };
        let fault = self.guest.handle(&mut run).err();
        let calls = self.guest.services().take_calls();
        Record { fault, calls, ..run.record }
    }

    /// Replaces the instance, and leaves the burst as it was begun.
    fn replace_within_burst(&mut self) -> Result<(), GuestFault> {
        let traced = self.guest.services();
        // The place to break off may lie behind the end of the run: `init` must not meet it.
        traced.begin_run(BreakOff::Never);
        traced.services.replay_init();
        self.guest.replace()?;
        self.guest.init().map(drop)
    }

    fn note(&self, first: &Record, second: &Record) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        compare::compare(first, second, self.state_bytes, &mut found);
    }
}

impl Guest<WorkerServices> for RepeatingGuest {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.guest.init()
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        let first = self.rehearse(burst);
        if first.fault.is_some() || self.chance.below(REPLACED_ONE_OF) == 0 {
            self.replace_within_burst()?;
        }
        let traced = self.guest.services();
        traced.services.restart_burst();
        traced.begin_run(BreakOff::Never);
        let mut run = Run { burst, record: Record::default(), counts: true };
        let result = self.guest.handle(&mut run);
        let record = run.record;
        let calls = self.guest.services().take_calls();
        self.note(&first, &Record { fault: result.clone().err(), calls, ..record });
        result
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.guest.exit()
    }

    fn services(&mut self) -> &mut WorkerServices {
        &mut self.guest.services().services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        self.guest.replace()
    }
}

/// A burst on its way into one of the two runs.
struct Run<'a, E> {
    burst: &'a mut E,
    record: Record,
    /// Whether it is the run that counts.
    counts: bool,
}

impl<E: Exchange<WorkerServices>> Exchange<Traced> for Run<'_, E> {
    fn layout(&self) -> Layout {
        self.burst.layout()
    }

    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]) {
        // What a buffer held before is no one's: both runs find the same there.
        frames.fill(0);
        states.fill(0);
        self.burst.fill(events, frames, states);
        self.record.events = events.to_vec();
        self.record.input = frames.to_vec();
    }

    fn accept(
        &mut self,
        traced: &mut Traced,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        states: &[u8],
    ) -> Result<(), GuestFault> {
        self.record.verdicts = verdicts.to_vec();
        self.record.frames = frames.to_vec();
        self.record.states = states.to_vec();
        match self.counts {
            true => self.burst.accept(&mut traced.services, verdicts, frames, states),
            false => Ok(()),
        }
    }
}

/// Chance, the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

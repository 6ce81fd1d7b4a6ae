//! Two workers whose transactions overlap, always: real ones, over captures, with a guest between
//! engine and worker that lets the one wait for the other.

use nfos_dataplane::{Factory, Launch, Locator, Observation, WorkerServices, run};
use nfos_engine::description::{Configuration, Description};
use nfos_engine::exchange::{EVENT_SIZE, Event, Exchange, Layout, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::{NetworkFunction, SandboxedGuest};
use nfos_records::profile::Profile;
use nfos_sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::support::{Run, assert_adds_up};

/// Which of the two a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Observer,
    Mutator,
}

/// In which order the two get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The mutator runs and commits when the observer has run and has not committed.
    Between,
    /// The observer runs when the mutator has run and has not committed; that it does when the
    /// observer runs again.
    While,
}

/// What a frame says of itself: which station it is from, and its role if it has one.
pub(crate) type Reading = fn(&[u8]) -> (u8, Option<Role>);

/// Where they are.
#[derive(Debug)]
pub(crate) struct Meeting {
    order: Order,
    reading: Reading,
    stage: Mutex<u32>,
    reached: Condvar,
    /// Which instance saw a frame from which station.
    seen: Mutex<Vec<(u8, usize)>>,
}

impl Meeting {
    fn new(order: Order, reading: Reading) -> Arc<Self> {
        let (stage, seen) = (Mutex::new(0), Mutex::default());
        Arc::new(Self { order, reading, stage, reached: Condvar::new(), seen })
    }

    fn reach(&self, stage: u32) {
        let mut at = self.stage.lock().unwrap();
        *at = stage.max(*at);
        self.reached.notify_all();
    }

    fn wait_for(&self, stage: u32) {
        let limit = Duration::from_secs(20);
        let at = self.stage.lock().unwrap();
        let (at, waited) = self.reached.wait_timeout_while(at, limit, |at| *at < stage).unwrap();
        assert!(!waited.timed_out(), "{:?}: stage {} of {stage}", self.order, *at);
    }

    /// The frames are with the guest, which has not run.
    fn before(&self, role: Role, attempt: u32) {
        match (self.order, role, attempt) {
            (Order::Between, Role::Mutator, _) | (Order::While, Role::Observer, 1) => {
                self.wait_for(1);
            }
            (Order::While, Role::Observer, 2) => {
                self.reach(2);
                self.wait_for(3);
            }
            _ => {}
        }
    }

    /// The guest has run, and nothing has committed.
    fn between(&self, role: Role, attempt: u32) {
        match (self.order, role, attempt) {
            (Order::Between, Role::Observer, 1) | (Order::While, Role::Mutator, 1) => {
                self.reach(1);
                self.wait_for(2);
            }
            _ => {}
        }
    }

    /// What could commit has.
    fn after(&self, role: Role) {
        match (self.order, role) {
            (Order::Between, Role::Mutator) => self.reach(2),
            (Order::While, Role::Mutator) => self.reach(3),
            _ => {}
        }
    }

    /// The stations whose frames one instance saw, and those that another did.
    pub(crate) fn apart(&self) -> [Vec<u8>; 2] {
        let seen = self.seen.lock().unwrap();
        let first = seen[0].1;
        let of = |wanted: bool| -> Vec<_> {
            let of = seen.iter().filter(|(_, instance)| (*instance == first) == wanted);
            of.map(|(station, _)| *station).collect()
        };
        let apart = [of(true), of(false)];
        assert!(apart.iter().all(|stations| stations.len() > 1), "spread over both: {apart:?}");
        apart
    }
}

/// A network function whose workers meet.
pub(crate) struct Met {
    pub(crate) function: NetworkFunction,
    pub(crate) meeting: Arc<Meeting>,
    made: Mutex<usize>,
}

impl Met {
    pub(crate) fn new(function: &NetworkFunction, order: Order, reading: Reading) -> Self {
        let (function, made) = (function.clone(), Mutex::new(0));
        Self { function, meeting: Meeting::new(order, reading), made }
    }
}

impl Factory for Met {
    type Guest = Between;

    fn description(&self) -> &Description {
        self.function.description()
    }

    fn engine(&self) -> &'static str {
        self.function.engine_kind()
    }

    fn locator(&self) -> Locator {
        Factory::locator(&self.function)
    }

    fn make(&self, services: WorkerServices) -> Result<Between, GuestFault> {
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let meeting = Arc::clone(&self.meeting);
        let guest = self.function.instantiate(services)?;
        Ok(Between { guest, meeting, instance: *made, attempts: 0 })
    }
}

/// An instance that waits where the meeting has it wait.
pub(crate) struct Between {
    guest: SandboxedGuest<WorkerServices>,
    meeting: Arc<Meeting>,
    instance: usize,
    /// Of the frame with a role.
    attempts: u32,
}

impl Guest<WorkerServices> for Between {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.guest.init()
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        let Self { guest, meeting, instance, attempts } = self;
        let mut passing =
            Passing { burst, meeting, instance: *instance, attempts, role: None, accepted: false };
        let handled = guest.handle(&mut passing);
        if let Some(role) = passing.role {
            if !passing.accepted {
                meeting.between(role, *passing.attempts);
            }
            meeting.after(role);
        }
        handled
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.guest.exit()
    }

    fn services(&mut self) -> &mut WorkerServices {
        self.guest.services()
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        self.guest.replace()
    }
}

struct Passing<'a, E> {
    burst: &'a mut E,
    meeting: &'a Meeting,
    instance: usize,
    attempts: &'a mut u32,
    role: Option<Role>,
    accepted: bool,
}

impl<E: Exchange<WorkerServices>> Exchange<WorkerServices> for Passing<'_, E> {
    fn layout(&self) -> Layout {
        self.burst.layout()
    }

    fn fill(&mut self, events: &mut [[u8; EVENT_SIZE]], frames: &mut [u8], states: &mut [u8]) {
        self.burst.fill(events, frames, states);
        let events = events.iter().map(|event| Event::load(event).unwrap());
        for event in events.filter(|event| event.frame_length > 0) {
            let start = event.frame_offset as usize;
            let frame = &frames[start..start + event.frame_length as usize];
            let (station, role) = (self.meeting.reading)(frame);
            self.meeting.seen.lock().unwrap().push((station, self.instance));
            self.role = self.role.or(role);
        }
        if let Some(role) = self.role {
            *self.attempts += 1;
            self.meeting.before(role, *self.attempts);
        }
    }

    fn accept(
        &mut self,
        services: &mut WorkerServices,
        verdicts: &[[u8; VERDICT_SIZE]],
        frames: &[u8],
        states: &[u8],
    ) -> Result<(), GuestFault> {
        if let Some(role) = self.role {
            self.meeting.between(role, *self.attempts);
        }
        self.accepted = true;
        self.burst.accept(services, verdicts, frames, states)
    }
}

/// What two workers, with a profile, record of what a [`Run`] plays.
pub(crate) fn profile_of(met: &Met, played: &Run) -> Profile {
    let launch = Launch { workers: 2, profile: true, ..played.launch.clone() };
    let mut profile = None;
    let summary = run(met, &launch, &AtomicBool::new(false), &mut |observation| {
        if let Observation::Profile(recorded) = observation {
            profile = Some(recorded.clone());
        }
    });
    assert_adds_up(&summary.unwrap());
    profile.unwrap()
}

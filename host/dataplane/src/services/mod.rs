//! What a guest reaches, over the worker's transaction, its effects and its clock.
//!
//! A burst is a sequence of *units*, each with a savepoint: one event each, if the guest calls
//! `begin` as it should. Whatever it does not begin belongs to the last unit it began, so a guest
//! that never calls `begin` runs its whole burst as one unit.

mod imports;

use crate::effects::Effects;
use crate::origin::EventOrigin;
use crate::probe::{Argument, Operation, Uses};
use crate::script::{Recordable, Recorded, Replay, Script};
use nfos_engine::fault::GuestFault;
use nfos_engine::services::{Answer, Handle, Value};
use nfos_state::{Commit, Position, State};
use nfos_sync::{Bug, seeded};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What is the same for all workers.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The structures.
    pub state: Arc<State>,
    /// The operator's values, or the defaults.
    pub parameters: BTreeMap<String, Value>,
    /// How many events the description has.
    pub events: u32,
    /// Of `random`.
    pub seed: u64,
}

/// When an event happens, and what its random numbers derive from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// What `clock.now` answers.
    pub now_ns: u64,
    /// Of this event alone; the same when it runs again.
    pub seed: u64,
    /// Where it came from.
    pub origin: EventOrigin,
}

impl Moment {
    /// Of an event of which nothing is said.
    #[inline]
    pub(crate) fn new(now_ns: u64, seed: u64) -> Self {
        Self { now_ns, seed, origin: EventOrigin::default() }
    }
}

/// Which of the guest's functions is running.
#[derive(Debug)]
enum Phase {
    /// `init`, for the first time.
    Recording(Vec<(&'static str, Recorded)>),
    /// `init`, again.
    Replaying(Replay),
    /// `handle`.
    Handling,
    /// `exit`.
    Exiting,
}

/// The services of one worker.
#[derive(Debug)]
pub struct WorkerServices {
    around: Arc<Surroundings>,
    state: nfos_state::Worker,
    effects: Effects,
    phase: Phase,
    /// What `init` was answered, once it has run.
    script: Script,
    /// Of the events of the call; at least one.
    moments: Vec<Moment>,
    /// The event that `begin` must name next.
    next: u32,
    /// The burst's event that the call's event 0 is: 0, unless events cross one by one.
    first: u32,
    doomed: bool,
    /// With profiling on.
    uses: Option<Box<Uses>>,
    draws: u64,
}

impl WorkerServices {
    /// For a worker with bursts of up to `events_max` events. Call one of the `start`s next.
    pub(crate) fn new(
        around: Arc<Surroundings>,
        state: nfos_state::Worker,
        events_max: usize,
    ) -> Self {
        Self {
            around,
            state,
            effects: Effects::new(events_max),
            phase: Phase::Exiting,
            script: [].into(),
            moments: Vec::with_capacity(events_max),
            next: 0,
            first: 0,
            doomed: false,
            uses: None,
            draws: 0,
        }
    }

    /// The next call is `init`, for the first time.
    pub(crate) fn start_recording(&mut self) {
        self.phase = Phase::Recording(Vec::new());
        self.start_call(&[Moment::new(0, u64::MAX)]);
    }

    /// What `init` was answered; empty before it has run.
    pub(crate) fn script(&mut self) -> Script {
        if let Phase::Recording(script) = std::mem::replace(&mut self.phase, Phase::Exiting) {
            self.script = script.into();
        }
        Arc::clone(&self.script)
    }

    /// The next call is `init`, by replay.
    pub(crate) fn start_replay(&mut self, script: Script) {
        self.script = Arc::clone(&script);
        self.phase = Phase::Replaying(Replay::new(script));
    }

    /// The next call is `init`, by replay, in a new instance within a burst.
    pub(crate) fn replay_init(&mut self) {
        self.phase = Phase::Replaying(Replay::new(Arc::clone(&self.script)));
    }

    /// Throws the run of a burst away; the next call is `handle` on the same burst.
    pub(crate) fn restart_burst(&mut self) {
        self.abandon();
        self.phase = Phase::Handling;
        self.start_unit();
    }

    /// The next call is `exit`.
    pub(crate) fn start_exit(&mut self, moment: Moment) {
        self.phase = Phase::Exiting;
        self.start_call(&[moment]);
    }

    /// The next call is `handle`, with an event for each moment; at least one.
    #[inline]
    pub(crate) fn start_burst(&mut self, moments: &[Moment]) {
        self.phase = Phase::Handling;
        self.start_call(moments);
    }

    #[inline]
    fn start_call(&mut self, moments: &[Moment]) {
        self.moments.clear();
        self.moments.extend_from_slice(moments);
        self.start_unit();
    }

    #[inline]
    fn start_unit(&mut self) {
        self.effects.clear();
        (self.next, self.first, self.doomed) = (0, 0, false);
        let moment = self.moment();
        if !seeded(Bug::OtherRandomOnRerun) {
            self.draws = 0;
        }
        self.state.begin_burst();
        let goes_on = self.state.begin_event_of(moment.now_ns, moment.origin.pack());
        debug_assert!(goes_on, "nothing was observed yet");
        if let Some(uses) = &mut self.uses {
            uses.begin_burst();
            uses.begin_event(moment.origin.pack());
        }
    }

    /// Records what the network function does from now on.
    pub(crate) fn watch(&mut self) {
        self.uses = Some(Box::new(Uses::new()));
    }

    /// What was recorded.
    pub(crate) fn take_uses(&mut self) -> Option<Uses> {
        self.uses.take().map(|uses| *uses)
    }

    /// Adds to the time that the last conflict cost.
    pub(crate) fn waste(&mut self, ns: u64) {
        self.state.waste(ns);
    }

    /// Time of the burst that went into its recording and not into its events.
    pub(crate) fn take_capture_ns(&mut self) -> u64 {
        self.uses.as_mut().map_or(0, |uses| uses.take_capture_ns())
    }

    /// How often an event ran alone because it had failed too often.
    pub(crate) fn gate_entries(&self) -> u64 {
        self.state.gate_entries()
    }

    /// The next call is `handle` on this event of the burst alone.
    pub(crate) fn start_step(&mut self, event: u32) {
        self.first = event;
    }

    /// The transaction, for a simulation.
    pub(crate) fn state(&mut self) -> &mut nfos_state::Worker {
        &mut self.state
    }

    /// When the unit in hand happens.
    #[inline]
    fn moment(&self) -> Moment {
        self.moments[self.units() as usize - 1]
    }

    #[inline(always)]
    fn used<'a>(
        &mut self,
        object: Handle,
        operation: Operation,
        argument: impl FnOnce() -> Argument<'a>,
    ) {
        if let Some(uses) = &mut self.uses {
            uses.note(object, operation, argument());
        }
    }

    /// How many units were begun: the guest's savepoints, or one.
    #[inline]
    pub(crate) fn units(&self) -> u32 {
        self.next.max(1)
    }

    /// Begins those of several events that are over already, if nothing is kept of an event but of
    /// the one in hand; how many that are.
    fn pass(&mut self, events: &Range<u32>) -> u32 {
        let over = events.len() as u32 - 1;
        let fits = self.next.saturating_add(over) < self.moments.len() as u32;
        // The first began with the burst.
        let passed = over - u32::from(self.next == 0);
        if !fits || self.uses.is_some() || !self.state.pass_events(passed as usize) {
            return 0;
        }
        self.next += over;
        over
    }

    /// How many events the guest began.
    pub(crate) fn begun(&self) -> usize {
        self.next as usize
    }

    /// The event at which the guest was told to stop.
    #[inline]
    pub(crate) fn doomed_at(&self) -> Option<u32> {
        self.doomed.then_some(self.next)
    }

    /// Whether a unit asked for anything that would have to be undone.
    #[inline]
    pub(crate) fn left_a_trace(&self, unit: u32) -> bool {
        self.state.wrote(unit as usize)
    }

    /// Whether everything observed so far still holds.
    pub(crate) fn observations_hold(&mut self) -> bool {
        self.state.observations_hold()
    }

    /// Commits the units before `end`, as far as they are valid.
    #[inline]
    pub(crate) fn commit(&mut self, end: u32) -> Commit {
        let commit = self.state.commit(end as usize);
        if let (Some(uses), Some(conflict)) = (&mut self.uses, commit.conflict) {
            uses.seek(conflict);
        }
        commit
    }

    /// Throws the burst away.
    pub(crate) fn abandon(&mut self) {
        self.state.abandon();
        self.effects.clear();
    }

    /// How many events the next burst may have.
    #[inline]
    pub(crate) fn burst_limit(&self) -> usize {
        self.state.burst_limit()
    }

    /// Where an event of the last burst stands in the order of commits.
    pub(crate) fn position_of(&self, event: usize) -> Position {
        self.state.position_of(event)
    }

    /// Where an event would stand that saw what there is now.
    pub(crate) fn position(&self) -> Position {
        self.state.position()
    }

    /// No packets: nobody needs to keep history for this worker.
    pub(crate) fn idle(&mut self) {
        self.state.idle();
    }

    /// What the burst wants done outside.
    #[inline]
    pub(crate) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Whether imports are those of `init`: recorded or replayed.
    #[inline(always)]
    fn is_in_init(&self) -> bool {
        !matches!(self.phase, Phase::Handling | Phase::Exiting)
    }

    /// Runs an import of any phase: for real, or by replay, and records it if asked to.
    #[inline(always)]
    fn call<T: Recordable>(
        &mut self,
        import: &'static str,
        run: impl FnOnce(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        if self.is_in_init() { self.in_init(import, run) } else { run(self) }
    }

    /// Runs an import in `init`: by replay, or for real and records it. `run` may be the import
    /// itself, which then is not in `init`: so what handlers call often needs no second body.
    #[cold]
    #[inline(never)]
    fn in_init<T: Recordable>(
        &mut self,
        import: &'static str,
        run: impl FnOnce(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        if let Phase::Replaying(replay) = &mut self.phase {
            return replay.answer(import);
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Handling);
        let answer = run(self);
        self.phase = phase;
        let answer = answer?;
        if let Phase::Recording(script) = &mut self.phase {
            script.push((import, answer.record()));
        }
        Ok(answer)
    }

    /// Runs an import that belongs to `init`.
    fn call_in_init<T: Recordable>(
        &mut self,
        import: &'static str,
        run: impl FnOnce(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        if self.is_in_init() {
            self.in_init(import, run)
        } else {
            Err(GuestFault::OutOfTurn(import))
        }
    }
}

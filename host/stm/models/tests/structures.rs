//! Goes through all interleavings of many small programs on models of structures: none goes wrong,
//! and with a rule left out one does.
//!
//! `NFOS_PROGRAMS` says how many programs of each kind, `NFOS_STATES` after how many states one is
//! cut off.

#![cfg(nfos_models)]

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nfos_stm_models::{chain, leases, merged, pools};
use stateright::{Checker, Model, Property};

/// A model of a structure: programs that a seed makes, and what each thread does next.
trait Structure: Clone + Debug + Send + Sync + 'static {
    type State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static;
    type Gap: Copy + Debug + Send + Sync + 'static;

    fn random(seed: u64, threads: u64) -> Self;
    fn threads(&self) -> u8;
    fn initial(&self) -> Self::State;
    fn step(&self, gap: Option<Self::Gap>, state: &Self::State, me: u8) -> Option<Self::State>;
    fn is_right(&self, state: &Self::State, stuck: bool) -> bool;
}

struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1);
        random.below(2);
        random
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn some<T>(&mut self, most: u64, one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let (count, mut one) = (1 + self.below(most), one);
        (0..count).map(|_| one(self)).collect()
    }
}

impl Structure for chain::Program {
    type State = chain::State;
    type Gap = chain::Gap;

    fn random(seed: u64, threads: u64) -> Self {
        let mut random = Random::of(seed);
        // With three the one bucket overflows, with two and with four one of two.
        let present = chain::KEYS - random.below(4) as u8;
        // In one program of three events go through the map, too.
        let goes_through = random.below(3) == 0;
        let mut value = 0;
        let mut op = |random: &mut Random| {
            let key = random.below(chain::KEYS.into()) as u8;
            value += 1;
            match random.below(if goes_through { 12 } else { 8 }) {
                0..3 => chain::Op::Get(key),
                3..6 => chain::Op::Set(key, value),
                6..8 => chain::Op::Remove(key),
                _ => chain::Op::Entries,
            }
        };
        let mut event = |random: &mut Random| random.some(2, &mut op);
        let events = if threads > 2 { 1 } else { 2 };
        let threads = (0..threads).map(|_| random.some(events, &mut event)).collect();
        let burst = 2 - u8::from(random.below(4) == 0);
        Self { shape: chain::Shape::OneBucket, present, burst, threads }
    }

    fn threads(&self) -> u8 {
        self.threads.len() as u8
    }

    fn initial(&self) -> chain::State {
        chain::State::initial(self)
    }

    fn step(&self, gap: Option<chain::Gap>, state: &chain::State, me: u8) -> Option<chain::State> {
        chain::step(self, gap, state, me)
    }

    fn is_right(&self, state: &chain::State, stuck: bool) -> bool {
        state.is_right(self, stuck)
    }
}

impl Structure for pools::Program {
    type State = pools::State;
    type Gap = pools::Gap;

    fn random(seed: u64, threads: u64) -> Self {
        let mut random = Random::of(seed);
        let (ids, elder) = (1 + random.below(4) as u8, random.below(2) == 0);
        let uneven = random.below(2) == 0;
        let op = |random: &mut Random| match random.below(3) {
            0 => pools::Op::Free,
            _ => pools::Op::Allocate,
        };
        // An elder's burst has one event.
        let burst = |random: &mut Random, events: u64| {
            let events = random.some(events, |random| random.some(2, op));
            let all = events.len() as u64;
            let stands = if random.below(3) > 0 { all } else { random.below(all) } as u8;
            pools::Burst { events, stands }
        };
        let bursts = if threads > 2 { 1 } else { 2 };
        let thread = |me: u64| {
            let mut first = elder && me == 0;
            random.some(bursts, |random| {
                let events = if std::mem::take(&mut first) { 1 } else { 2 };
                burst(random, events)
            })
        };
        let threads = (0..threads).map(thread).collect();
        Self { ids, uneven, elder, threads }
    }

    fn threads(&self) -> u8 {
        self.threads.len() as u8
    }

    fn initial(&self) -> pools::State {
        pools::State::initial(self)
    }

    fn step(&self, gap: Option<pools::Gap>, state: &pools::State, me: u8) -> Option<pools::State> {
        pools::step(self, gap, state, me)
    }

    fn is_right(&self, state: &pools::State, stuck: bool) -> bool {
        state.is_right(stuck)
    }
}

impl Structure for merged::Program {
    type State = merged::State;
    type Gap = merged::Gap;

    fn random(seed: u64, threads: u64) -> Self {
        let mut random = Random::of(seed);
        let op = |random: &mut Random| match random.below(2) {
            0 => merged::Op::Update,
            _ => merged::Op::Read,
        };
        let event = |random: &mut Random| {
            let ops = random.some(2, op);
            merged::Event { ops, stands: random.below(3) > 0 }
        };
        let events = if threads > 2 { 1 } else { 2 };
        let threads = (0..threads).map(|_| random.some(events, event)).collect();
        let burst = 2 - u8::from(random.below(4) == 0);
        let ahead = random.below(2) == 0;
        Self { burst, ahead, threads }
    }

    /// And time.
    fn threads(&self) -> u8 {
        self.threads.len() as u8 + 1
    }

    fn initial(&self) -> merged::State {
        merged::State::initial(self)
    }

    fn step(
        &self,
        gap: Option<merged::Gap>,
        state: &merged::State,
        me: u8,
    ) -> Option<merged::State> {
        merged::step(self, gap, state, me)
    }

    fn is_right(&self, state: &merged::State, stuck: bool) -> bool {
        state.is_right(self, stuck)
    }
}

impl Structure for leases::Program {
    type State = leases::State;
    type Gap = leases::Gap;

    fn random(seed: u64, threads: u64) -> Self {
        let mut random = Random::of(seed);
        let ids = 1 + random.below(2);
        let held = (0..ids).map(|_| {
            let taken = (random.below(threads) as u8, random.below(4) as u8);
            (random.below(3) > 0).then_some(taken)
        });
        let held = held.collect();
        let (interval, burst) = (random.below(3) as u8, 1 + random.below(2) as u8);
        let op = |random: &mut Random| {
            let (id, duration) = (random.below(ids) as u8, random.below(3) as u8);
            match random.below(10) {
                0..2 => leases::Op::Allocate(duration),
                2..4 => leases::Op::Refresh(id, duration),
                4..6 => leases::Op::Free(id),
                6 => leases::Op::IsLive(id),
                _ => leases::Op::NextExpired,
            }
        };
        let (events, ops) = if threads > 2 { (1, 2) } else { (2, 3) };
        let threads = (0..threads).map(|_| {
            let mut now = random.below(4) as u8;
            random.some(events, |random| {
                now += random.below(3) as u8;
                leases::Event { now, ops: random.some(ops, op) }
            })
        });
        let threads = threads.collect();
        Self { held, interval, burst, threads }
    }

    fn threads(&self) -> u8 {
        self.threads.len() as u8
    }

    fn initial(&self) -> leases::State {
        leases::State::initial(self)
    }

    fn step(
        &self,
        gap: Option<leases::Gap>,
        state: &leases::State,
        me: u8,
    ) -> Option<leases::State> {
        leases::step(self, gap, state, me)
    }

    fn is_right(&self, state: &leases::State, stuck: bool) -> bool {
        state.is_right(self, stuck)
    }
}

struct Run<S: Structure> {
    program: S,
    gap: Option<S::Gap>,
}

impl<S: Structure> Model for Run<S> {
    type State = S::State;
    type Action = u8;

    fn init_states(&self) -> Vec<S::State> {
        vec![self.program.initial()]
    }

    fn actions(&self, state: &S::State, actions: &mut Vec<u8>) {
        if self.program.is_right(state, false) {
            actions.extend(0..self.program.threads());
        }
    }

    fn next_state(&self, state: &S::State, thread: u8) -> Option<S::State> {
        self.program.step(self.gap, state, thread)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("right", |run: &Self, state| {
            let next = |thread| run.program.step(run.gap, state, thread);
            let stuck = (0..run.program.threads()).all(|thread| next(thread).is_none());
            run.program.is_right(state, stuck)
        })]
    }
}

#[derive(Default)]
struct Count {
    programs: AtomicU64,
    complete: AtomicU64,
    states: AtomicU64,
}

/// Goes through one program; the threads' order on a way to what is wrong, if anything is.
fn explore<S: Structure>(program: &S, gap: Option<S::Gap>, count: &Count) -> Option<Vec<u8>> {
    let states_max = number("NFOS_STATES", 4_000_000) as usize;
    let run = Run { program: program.clone(), gap };
    // Cut off by states that it has met, be it again.
    let checker = run.checker().target_state_count(states_max).spawn_dfs().join();
    let states = checker.unique_state_count();
    count.programs.fetch_add(1, Relaxed);
    count.complete.fetch_add(u64::from(checker.state_count() < states_max), Relaxed);
    count.states.fetch_add(states as u64, Relaxed);
    checker.discovery("right").map(|path| path.into_actions())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Each of the programs on one of two threads; what is wrong stops the test.
fn all_are_right<S: Structure>(name: &str, programs: u64, threads: u64) {
    all_of_these_are_right(None, name, programs, |seed| S::random(seed, threads));
}

fn all_of_these_are_right<S: Structure>(
    gap: Option<S::Gap>,
    name: &str,
    programs: u64,
    random: impl Fn(u64) -> S + Sync,
) {
    let (count, next) = (Count::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Relaxed)
                    && seed < programs
                {
                    let program = random(seed);
                    let wrong = explore(&program, gap, &count);
                    assert_eq!(wrong, None, "{name}: program {seed}: {program:?}");
                }
            });
        }
    });
    let Count { programs, complete, states } = count;
    let (programs, complete) = (programs.into_inner(), complete.into_inner());
    let states = states.into_inner();
    println!("models: {name}: {programs} programs, {complete} to the end, {states} states");
    assert!(complete > 0 && states > 1_000, "hardly anything was gone through");
}

/// Some program goes wrong without the rule.
fn a_rule_is_needed<S: Structure>(gap: S::Gap, random: impl Fn(u64) -> S) {
    let count = Count::default();
    let programs = (0..2_000).map(random);
    let found = programs.map(|program| explore(&program, Some(gap), &count)).find(Option::is_some);
    let (programs, states) = (count.programs.into_inner(), count.states.into_inner());
    let steps = found.as_ref().and_then(Option::as_ref).map_or(0, Vec::len);
    println!(
        "models: without {gap:?} program {programs} goes wrong in {steps} steps, {states} states"
    );
    assert!(found.is_some(), "no program goes wrong without {gap:?}");
}

#[test]
fn chains_of_two_threads_are_right() {
    all_are_right::<chain::Program>("chains", number("NFOS_PROGRAMS", 60), 2);
}

#[test]
fn chains_of_three_threads_are_right() {
    all_are_right::<chain::Program>("chains, three threads", number("NFOS_PROGRAMS", 60) / 10, 3);
}

/// The same program with two buckets.
fn two_buckets(seed: u64, threads: u64) -> chain::Program {
    chain::Program { shape: chain::Shape::TwoBuckets, ..chain::Program::random(seed, threads) }
}

#[test]
fn chains_of_two_buckets_and_two_threads_are_right() {
    let (programs, random) = (number("NFOS_PROGRAMS", 60), |seed| two_buckets(seed, 2));
    all_of_these_are_right(None, "two chains", programs, random);
}

#[test]
fn chains_of_two_buckets_and_three_threads_are_right() {
    let (programs, random) = (number("NFOS_PROGRAMS", 60) / 10, |seed| two_buckets(seed, 3));
    all_of_these_are_right(None, "two chains, three threads", programs, random);
}

#[test]
fn chains_of_all_buckets_passed() {
    a_rule_is_needed(chain::Gap::FirstBucketPassed, |seed| two_buckets(seed, 2));
}

#[test]
fn chains_of_all_buckets_counted() {
    a_rule_is_needed(chain::Gap::FirstBucketCounted, |seed| two_buckets(seed, 2));
}

#[test]
fn pools_of_two_threads_are_right() {
    all_are_right::<pools::Program>("pools", number("NFOS_PROGRAMS", 60), 2);
}

#[test]
fn pools_of_three_threads_are_right() {
    all_are_right::<pools::Program>("pools, three threads", number("NFOS_PROGRAMS", 60) / 10, 3);
}

#[test]
fn merged_values_of_two_threads_are_right() {
    all_are_right::<merged::Program>("merged values", number("NFOS_PROGRAMS", 60) / 6, 2);
}

#[test]
fn merged_values_of_three_threads_are_right() {
    let programs = number("NFOS_PROGRAMS", 60) / 60;
    all_are_right::<merged::Program>("merged values, three threads", programs, 3);
}

#[test]
fn leases_of_two_threads_are_right() {
    all_are_right::<leases::Program>("leases", number("NFOS_PROGRAMS", 60), 2);
}

#[test]
fn leases_of_three_threads_are_right() {
    all_are_right::<leases::Program>("leases, three threads", number("NFOS_PROGRAMS", 60) / 10, 3);
}

macro_rules! gaps {
    ($of:ident, $($name:ident: $gap:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            a_rule_is_needed($of::Gap::$gap, |seed| $of::Program::random(seed, 2));
        })*
    };
}

gaps! {
    chain,
    chain_searched_anew: SearchGoesOn,
    chain_observed_as_a_whole: BucketObserved,
    chain_keys_compared: FirstCellCompared,
    chain_without_holes: HoleLeft,
    chain_without_empty_cells: EmptyKept,
    chain_known_key_compared: KnownKeyNotCompared,
    chain_emptied_slot_left: EmptiedOverwritten,
    chain_looked_at_again: NotLookedAgain,
    chain_evaluated_as_a_whole: PredicateOnBucket,
    chain_numbers_given_back: NumbersKept,
    chain_numbers_free_after_the_commit: NumbersFreeEarly,
    chain_presence_observed: PresenceNotObserved,
    chain_given_back_before_a_retake: AcquireWaits,
    chain_prefix_as_it_was: PrefixWithLaterValues,
    chain_observed_to_the_end: ObservationsDropped,
    chain_known_since_the_first: KnownSlotOldSinceLast,
    chain_numbers_of_dropped_return: DroppedNumbersKept,
    chain_dropped_frees_stay: DroppedFreesReturn,
    chain_retaken_stays: RetakenReturns,
    chain_retaken_by_dropped_returns: RetakenByDroppedLost,
    chain_counts_observed: CountsUnobserved,
    chain_all_counts_observed: OwnCountOnly,
    chain_counts_observed_by_each: CountsObservedOnce,
    chain_removals_counted: RemovalUncounted,
    chain_passed_observed: PassedUnobserved,
    chain_passed_as_changed: OwnChangesPassed,
    chain_own_inserted_passed: OwnInsertedMissed,
    chain_own_inserted_sought: OwnInsertedNotSought,
    chain_own_inserted_once: OwnInsertedByAction,
}

gaps! {
    pools,
    pools_loot_leaves: LootStays,
    pools_rest_of_the_loot: RestOfLootLost,
    pools_end_of_the_list: EndKept,
    pools_freed_by_the_commit: FreedAtOnce,
    pools_retaken_stays: RetakenReturns,
    pools_retaken_once: RetakenTwice,
    pools_retaken_by_dropped_returns: RetakenByDroppedLost,
    pools_dropped_frees_stay: DroppedFreesReturn,
    pools_dropped_give_back: DroppedKeep,
    pools_prefix_gives_back_its_own: PrefixGivesBackAll,
    pools_failed_runs_give_back: FailedRunKeeps,
    pools_reserved_before_the_gate: LookBeforeReserving,
    pools_reserved_until_given_back: ReservationEndsEarly,
    pools_hands_give_way: WaitsWithHands,
    pools_dropped_hands_give_way: DroppedHandsWait,
    pools_refilled_in_time: RefilledLate,
}

/// One list that was emptied, and another that has something.
#[test]
fn pools_looked_at_once() {
    a_rule_is_needed(pools::Gap::LookedAtTwice, |seed| pools::Program::random(seed, 3));
}

gaps! {
    merged,
    merged_reached: Unreached,
    merged_young: TooOld,
    merged_by_events_that_stand: FailedRunPublishes,
    merged_ahead_of_now: AheadNotMoved,
    merged_prefix_as_it_was: PrefixWithLaterValues,
    merged_own_updates: OwnUpdatesTooEarly,
    merged_own_earlier_updates: EarlierUpdatesTooEarly,
    merged_earlier_updates: EarlierUpdatesMissed,
    merged_time_of_the_event: TimeOfPublication,
    merged_sequence_again: NotRechecked,
    merged_marked: NotMarked,
    merged_parts_observed: PartNotObserved,
    merged_moved_checked: MovedUnchecked,
}

/// A part that is newer than the snapshot moves that, too.
#[test]
fn merged_without_a_first_move_are_right() {
    let (gap, programs) = (merged::Gap::NotMovedFirst, number("NFOS_PROGRAMS", 60) / 12);
    let random = |seed| merged::Program::random(seed, 2);
    all_of_these_are_right(Some(gap), "merged, not moved first", programs, random);
}

gaps! {
    leases,
    leases_refresh_of_its_tenure: RefreshIgnoresTenure,
    leases_given_up_once: FreeIgnoresTenure,
    leases_not_held_observed: NotHeldUnobserved,
    leases_skip_observed: SkipUnobserved,
    leases_live_observed: LiveUnobserved,
    leases_due_observed: DueUnobserved,
    leases_due_until_then: DueByTenure,
    leases_generation_raised: GenerationKept,
    leases_deadline_raised: RefreshReplaces,
    leases_old_state_takes_nothing: StaleAllocates,
    leases_wheels_told_in_time: ToldLate,
    leases_wheels_told_of_what_is_valid: ToldEarly,
    leases_wheels_told_of_what_stands: ToldOfAll,
    leases_hands_marked: HandUnmarked,
    leases_put_back_checked: PutBackUnchecked,
    leases_put_back_by_tenure: PutBackByState,
    leases_raised_by_tenure: RaisedByAnother,
    leases_raised_by_what_stands: RaisedByOwn,
    leases_found_by_tenure: FoundByAnother,
    leases_put_back_at_the_end: PutBackAtOnce,
    leases_failed_runs_put_back: FailedRunKeepsEntries,
    leases_raised_put_back: RaisedDropped,
    leases_raised_is_passed: StopsAtRaised,
    leases_all_wheels: OwnWheelOnly,
    leases_dropped_frees_stay: DroppedFreesReturn,
    leases_retaken_stays: RetakenReturns,
    leases_retaken_by_dropped_returns: RetakenByDroppedLost,
    leases_taken_by_dropped_returns: TakenByDroppedLost,
    leases_prefix_as_it_was: PrefixWithLaterValues,
    leases_contested_not_taken: ContestedTaken,
}

/// Within a tenure deadlines only grow, so what suffices goes on to.
#[test]
fn leases_skipped_by_tenure_are_right() {
    let (gap, programs) = (leases::Gap::SkipByTenure, number("NFOS_PROGRAMS", 60) / 2);
    let random = |seed| leases::Program::random(seed, 2);
    all_of_these_are_right(Some(gap), "leases, skipped by tenure", programs, random);
}

//! Two threads against one: events per microsecond of CPU time, and what became of the bursts.

use nfos_bench_transactions::draws::{Draws, Law};
use nfos_bench_transactions::ours::{BURST_MAX, Bed, Objects, next_value};
use nfos_bench_transactions::threads::{Cores, Job, Work, units_per_us};
use nfos_rounds::{Mode, is_wanted, median};
use nfos_state::Worker;

/// Rounds that must count, and the most that are tried for them.
const ROUNDS: usize = 41;
const ROUNDS_MAX: usize = 1_000;
/// Rounds in a row.
const TURN: usize = 20;
const ELEMENTS: u16 = 10_000;
/// Work of an event beside its accesses.
const WORK_NS: f64 = 100.0;
/// Events of a round and thread that have work: some hundred microseconds, less than a time slice.
const RUN: usize = 2_048;
/// The same of those that have none: as long, and enough to find most elements in the cache.
const RUN_WITHOUT_WORK: usize = 16 * RUN;

type Event = fn(&mut Worker, &Objects, u32);

/// How many events a burst has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Burst {
    /// So many, whatever happens.
    Fixed(usize),
    /// As many as the worker thinks best.
    Adaptive,
}

/// Which elements are each thread's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// All are everybody's, drawn by this law.
    All(Law),
    /// One half each, drawn alike.
    Own,
}

struct Line {
    name: String,
    /// Twice of one thread is 2.
    goal: Option<f64>,
    event: Event,
    sharing: Sharing,
    burst: Burst,
    work: Work,
}

fn read(worker: &mut Worker, objects: &Objects, element: u32) {
    let value = worker.vector_read(objects.vector, element).expect("an element");
    std::hint::black_box(value);
}

fn read_write(worker: &mut Worker, objects: &Objects, element: u32) {
    let value = worker.vector_read(objects.vector, element).expect("an element");
    worker.vector_write(objects.vector, element, next_value(value)).expect("an element");
}

/// All add to one element.
fn add_to_one(worker: &mut Worker, objects: &Objects, _: u32) {
    worker.vector_add(objects.vector, 0, 0, 1).expect("an element");
}

fn get(worker: &mut Worker, objects: &Objects, element: u32) {
    let key = nfos_bench_transactions::key(element);
    std::hint::black_box(worker.map_get(objects.map, key).expect("a map"));
}

fn lines(work: Work) -> Vec<Line> {
    let uniform = Sharing::All(Law::Uniform);
    let zipf = Sharing::All(Law::Zipf);
    let line = |name: &str, goal, event: Event, sharing, work| Line {
        name: name.to_owned(),
        goal,
        event,
        sharing,
        burst: Burst::Adaptive,
        work,
    };
    let mut lines = vec![
        line("read, uniform", Some(1.9), read, uniform, Work::NONE),
        line("map get, uniform", Some(1.9), get, uniform, Work::NONE),
        line("read and write, own elements", Some(1.9), read_write, Sharing::Own, Work::NONE),
        line("add to one element, work", None, add_to_one, uniform, work),
        line("read and write, uniform, work", Some(1.7), read_write, uniform, work),
        line("read and write, Zipf, work", Some(0.9), read_write, zipf, work),
    ];
    for burst in [1, 2, 4, 8, 16, 32] {
        for (law, sharing) in [("uniform", uniform), ("Zipf", zipf)] {
            let name = format!("the same, {law}, bursts of {burst}");
            let line = line(&name, None, read_write, sharing, work);
            lines.push(Line { burst: Burst::Fixed(burst), ..line });
        }
    }
    lines
}

/// What one thread does, and counts.
struct Tally {
    bed: Bed,
    draws: Draws,
    bursts: u64,
    conflicts: u64,
    committed: u64,
}

impl Line {
    fn tallies(&self, threads: usize) -> Vec<Tally> {
        let burst_max = match self.burst {
            Burst::Fixed(burst) => burst,
            Burst::Adaptive => BURST_MAX,
        };
        let beds = Bed::several(threads, ELEMENTS.into(), burst_max);
        let tally = |(thread, bed): (usize, Bed)| {
            let draws = match self.sharing {
                Sharing::All(law) => Draws::new(law, ELEMENTS, thread as u64 + 1),
                Sharing::Own => {
                    Draws::new(Law::Uniform, ELEMENTS / 2, 1).above(thread as u32 * 5_000)
                }
            };
            Tally { bed, draws, bursts: 0, conflicts: 0, committed: 0 }
        };
        beds.into_iter().enumerate().map(tally).collect()
    }

    /// Runs bursts until as many events have committed; events that failed run again.
    fn job<'a>(&'a self, tally: &'a mut Tally) -> Job<'a> {
        Box::new(move || {
            let mut events = 0;
            let mut pending = Vec::with_capacity(BURST_MAX);
            let run = if self.work == Work::NONE { RUN_WITHOUT_WORK } else { RUN };
            while events < run {
                let limit = tally.bed.worker.burst_limit();
                let size = if let Burst::Fixed(burst) = self.burst { burst } else { limit };
                while pending.len() < size {
                    pending.push(tally.draws.draw());
                }
                let (objects, mut next) = (tally.bed.objects, 0);
                let committed = tally.bed.burst(size, |worker| {
                    (self.event)(worker, &objects, pending[next]);
                    self.work.run();
                    next += 1;
                });
                tally.bursts += 1;
                tally.conflicts += u64::from(committed < size);
                tally.committed += committed as u64;
                events += committed;
                pending.drain(..committed);
            }
            events as u64
        })
    }

    fn measure(&self, cores: &Cores, rounds: usize, rounds_max: usize) -> Scaling {
        let (mut one, mut two) = (self.tallies(1), self.tallies(2));
        let mut rates = [Vec::new(), Vec::new()];
        let mut tried = 0;
        while rates[1].len() < rounds && tried < rounds_max {
            rates[0].extend(self.rates(cores, &mut one, TURN.min(rounds)));
            rates[1].extend(self.rates(cores, &mut two, TURN.min(rounds)));
            tried += TURN;
        }
        let total = |count: fn(&Tally) -> u64| two.iter().map(count).sum::<u64>() as f64;
        let bursts = total(|tally| tally.bursts);
        Scaling {
            counted: rates[1].len(),
            failing: total(|tally| tally.conflicts) / bursts,
            length: total(|tally| tally.committed) / bursts,
            rates: rates.map(|rates| if rates.is_empty() { f64::NAN } else { median(rates) }),
        }
    }

    fn rates(&self, cores: &Cores, tallies: &mut [Tally], rounds: usize) -> Vec<f64> {
        let mut jobs: Vec<Job<'_>> = tallies.iter_mut().map(|tally| self.job(tally)).collect();
        units_per_us(cores, &mut jobs, rounds)
    }
}

/// What two threads do beside one.
struct Scaling {
    /// Events per microsecond.
    rates: [f64; 2],
    /// Rounds of two threads that counted.
    counted: usize,
    /// The share of bursts of two threads that failed, over all rounds.
    failing: f64,
    /// Committed events of a burst.
    length: f64,
}

/// Measures and prints the lines that are wanted.
pub(crate) fn measure(mode: Mode, cores: &Cores) {
    let work = Work::of_ns(WORK_NS);
    let lines = lines(work).into_iter().filter(|line| is_wanted(&line.name));
    if mode == Mode::Try {
        return lines.for_each(|line| {
            let scaling = line.measure(cores, 1, 1);
            assert!(scaling.length > 0.0, "{}", line.name);
        });
    }
    println!("two threads against one, {ELEMENTS} elements, medians of {ROUNDS} rounds, events/us");
    println!(
        "\"work\": {WORK_NS} ns of other work in an event; bursts of up to {BURST_MAX} as each"
    );
    println!("worker thinks best unless said; only rounds in which both threads kept their cores");
    println!(
        "{:<38} {:>6} {:>6} {:>6} {:>8} {:>7}",
        "", "one", "two", "ratio", "failing", "length"
    );
    for line in lines {
        line.print(&line.measure(cores, ROUNDS, ROUNDS_MAX));
    }
}

impl Line {
    fn print(&self, scaling: &Scaling) {
        let Scaling { rates: [one, two], counted, failing, length } = *scaling;
        let ratio = two / one;
        let verdict = |goal| if ratio >= goal { "met" } else { "MISSED" };
        let goal =
            self.goal.map_or(String::new(), |goal| format!("  >= {goal}: {}", verdict(goal)));
        let few = if counted < ROUNDS { format!("  (of {counted} rounds)") } else { String::new() };
        println!(
            "{:<38} {one:>6.2} {two:>6.2} {ratio:>6.2} {:>7.2}% {length:>7.1}{goal}{few}",
            self.name,
            100.0 * failing
        );
    }
}

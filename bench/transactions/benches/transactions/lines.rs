//! One thread: nanoseconds of an event, its share of the commit included.

use std::hint::black_box;

use nfos_bench_transactions::draws::{Draws, Law};
use nfos_bench_transactions::key;
use nfos_bench_transactions::others::{
    ArrayUse, Dash, Map, MapUse, Papaya, Scc, map_subject, mutex_subject, stm_subject,
};
use nfos_bench_transactions::ours::{BURST_MAX, Bed, Objects, RUN, next_value};
use nfos_rounds::{Mode, Subject, aside, is_wanted, medians};
use nfos_state::{ObjectId, Worker};

const ROUNDS: usize = 41;
const ROUND_NS: u64 = 500_000;

/// Elements of the lines that have a budget: 256 KiB of cells.
const ELEMENTS: u16 = 4_096;
/// Keys of the maps that have a budget: 192 KiB of buckets, values and keys.
const FEW: u16 = 1_024;
/// Elements of the lines about skew.
const MANY: u16 = 10_000;

/// A line: ours, and what it is held to; and others, by name.
struct Line {
    name: String,
    budget_ns: Option<f64>,
    ours: fn(&Shape) -> Subject<'static>,
    shape: Shape,
    others: Others,
}

/// The sizes of a line.
#[derive(Clone, Copy, Debug)]
struct Shape {
    law: Law,
    elements: u16,
    burst: usize,
}

impl Shape {
    const BUDGET: Self = Self { law: Law::Uniform, elements: ELEMENTS, burst: BURST_MAX };

    fn draws(&self) -> Draws {
        Draws::new(self.law, self.elements, 7)
    }

    fn bed(&self) -> Bed {
        Bed::alone(self.elements.into(), BURST_MAX)
    }

    /// Ours, with one event for each element drawn.
    fn ours(&self, event: impl FnMut(&mut Worker, &Objects, u32) + 'static) -> Subject<'static> {
        self.bed().subject(self.burst, self.draws(), event)
    }
}

fn nothing(shape: &Shape) -> Subject<'static> {
    shape.ours(|_, _, element| {
        black_box(element);
    })
}

fn read(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        black_box(worker.vector_read(objects.vector, element).expect("an element"));
    })
}

fn write(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        worker.vector_write(objects.vector, element, [1; 6]).expect("an element");
    })
}

fn read_write(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        let value = worker.vector_read(objects.vector, element).expect("an element");
        worker.vector_write(objects.vector, element, next_value(value)).expect("an element");
    })
}

fn add(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        worker.vector_add(objects.vector, element, 0, 1).expect("an element");
    })
}

fn get_hit(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        black_box(worker.map_get(objects.map, key(element)).expect("a map"));
    })
}

fn get_miss(shape: &Shape) -> Subject<'static> {
    let absent = u32::from(shape.elements);
    shape.ours(move |worker, objects, element| {
        black_box(worker.map_get(objects.map, key(absent + element)).expect("a map"));
    })
}

fn set_present(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        worker.map_set(objects.map, key(element), [2; 6]).expect("a map");
    })
}

/// Bursts that insert keys above those that are there, or take them out again.
fn new_keys(bed: &mut Bed, shape: &Shape, event: impl Fn(&mut Worker, ObjectId, u32)) {
    let map = bed.objects.map;
    let mut element = u32::from(shape.elements);
    for _ in 0..RUN / shape.burst {
        bed.burst(shape.burst, |worker| {
            event(worker, map, element);
            element += 1;
        });
    }
}

fn insert_new(worker: &mut Worker, map: ObjectId, element: u32) {
    worker.map_set(map, key(element), [1; 6]).expect("a map");
}

fn remove_new(worker: &mut Worker, map: ObjectId, element: u32) {
    assert!(worker.map_remove(map, key(element)).expect("a map"), "it was inserted before");
}

fn insert(shape: &Shape) -> Subject<'static> {
    let (mut bed, shape) = (shape.bed(), *shape);
    Box::new(move || {
        new_keys(&mut bed, &shape, insert_new);
        aside(|| new_keys(&mut bed, &shape, remove_new));
        RUN as u64
    })
}

fn remove(shape: &Shape) -> Subject<'static> {
    let (mut bed, shape) = (shape.bed(), *shape);
    Box::new(move || {
        aside(|| new_keys(&mut bed, &shape, insert_new));
        new_keys(&mut bed, &shape, remove_new);
        RUN as u64
    })
}

/// Each event takes an id and gives back the one that was taken 64 events ago.
fn allocate_free(shape: &Shape) -> Subject<'static> {
    let mut held = [None; 64];
    let mut next = 0;
    shape.ours(move |worker, objects, _| {
        if let Some(id) = held[next] {
            worker.free(objects.ids, id).expect("it is held");
        }
        held[next] = worker.allocate(objects.ids, 1 << 50).expect("an allocator");
        next = (next + 1) % held.len();
    })
}

fn refresh(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        let held = worker.refresh(objects.ids, element, 1 << 50).expect("an id");
        assert!(held, "a bed holds an id for each element");
    })
}

fn update(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, element| {
        worker.distributed_update(objects.exact, 0, element.into()).expect("an object");
    })
}

fn stale_read(shape: &Shape) -> Subject<'static> {
    shape.ours(|worker, objects, _| {
        black_box(worker.distributed_read(objects.stale).expect("an object"));
    })
}

/// Of two parts.
fn merging_read(shape: &Shape) -> Subject<'static> {
    let bed = Bed::several(2, shape.elements.into(), BURST_MAX).remove(0);
    bed.subject(shape.burst, shape.draws(), |worker, objects, _| {
        black_box(worker.distributed_read(objects.exact).expect("an object"));
    })
}

/// What ours is measured against.
#[derive(Clone, Copy, Debug)]
enum Others {
    None,
    Maps(MapUse),
    Arrays(ArrayUse),
}

impl Others {
    fn subjects(self, shape: &Shape) -> Vec<(&'static str, Subject<'static>)> {
        let (elements, draws) = (u32::from(shape.elements), || shape.draws());
        match self {
            Self::None => vec![],
            Self::Maps(what) => vec![
                (Papaya::NAME, map_subject::<Papaya>(what, elements, draws())),
                (Scc::NAME, map_subject::<Scc>(what, elements, draws())),
                (Dash::NAME, map_subject::<Dash>(what, elements, draws())),
            ],
            Self::Arrays(what) => vec![
                ("stm", stm_subject(what, shape.burst, elements, draws())),
                ("mutex", mutex_subject(what, elements, draws())),
            ],
        }
    }
}

type Ours = fn(&Shape) -> Subject<'static>;

fn line(name: &str, budget_ns: f64, ours: Ours, others: Others) -> Line {
    let budget_ns = (budget_ns > 0.0).then_some(budget_ns);
    Line { name: name.to_owned(), budget_ns, ours, shape: Shape::BUDGET, others }
}

/// A line of a map that fits the second cache of a usual processor, with all that it consists of.
fn in_cache(line: Line) -> Line {
    Line { shape: Shape { elements: FEW, ..line.shape }, ..line }
}

/// All lines of one thread.
fn lines() -> Vec<Line> {
    use Others::{Arrays, Maps, None};
    let mut lines = vec![
        line("nothing", 0.0, nothing, None),
        line("read", 4.0, read, Arrays(ArrayUse::Read)),
        line("blind write", 14.0, write, Arrays(ArrayUse::Write)),
        line("read and write", 20.0, read_write, Arrays(ArrayUse::ReadWrite)),
        line("add", 14.0, add, None),
        in_cache(line("map get, present", 14.0, get_hit, Maps(MapUse::Hit))),
        in_cache(line("map get, absent", 10.0, get_miss, Maps(MapUse::Miss))),
        in_cache(line("map set, present", 25.0, set_present, Maps(MapUse::Set))),
        in_cache(line("map set, new", 60.0, insert, Maps(MapUse::Insert))),
        in_cache(line("map remove", 0.0, remove, Maps(MapUse::Remove))),
        line("allocate and free", 24.0, allocate_free, None),
        line("refresh", 10.0, refresh, None),
        line("distributed update", 8.0, update, None),
        line("distributed read, stale", 4.0, stale_read, None),
        line("distributed read, merging", 0.0, merging_read, None),
    ];
    for (burst, budget_ns) in [(1, 36.0), (2, 0.0), (4, 0.0), (8, 24.0), (16, 0.0)] {
        let shape = Shape { burst, ..Shape::BUDGET };
        let line = line("", budget_ns, read_write, Arrays(ArrayUse::ReadWrite));
        lines.push(Line { name: format!("read and write, bursts of {burst}"), shape, ..line });
    }
    for law in [Law::Uniform, Law::Zipf] {
        let shape = Shape { law, elements: MANY, ..Shape::BUDGET };
        let kinds = [
            line("read", 0.0, read, Arrays(ArrayUse::Read)),
            line("read and write", 0.0, read_write, Arrays(ArrayUse::ReadWrite)),
            line("map get", 0.0, get_hit, Maps(MapUse::Hit)),
        ];
        lines.extend(kinds.map(|line| {
            let name = format!("{}, {} over {MANY}", line.name, law.name());
            Line { name, shape, ..line }
        }));
    }
    lines
}

/// Measures and prints the lines that are wanted.
pub(crate) fn measure(mode: Mode) {
    if mode == Mode::Measure {
        println!("transactions: 48 B values, one thread, bursts of {BURST_MAX} unless said");
        println!("medians of {ROUNDS} interleaved rounds, ns an event; others and their share");
        println!("{:<34} {:>7} {:>7}", "", "nfos", "budget");
    }
    for line in lines().into_iter().filter(|line| is_wanted(&line.name)) {
        line.measure(mode);
    }
}

impl Line {
    fn measure(self, mode: Mode) {
        let (names, others): (Vec<_>, Vec<_>) =
            self.others.subjects(&self.shape).into_iter().unzip();
        let mut subjects = vec![(self.ours)(&self.shape)];
        subjects.extend(others);
        let ns = medians(mode, ROUNDS, ROUND_NS, &mut subjects);
        if mode == Mode::Try {
            return;
        }
        let budget = self.budget_ns.map_or(String::new(), |budget| format!("{budget:.0}"));
        print!("{:<34} {:>7.1} {budget:>7}", self.name, ns[0]);
        let verdict = self.budget_ns.map_or("", |budget| if ns[0] <= budget { "" } else { "!" });
        print!("{verdict:<2}");
        for (name, other_ns) in names.iter().zip(&ns[1..]) {
            print!(" {name} {other_ns:.1} ({:.2})", other_ns / ns[0]);
        }
        println!();
    }
}

/// The line and the number of runs that `--count LINE RUNS` asks for.
pub(crate) fn counted() -> Option<(String, u64)> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--count")?;
    Some((arguments.get(at + 1)?.clone(), arguments.get(at + 2)?.parse().ok()?))
}

/// Runs ours of a line so often and nothing else: for an instrument that counts instructions.
pub(crate) fn count(name: &str, runs: u64) {
    let line = lines().into_iter().find(|line| line.name == name).expect("a line of this name");
    let mut subject = (line.ours)(&line.shape);
    let events: u64 = (0..runs).map(|_| subject()).sum();
    println!("{events} events of {name}");
}

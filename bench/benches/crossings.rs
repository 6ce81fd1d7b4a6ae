//! What it costs to cross into a guest and back, on the direct engine, the component engine and the
//! native one.
//!
//! The network function swaps two MAC addresses and the services do nothing, so what remains is
//! the way: see `bench/README.md` for what each line means.

use mirror::{CALLS, CELL, KEY, NOTHING, SCALAR};
use nfos_bench::build;
use nfos_bench::frames::{Frames, Period};
use nfos_bench::native::NativeGuest;
use nfos_bench::rounds::{Mode, Subject, is_wanted, medians, pin};
use nfos_bench::still::Still;
use nfos_engine::guest::Guest;
use nfos_engine::{Engine, EngineChoice, NetworkFunction, SandboxedGuest, Settings};

const ROUNDS: usize = 41;
const ROUND_NS: u64 = 500_000;

/// Nanoseconds that a call from the guest into the host may take.
const SCALAR_BUDGET_NS: f64 = 3.0;
const KEY_BUDGET_NS: f64 = 8.0;
/// Nanoseconds that a packet of 64 bytes in a burst of 32 may take beyond native code.
const PACKET_BUDGET_NS: f64 = 12.0;

fn main() {
    let mode = Mode::of_arguments();
    let file = build::guest("mirror");
    pin();
    let on = |choice| {
        let settings = Settings { engine: choice, ..Settings::default() };
        let engine = Engine::new(settings).expect("this processor runs guests");
        engine.load(&file).expect("the mirror is a network function")
    };
    let mirrors =
        Mirrors { direct: on(EngineChoice::Direct), component: on(EngineChoice::Component) };
    let lines = measure(mode, &mirrors);
    match mode {
        Mode::Measure => print(&lines),
        Mode::Try => println!("crossings: {} lines tried", lines.len()),
    }
}

/// What a line is held to.
#[derive(Clone, Copy)]
enum Budget {
    None,
    Direct(f64),
    Difference(f64),
}

struct Line {
    name: String,
    budget: Budget,
    direct_ns: f64,
    component_ns: f64,
    native_ns: f64,
}

/// The same network function on both engines of the sandbox.
struct Mirrors {
    direct: NetworkFunction,
    component: NetworkFunction,
}

fn measure(mode: Mode, mirrors: &Mirrors) -> Vec<Line> {
    let mut lines = Vec::new();
    if is_wanted("call") {
        lines.push(measure_call(mode, mirrors));
    }
    if is_wanted("import") {
        lines.extend(measure_imports(mode, mirrors));
    }
    for size in [64, 128, 1500] {
        for burst in [1, 8, 32] {
            if is_wanted(&burst_name(burst, size)) {
                lines.push(measure_burst(mode, mirrors, burst, size));
            }
        }
    }
    lines
}

fn burst_name(burst: usize, size: usize) -> String {
    format!("packet of {size} B in bursts of {burst}")
}

fn sandboxed(mirror: &NetworkFunction) -> SandboxedGuest<Still> {
    started(mirror.instantiate(Still::default()).expect("the mirror has no start function"))
}

fn native() -> NativeGuest<Still> {
    started(NativeGuest::new(mirror::NATIVE, Still::default()))
}

fn started<G: Guest<Still>>(mut guest: G) -> G {
    guest.init().expect("the mirror starts");
    guest
}

/// A call that does nothing: `exit`, which a mirror does not handle.
fn measure_call(mode: Mode, mirrors: &Mirrors) -> Line {
    let [mut direct, mut component] = [&mirrors.direct, &mirrors.component].map(sandboxed);
    let mut native = native();
    let mut subjects: [Subject<'_>; 3] =
        [calls(&mut direct), calls(&mut component), calls(&mut native)];
    let [direct_ns, component_ns, native_ns] = medians_of(mode, &mut subjects);
    let (name, budget) = ("call into the guest".to_owned(), Budget::None);
    Line { name, budget, direct_ns, component_ns, native_ns }
}

fn calls<G: Guest<Still>>(guest: &mut G) -> Subject<'_> {
    Box::new(|| {
        for _ in 0..CALLS {
            guest.exit().expect("a mirror ends well");
        }
        CALLS.into()
    })
}

fn measure_imports(mode: Mode, mirrors: &Mirrors) -> Vec<Line> {
    let imports = [
        ("import, a number", SCALAR, Budget::Direct(SCALAR_BUDGET_NS)),
        ("import, a key of 13 B to option<cell>", KEY, Budget::Direct(KEY_BUDGET_NS)),
        ("import, an index to a cell", CELL, Budget::None),
    ];
    let periods = || [NOTHING, SCALAR, KEY, CELL].map(|period| period as u16);
    let mut guests = periods().map(|period| {
        (period, sandboxed(&mirrors.direct), sandboxed(&mirrors.component), native())
    });
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    for (period, direct, component, native) in &mut guests {
        subjects.push(imports_in_a_row(*period, direct));
        subjects.push(imports_in_a_row(*period, component));
        subjects.push(imports_in_a_row(*period, native));
    }
    let all: [f64; 12] = medians_of(mode, &mut subjects);
    let line = |(name, period, budget): (&str, usize, Budget)| {
        let of = |engine: usize| all[3 * period + engine] - all[3 * NOTHING + engine];
        let (direct_ns, component_ns, native_ns) = (of(0), of(1), of(2));
        Line { name: name.to_owned(), budget, direct_ns, component_ns, native_ns }
    };
    imports.map(line).into()
}

fn imports_in_a_row<G: Guest<Still>>(period: u16, guest: &mut G) -> Subject<'_> {
    Box::new(move || {
        guest.handle(&mut Period(period)).expect("a mirror handles periods");
        CALLS.into()
    })
}

fn measure_burst(mode: Mode, mirrors: &Mirrors, burst: usize, size: usize) -> Line {
    let [mut direct, mut component] = [&mirrors.direct, &mirrors.component].map(sandboxed);
    let mut native = native();
    let mut subjects = [
        bursts(&mut direct, burst, size),
        bursts(&mut component, burst, size),
        bursts(&mut native, burst, size),
    ];
    let [direct_ns, component_ns, native_ns] = medians_of(mode, &mut subjects);
    let budget = match (burst, size) {
        (32, 64) => Budget::Difference(PACKET_BUDGET_NS),
        _ => Budget::None,
    };
    Line { name: burst_name(burst, size), budget, direct_ns, component_ns, native_ns }
}

fn bursts<G: Guest<Still>>(guest: &mut G, burst: usize, size: usize) -> Subject<'_> {
    const BURSTS: usize = 8;
    let mut frames = Frames::new(burst, size);
    guest.handle(&mut frames).expect("a mirror handles packets");
    assert!(frames.came_back_swapped(), "a mirror swaps MAC addresses and changes nothing else");
    Box::new(move || {
        for _ in 0..BURSTS {
            guest.handle(&mut frames).expect("a mirror handles packets");
            frames.advance();
        }
        (BURSTS * burst) as u64
    })
}

fn medians_of<const N: usize>(mode: Mode, subjects: &mut [Subject<'_>]) -> [f64; N] {
    let medians = medians(mode, ROUNDS, ROUND_NS, subjects);
    medians.try_into().expect("one for each subject")
}

fn print(lines: &[Line]) {
    println!("crossings: medians of {ROUNDS} interleaved rounds, ns");
    let [direct, native, difference, component] = ["direct", "native", "differ.", "component"];
    println!("{:<40} {direct:>8} {native:>8} {difference:>8} {component:>10}  budget", "");
    for Line { name, budget, direct_ns, component_ns, native_ns } in lines {
        let difference = direct_ns - native_ns;
        let verdict = match *budget {
            Budget::None => String::new(),
            Budget::Direct(ns) => format!("direct <= {ns}: {}", met(*direct_ns <= ns)),
            Budget::Difference(ns) => format!("difference <= {ns}: {}", met(difference <= ns)),
        };
        println!(
            "{name:<40} {direct_ns:>8.1} {native_ns:>8.1} {difference:>8.1} {component_ns:>10.1}  \
             {verdict}"
        );
    }
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

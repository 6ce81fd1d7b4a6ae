//! Profiles of whole runs name the pair, the line and the recipe, and change no result.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_engine::services::Value;
use nfos_records::profile::{Conflict, INTERVALS_MAX, Profile, Side};
use std::collections::BTreeMap;
use support::{Run, Timed, guest, root, udp, until};

const HOST: u32 = 0x0A00_0001;
const SERVER: u32 = 0xC633_6401;

/// Flows of one packet each, 100 ns apart, or of as many as that.
fn flows(count: u32, packets: u32) -> Vec<Timed> {
    let flow = |number: u32| Timed {
        at_ns: 1_000_000_000 + u64::from(number) * 100,
        bytes: udp(
            (HOST + number / packets / 2_048, (number / packets) as u16 % 2_048),
            (SERVER, 53),
            b"",
        ),
    };
    (0..count).map(flow).collect()
}

fn profiled(nf: &str, workers: usize, input: &[Timed], parameters: &[(&str, Value)]) -> Profile {
    let mut run = Run::new(workers, &[input, &[]]);
    run.launch.profile = true;
    for (name, value) in parameters {
        run = run.set(name, value.clone());
    }
    run.run(&guest(nf));
    let profile = run.profile.take().unwrap();
    assert_consistent(&profile);
    profile
}

/// What must be so of any profile.
fn assert_consistent(profile: &Profile) {
    let summary = &profile.summary;
    let by_kind: u64 = profile.conflicts.iter().map(|conflict| conflict.aborts).sum();
    let by_cause: u64 = summary.causes.iter().map(|cause| cause.aborts).sum();
    assert_eq!(by_kind + profile.method.conflicts_lost, by_cause, "each conflict is of one kind");
    let events: u64 = summary.workers.iter().map(|worker| worker.events).sum();
    let stood: u64 = profile.handlers.iter().map(|handler| handler.commits).sum();
    let attempts: u64 = profile.attempts.iter().sum();
    assert_eq!((stood, attempts), (events, events));
    let aborts: u64 = summary.workers.iter().map(|worker| worker.aborts).sum();
    assert_eq!(profile.handlers.iter().map(|handler| handler.retries).sum::<u64>(), aborts);
    let course = profile.intervals.iter().flat_map(|interval| &interval.workers);
    assert_eq!(course.map(|worker| worker.packets).sum::<u64>(), summary.received);
    assert!(profile.intervals.len() <= INTERVALS_MAX);
    let sites = |side: &Side| side.sites.iter().all(|share| share.site < profile.sites.len());
    for Conflict { observer, mutator, .. } in &profile.conflicts {
        assert!(sites(observer) && mutator.as_ref().is_none_or(sites));
    }
    for example in &profile.examples {
        let conflict = &profile.conflicts[example.conflict];
        let in_order = example.seen <= example.snapshot && example.snapshot < example.committed;
        assert!(conflict.mutator.is_none() || in_order, "{example:?}");
        assert!(example.by_worker != Some(example.worker), "nobody is in the way of himself");
    }
}

/// The text of the line that most conflicts of a side happened on.
fn line(profile: &Profile, side: &Side) -> String {
    let site = &profile.sites[side.sites.first().expect("a site was learnt").site];
    let path = &site.file[site.file.find("guests/").expect("a file of a guest")..];
    let source = std::fs::read_to_string(root().join(path)).unwrap();
    source.lines().nth(site.line as usize - 1).unwrap().trim().to_owned()
}

fn on<'a>(profile: &'a Profile, cause: &str) -> impl Iterator<Item = &'a Conflict> {
    profile.conflicts.iter().filter(move |conflict| conflict.cause == cause)
}

fn aborts(profile: &Profile, cause: &str) -> u64 {
    on(profile, cause).map(|conflict| conflict.aborts).sum()
}

#[test]
fn anti_ddos_conflicts_on_the_line_that_reads_and_the_recipe_as_printed_relieves_it() {
    let flows = flows(100_000, 1);
    let with = |us| profiled("anti-ddos", 8, &flows, &[("staleness_us", Value::Unsigned(us))]);
    let fresh = until(|| with(0), |profile| aborts(profile, "D1") > 30);
    let all: u64 = fresh.conflicts.iter().map(|conflict| conflict.aborts).sum();
    assert!(aborts(&fresh, "D1") * 100 >= all * 95, "{:?}", fresh.conflicts);
    let first = &fresh.conflicts[0];
    let mutator = first.mutator.as_ref().unwrap();
    assert_eq!((first.observer.operation.as_str(), mutator.operation.as_str()), ("read", "update"));
    assert_eq!(
        (first.object.as_str(), first.observer.handler.as_str()),
        ("counters", "init-packet-set")
    );
    assert!(first.observer.exact, "the line was caught when the event ran again");
    assert_eq!(line(&fresh, &first.observer), "let counters = self.counters.read();");
    assert!(line(&fresh, mutator).starts_with("self.counters.update("));
    assert!(first.recipe.starts_with("raise its staleness"), "{}", first.recipe);
    assert!(first.places.iter().all(|place| place.place.starts_with("part of worker ")));
    assert!(first.wasted_ns > 0);

    let told = fresh.summary.causes.iter().find(|cause| cause.id == "D1").unwrap();
    let advice = &told.relaxed_by[0];
    assert_eq!((advice.name.as_str(), advice.current.as_str()), ("staleness_us", "0"));
    let stale = with(advice.suggested.as_ref().unwrap().parse().unwrap());
    let [before, after] = [&fresh, &stale].map(|profile| aborts(profile, "D1"));
    assert!(after * 2 < before, "{before} before, {after} after");
}

/// Frames that ask `every-conflict` for operations, in a mix in which one cause is several times as
/// frequent as the next.
fn mixed(count: u64) -> Vec<Timed> {
    let shares = [
        (b'm', 0, 400),
        (b'u', 0, 300),
        (b'r', 0, 70),
        (b'w', 0, 150),
        (b'g', 1, 12),
        (b's', 1, 68),
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let frame = |number: u64| {
        let (station, mut choice) = (below(64) as u8, below(1_000));
        let asked = shares.iter().find(|(.., share)| {
            let here = choice < *share;
            choice = choice.saturating_sub(*share);
            here
        });
        let (operation, subject, _) = asked.unwrap();
        let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, station, 0x88, 0xb5];
        bytes.extend([*operation, *subject]);
        bytes.resize(60, 0);
        Timed { at_ns: 1_000_000_000 + number * 100, bytes }
    };
    (0..count).map(frame).collect()
}

#[test]
fn causes_rank_alike_on_any_number_of_workers() {
    let input = mixed(100_000);
    let ranked = ["D1 merged", "V1 elements", "M1 keys"];
    for workers in [1, 2, 4, 8] {
        // Whether workers meet depends on how the machine shares its cores: runs are summed up
        // until each of the three has come up often enough to be told from the next.
        let mut sums = BTreeMap::<String, u64>::new();
        for _ in 0..40 {
            let profile = profiled("test/every-conflict", workers, &input, &[]);
            for conflict in &profile.conflicts {
                let name = format!("{} {}", conflict.cause, conflict.object);
                *sums.entry(name).or_default() += conflict.aborts;
            }
            let enough = ranked.iter().all(|name| sums.get(*name).is_some_and(|sum| *sum >= 10));
            if enough || workers == 1 {
                break;
            }
        }
        let mut ranking: Vec<_> = sums.iter().collect();
        ranking.sort_by_key(|(_, sum)| std::cmp::Reverse(**sum));
        let names: Vec<_> = ranking.iter().map(|(name, _)| name.as_str()).collect();
        match workers {
            1 => assert_eq!(names, [""; 0], "one worker meets nobody"),
            _ => assert_eq!(names, ranked, "{workers} workers: {ranking:?}"),
        }
    }
}

#[test]
fn a_hot_element_is_named_with_both_lines() {
    let parameters = [
        ("access", Value::Text("read-write".to_owned())),
        ("elements", Value::Unsigned(2)),
        ("skew", Value::Text("0".to_owned())),
    ];
    let input = flows(40_000, 100);
    let run = || profiled("array", 8, &input, &parameters);
    let profile = until(run, |profile| aborts(profile, "V1") > 20);
    let first = on(&profile, "V1").next().unwrap();
    assert_eq!(first.object, "elements");
    assert!(first.places.iter().all(|place| place.place.starts_with("element ")), "{first:?}");
    assert_eq!(line(&profile, &first.observer), "let value = self.elements.read(index);");
    let mutator = first.mutator.as_ref().unwrap();
    assert_eq!(line(&profile, mutator), "self.elements.write(index, &(value + 1));");
    let elements = &profile.objects[0];
    let uses = |name: &str| -> u64 {
        let of = elements.operations.iter().filter(|operation| operation.name == name);
        of.map(|operation| operation.count).sum()
    };
    assert!(uses("read") >= 40_000 && uses("write") >= 40_000, "{elements:?}");
}

#[test]
fn profiling_changes_no_result() {
    let input = flows(20_000, 7);
    let run = |profile| {
        let mut run = Run::new(1, &[&input, &[]]);
        run.launch.profile = profile;
        let (mut summary, out) = run.run(&guest("anti-ddos"));
        assert_eq!(run.profile.is_some(), profile);
        summary.elapsed_ns = 0;
        summary.ports.clear();
        summary.workers.iter_mut().for_each(|worker| (worker.busy_ns, worker.bursts) = (0, 0));
        (summary, out)
    };
    assert_eq!(run(true), run(false));
}

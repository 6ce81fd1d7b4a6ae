//! Every cell of the table of conflicts, end to end: two workers meet in exactly that one, and the
//! report names it, both lines of source and the recipe.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod meeting;
#[path = "../support/mod.rs"]
mod support;

use meeting::{Met, Order, Role};
use nfos_engine::services::Value;
use nfos_engine::{EngineChoice, NetworkFunction};
use nfos_records::profile::{Profile, Side};
use nfos_state::rules::{
    Cause, MUTATORS, MutatorKind, OBSERVERS, ObserverKind, Rule, rule, shortage,
};
use std::collections::BTreeSet;
use support::{Run, Timed, guest_on, root, udp};

const SECOND: u64 = 1_000_000_000;

/// An operation of `guests/test/every-conflict` with what it is about, and how a report tells it.
#[derive(Clone, Copy, Debug)]
struct Act {
    command: (u8, u8),
    name: &'static str,
    line: &'static str,
}

/// A meeting and what must come of it.
#[derive(Debug)]
struct Scene {
    #[allow(dead_code, reason = "what fails is told by it")]
    observer: ObserverKind,
    mutator: Option<MutatorKind>,
    cause: Cause,
    object: &'static str,
    observes: Act,
    changes: Act,
}

/// How an observer looks, in the way that the mutator can end.
fn observes(observer: ObserverKind, mutator: Option<MutatorKind>) -> (&'static str, Act) {
    use ObserverKind::*;
    let act = |command, name, line| Act { command, name, line };
    // The fifth of the ids is free; the first has run out.
    let lease = match (observer, mutator) {
        (_, Some(MutatorKind::Allocate)) => 4,
        (IsLive, Some(MutatorKind::Refresh)) => 0,
        _ => 1,
    };
    let absent = mutator == Some(MutatorKind::MapSet);
    match observer {
        VectorRead => ("elements", act((b'r', 0), "read", "self.elements.read(subject);")),
        MapHit => ("keys", act((b'g', 1), "get (present)", "self.keys.get(&subject);")),
        MapMiss => ("keys", act((b'g', 9), "get (absent)", "self.keys.get(&subject);")),
        MapRemove => {
            let key = if absent { 9 } else { 1 };
            ("keys", act((b'x', key), "remove", "self.keys.remove(&subject);"))
        }
        MapFull => ("full", act((b'S', 5), "set (full)", "_ = self.full.set(&subject, &7);")),
        MapIterate => ("keys", act((b'n', 0), "next", "self.keys.iter().for_each(drop);")),
        MapLength => ("keys", act((b'l', 0), "len", "self.keys.len();")),
        Allocate => ("few", act((b'A', 0), "allocate", "self.few.allocate(HOUR);")),
        AllocateNone => ("few", act((b'A', 0), "allocate (none left)", "self.few.allocate(HOUR);")),
        Refresh => (
            "leases",
            act((b'R', lease), "refresh", "self.leases.refresh(self.id(subject), HOUR);"),
        ),
        Free => ("leases", act((b'F', lease), "free", "self.leases.free(self.id(subject));")),
        IsLive => {
            ("leases", act((b'L', lease), "is-live", "self.leases.is_live(self.id(subject));"))
        }
        NextExpired => ("leases", act((b'E', 0), "next-expired", "self.leases.next_expired();")),
        MergingRead => ("merged", act((b'm', 0), "read (merging)", "self.merged.read();")),
        OwnPart => unreachable!("nothing ends it"),
    }
}

/// How a mutator changes what an observer has looked at.
fn changes(mutator: MutatorKind, observer: ObserverKind) -> Act {
    use MutatorKind::*;
    let act = |command, name, line| Act { command, name, line };
    let full = observer == ObserverKind::MapFull;
    let few = observer == ObserverKind::AllocateNone;
    // What has run out, or what has not.
    let expired = observer == ObserverKind::NextExpired
        || (observer == ObserverKind::IsLive && mutator == Refresh);
    let lease = u8::from(!expired);
    match mutator {
        VectorWrite => act((b'w', 0), "write", "self.elements.write(subject, &7);"),
        VectorAdd => act((b'a', 0), "add", "self.elements.add(subject, Word::ONLY, 1);"),
        MapGrow if full => act((b'Y', 0), "set", "_ = self.full.set(&9, &7);"),
        MapShrink if full => act((b'X', 1), "remove", "self.full.remove(&subject);"),
        MapSet | MapGrow => {
            let there = matches!(observer, ObserverKind::MapHit | ObserverKind::MapIterate)
                && mutator == MapSet;
            let key = if there { 1 } else { 9 };
            act((b's', key), "set", "_ = self.keys.set(&subject, &7);")
        }
        MapRemove | MapShrink => act((b'x', 1), "remove", "self.keys.remove(&subject);"),
        Allocate if few => act((b'H', 0), "allocate", "self.few.allocate(HOUR);"),
        Allocate => act((b'T', 0), "allocate", "while self.leases.allocate(HOUR).is_some() {}"),
        Refresh => act((b'R', lease), "refresh", "self.leases.refresh(self.id(subject), HOUR);"),
        Free if few => act((b'G', 0), "free", "self.few.free(self.id(5));"),
        Free => act((b'F', lease), "free", "self.leases.free(self.id(subject));"),
        Update => act((b'u', 0), "update", "self.merged.update(Count::COUNT, 1);"),
    }
}

/// One for each cell with a cause, one for each shortage, and the parts of a distributed object,
/// which have the cell of a merged one.
fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for &observer in OBSERVERS {
        for &mutator in MUTATORS {
            if let Rule::Conflict(cause) = rule(observer, mutator) {
                let (object, observes) = observes(observer, Some(mutator));
                let changes = changes(mutator, observer);
                let mutator = Some(mutator);
                scenes.push(Scene { observer, mutator, cause, object, observes, changes });
            }
        }
        if let Some(cause) = shortage(observer) {
            let (object, observes) = observes(observer, None);
            // The same operation, of the other worker: it holds what is left.
            let changes = Act { command: (observes.command.0, 6), ..observes };
            scenes.push(Scene { observer, mutator: None, cause, object, observes, changes });
        }
    }
    let merges = Act {
        command: (b'p', 0),
        name: "read (merging)",
        line: "self.parts.read(u64::wrapping_add);",
    };
    let changes = Act { command: (b'q', 0), name: "update", line: "self.parts.set(&3);" };
    let observer = ObserverKind::MergingRead;
    let mutator = Some(MutatorKind::Update);
    let cause = Cause::D1;
    scenes.push(Scene { observer, mutator, cause, object: "parts", observes: merges, changes });
    scenes
}

/// What relaxes a cause, with the parameters of the guest that set the object.
fn recipe(cause: Cause, object: &str) -> String {
    let often = "write less often (`write_interval_ms`, now 0: try 1)";
    let longer = "keep its entries for longer (`valid_ms`, now 1000: try 2000)";
    let refresh = "refresh more often (`refresh_interval_ms`, now 0)";
    let method = "change the way it is used";
    match cause {
        Cause::V1 => format!(
            "make the contended value a distributed object and allow staleness, or {often}, or \
             {method}"
        ),
        Cause::V2 => format!(
            "read it from a distributed object with staleness, or in the periodic handler only, or \
             {method}"
        ),
        Cause::M1 => format!(
            "keep the changing part in a distributed object or vector, or {often}, or {method}"
        ),
        Cause::M2 => format!("{longer}, or remove later"),
        Cause::M3 => {
            "steer packets that share a key to one worker, or insert at start-up".to_owned()
        }
        Cause::M4 => "let one owner remove: the periodic handler".to_owned(),
        Cause::M5 | Cause::M6 => "raise its capacity (`room`, now 2: try 4)".to_owned(),
        Cause::M7 => {
            "go through it in an event that writes nothing, in a period of its own for instance"
                .to_owned()
        }
        Cause::M8 => {
            "count them in an event that writes nothing, or in a distributed object".to_owned()
        }
        Cause::A1 => {
            assert_eq!(object, "few");
            "overprovision: raise its capacity (`room`, now 2: try 4), or keep its entries for \
             less long (`valid_ms`, now 1000: try 500)"
                .to_owned()
        }
        Cause::A2 | Cause::A3 | Cause::A5 => format!("{longer}, or {refresh}"),
        Cause::A4 => "none is needed: each worker reclaims its own leases first".to_owned(),
        Cause::D1 => "raise its staleness (`staleness_us`, now 0: try 100)".to_owned(),
        Cause::S1 => "do less in one event".to_owned(),
    }
}

/// A frame from a station that asks for an operation.
fn frame(at_ns: u64, station: u8, (operation, subject): (u8, u8), role: u8) -> Timed {
    let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, station, 0x88, 0xb5];
    bytes.extend([operation, subject, role]);
    bytes.resize(60, 0);
    Timed { at_ns, bytes }
}

fn reading(frame: &[u8]) -> (u8, Option<Role>) {
    (frame[11], role(frame[16]))
}

fn role(number: u8) -> Option<Role> {
    match number {
        1 => Some(Role::Observer),
        2 => Some(Role::Mutator),
        _ => None,
    }
}

/// A station of each of two workers.
fn stations(function: &NetworkFunction) -> (u8, u8) {
    let idle: Vec<_> = (1..=16).map(|station| frame(SECOND, station, (b'-', 0), 0)).collect();
    let met = Met::new(function, Order::Between, reading);
    meeting::profile_of(&met, &Run::new(2, &[&idle, &[]]));
    let [first, second] = met.meeting.apart();
    (first[0], second[0])
}

fn line(profile: &Profile, side: &Side) -> String {
    let site = &profile.sites[side.sites.first().expect("a site").site];
    let path = &site.file[site.file.find("guests/").expect("a file of a guest")..];
    let source = std::fs::read_to_string(root().join(path)).unwrap();
    source.lines().nth(site.line as usize - 1).unwrap().trim().to_owned()
}

/// Plays a scene and holds the profile and its report to it. Answers the profile.
fn play(function: &NetworkFunction, (observer, mutator): (u8, u8), scene: &Scene) -> Profile {
    let order = if scene.mutator.is_some() { Order::Between } else { Order::While };
    let left = u8::from(scene.mutator.is_none());
    // The two that meet come within one quantum of the trace.
    let frames = [
        frame(SECOND, observer, (b'P', left), 0),
        frame(2 * SECOND, observer, scene.observes.command, 1),
        frame(2 * SECOND + 1_000, mutator, scene.changes.command, 2),
    ];
    let met = Met::new(function, order, reading);
    let profile = meeting::profile_of(&met, &Run::new(2, &[&frames, &[]]));

    let [conflict] = &profile.conflicts[..] else {
        panic!("{scene:?}: one conflict is expected, not {:#?}", profile.conflicts);
    };
    assert_eq!((conflict.aborts, conflict.object.as_str()), (1, scene.object), "{scene:?}");
    assert_eq!(conflict.cause, scene.cause.id(), "{scene:?}");
    assert!(conflict.observer.exact, "{scene:?}: {:#?}", conflict.observer);
    assert_eq!(line(&profile, &conflict.observer), scene.observes.line, "{scene:?}");
    assert_eq!(conflict.mutator.is_some(), scene.mutator.is_some(), "{scene:?}");
    if let Some(mutator) = &conflict.mutator {
        assert_eq!(mutator.operation, scene.changes.name, "{scene:?}");
        assert_eq!(line(&profile, mutator), scene.changes.line, "{scene:?}");
    }
    assert_eq!(conflict.recipe, recipe(scene.cause, scene.object), "{scene:?}");

    let report = nfos_profile::Report::of(&profile, &[root().to_owned()]).text();
    let mut expected = vec![
        format!(
            "1. 100 % of conflicts (1), 100 % of the time wasted: {} on {}",
            conflict.cause, conflict.object
        ),
        format!("   run again  {} in orphan-packet", scene.observes.name),
        format!("                  {}", scene.observes.line),
        format!("   recipe     {}", conflict.recipe),
    ];
    if scene.mutator.is_some() {
        expected.push(format!("   because    {} in orphan-packet", scene.changes.name));
        expected.push(format!("                  {}", scene.changes.line));
    }
    for expected in expected {
        assert!(report.lines().any(|line| line.starts_with(&expected)), "{expected} in\n{report}");
    }
    profile
}

/// What a profile says of conflicts, without what is measured.
fn told(profile: &Profile) -> String {
    let mut conflicts = profile.conflicts.clone();
    conflicts.iter_mut().for_each(|conflict| conflict.wasted_ns = 0);
    format!("{conflicts:#?} {:#?} {:#?}", profile.examples, profile.sites)
}

#[test]
fn every_cell_is_named_with_both_lines_and_its_recipe() {
    let function = guest_on("test/every-conflict", EngineChoice::Direct);
    let as_component = guest_on("test/every-conflict", EngineChoice::Component);
    let stations = stations(&function);
    let scenes = scenes();
    let failed = scenes.iter().filter(|scene| {
        let played = std::panic::AssertUnwindSafe(|| {
            let engines = [&function, &as_component].map(|on| told(&play(on, stations, scene)));
            assert_eq!(engines[0], engines[1], "the engines tell the same of {scene:?}");
        });
        std::panic::catch_unwind(played).is_err()
    });
    assert_eq!(failed.count(), 0, "of {} scenes: see above", scenes.len());
    let causes: BTreeSet<_> = scenes.iter().map(|scene| scene.cause.id()).collect();
    assert!(scenes.len() > 25, "{}", scenes.len());
    assert_eq!(causes.len(), nfos_state::rules::CAUSES.len() - 1, "all but S1, which is no pair's");
}

/// Two external ports, both taken, of which one comes free and is taken again while another host
/// finds none: the paper's cause of NAT.
#[test]
fn nat_with_a_tight_pool_is_told_to_overprovision() {
    let function = guest_on("nat", EngineChoice::Direct);
    let host = |at_ns: u64, station: u8, role: u8| Timed {
        at_ns,
        bytes: udp((0x0A00_0001, station.into()), (0xC633_6401, role.into()), b""),
    };
    let reading = |frame: &[u8]| (frame[35], role(frame[37]));
    let parameters = [("external_addresses", 1), ("port_first", 5_000), ("port_last", 5_001)];
    let timeouts = [("udp_timeout_s", 2), ("refresh_interval_ms", 0)];
    let run = |frames: &[Timed]| {
        let mut run = Run::new(2, &[frames, &[]]);
        for (name, value) in parameters.iter().chain(&timeouts) {
            run = run.set(name, Value::Unsigned(*value));
        }
        run
    };
    let scout: Vec<_> = (1..=16).map(|station| host(SECOND, station, 0)).collect();
    let met = Met::new(&function, Order::Between, reading);
    meeting::profile_of(&met, &run(&scout));
    let [here, there] = met.meeting.apart();
    let frames = [
        host(SECOND, here[0], 0),
        host(SECOND + 500, there[0], 0),
        host(2 * SECOND, here[0], 0),
        // The second mapping ends at 3 s and 500 ns.
        host(3 * SECOND + 300, here[0], 1),
        host(3 * SECOND + 400, here[1], 1),
        host(3 * SECOND + 600, there[1], 2),
    ];
    let met = Met::new(&function, Order::Between, reading);
    let profile = meeting::profile_of(&met, &run(&frames));
    let [conflict] = &profile.conflicts[..] else { panic!("{:#?}", profile.conflicts) };
    assert_eq!((conflict.cause.as_str(), conflict.aborts), ("A1", 1));
    assert_eq!(conflict.object, "udp_mappings_leases");
    let insert = "table.insert(&inside, (), granted).ok_or(Reason::NoFreePort)?";
    let mutator = conflict.mutator.as_ref().unwrap();
    assert_eq!(
        (conflict.observer.operation.as_str(), mutator.operation.as_str()),
        ("allocate", "allocate")
    );
    for side in [&conflict.observer, mutator] {
        assert_eq!(line(&profile, side), insert);
    }
    let recipe = "overprovision: raise its capacity (`external_addresses`, now 1: try 2), or keep \
                  its entries for less long (`udp_timeout_s`, now 2: try 1)";
    assert_eq!(conflict.recipe, recipe);
}

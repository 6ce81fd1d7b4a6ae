//! A guest that keeps a record of its progress is followed as if it called `burst.begin`, and one
//! that keeps a false record meets a fault.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use nfos_engine::{Engine, EngineChoice, Settings};
use support::burst::Burst;
use support::recorder::{Answers, Called, Recorder};
use support::{ECHO, Guest};

const IMPORTS: &str = r#"
    (import "nfos:nf/event@0.1.0" "emit" (func $emit (param i32 i64)))
    (import "nfos:nf/vector@0.1.0" "[method]vector.read" (func $read (param i32 i32 i32)))"#;

/// A record at 32768: the host's order is `$order`, `$begin` sets the number of events begun.
const RECORD: &str = r#"
    (global (export "nfos_progress") i32 (i32.const 32768))
    (data (i32.const 32772) "\02")
    (func $begin (param i32) (i32.store (i32.const 32768) (local.get 0)))
    (func $order (result i32) (i32.load (i32.const 32772)))
    (func $emit_order (call $emit (i32.const 7) (i64.extend_i32_u (call $order))))
    (func $look (call $read (i32.const 1) (i32.const 2) (i32.const 33000)))"#;

fn guest(handle: &str) -> Guest {
    let (imports, fields) = (IMPORTS.to_owned(), RECORD.to_owned());
    Guest { imports, fields, handle: handle.to_owned(), ..Guest::default() }
}

/// What the services hear of a burst of four events, and how it ends.
fn run(engine: EngineChoice, handle: &str, answers: Answers) -> (Vec<Called>, Option<GuestFault>) {
    let settings = Settings { engine, ..Settings::default() };
    let recorder = Recorder::answering(answers);
    let mut guest = guest(handle).load(&settings).instantiate(recorder).unwrap();
    guest.init().unwrap();
    let ended = guest.handle(&mut Burst::of(4));
    (std::mem::take(&mut guest.services().calls), ended.err())
}

fn run_direct(handle: &str, answers: Answers) -> (Vec<Called>, Option<GuestFault>) {
    run(EngineChoice::Direct, handle, answers)
}

fn begun(events: std::ops::Range<u32>) -> Vec<Called> {
    events.map(Called::Begin).collect()
}

const READ: Called = Called::VectorRead(1, 2);

#[test]
fn events_begin_before_the_import_of_one_of_them_and_at_the_end() {
    let handle =
        format!("(call $begin (i32.const 3)) (call $look) (call $begin (i32.const 4)) {ECHO}");
    let expected = [begun(0..3), vec![READ], begun(3..4)].concat();
    assert_eq!(run_direct(&handle, Answers::default()), (expected, None));
}

#[test]
fn a_burst_is_counted_anew() {
    let settings = Settings::default();
    let handle = format!("(call $begin (local.get $en)) {ECHO}");
    let mut guest = guest(&handle).load(&settings).instantiate(Recorder::default()).unwrap();
    guest.init().unwrap();
    for events in [2, 2, 1, 3] {
        guest.handle(&mut Burst::of(events)).unwrap();
        assert_eq!(std::mem::take(&mut guest.services().calls), begun(0..events));
    }
}

#[test]
fn an_engine_that_does_not_read_the_record_leaves_its_order() {
    let handle = format!("(call $emit_order) (call $begin (i32.const 4)) {ECHO}");
    let (calls, fault) = run(EngineChoice::Component, &handle, Answers::default());
    assert_eq!((calls, fault), (vec![Called::Emit(7, 2)], None));
    let (calls, fault) = run_direct(&handle, Answers::default());
    assert_eq!((calls, fault), ([vec![Called::Emit(7, 0)], begun(0..4)].concat(), None));
}

/// Stops after the second event, which it begins with a look.
const OBEYS: &str = "
    (call $begin (i32.const 2)) (call $look)
    (if (call $order) (then (local.set $en (i32.const 2))) (else (call $begin (i32.const 4))))";

#[test]
fn a_guest_whose_run_is_in_vain_is_told_to_stop() {
    let handle = format!("{OBEYS} {ECHO}");
    let answers = Answers { in_vain_after: 3, ..Answers::default() };
    let expected = [begun(0..2), vec![READ], begun(2..3)].concat();
    assert_eq!(run_direct(&handle, answers), (expected, None));
    let answers = Answers { in_vain_after: 4, ..Answers::default() };
    let expected = [begun(0..2), vec![READ], begun(2..4)].concat();
    assert_eq!(run_direct(&handle, answers), (expected, None));
}

#[test]
fn a_burst_that_is_in_vain_from_the_start_is_not_begun() {
    let handle = format!("(if (call $order) (then (local.set $en (i32.const 0)))) {ECHO}");
    let answers = Answers { in_vain_after: 0, ..Answers::default() };
    assert_eq!(run_direct(&handle, answers), (begun(0..1), None));
}

#[test]
fn the_event_of_a_trap_is_begun() {
    let (calls, fault) = run_direct("(call $begin (i32.const 3)) unreachable", Answers::default());
    assert_eq!(calls, begun(0..3));
    assert!(matches!(fault, Some(GuestFault::Trap(_))), "{fault:?}");
}

#[test]
fn a_false_record_is_a_fault() {
    let out_of_turn = Some(GuestFault::OutOfTurn("the record of its progress"));
    let shrinks = "(call $begin (i32.const 2)) (call $look) (call $begin (i32.const 1))";
    for end in ["(call $look)", ""] {
        let handle = format!("{shrinks} {end} {ECHO}");
        assert_eq!(run_direct(&handle, Answers::default()).1, out_of_turn);
    }
    let disobeys = format!("(call $begin (i32.const 2)) (call $look) {ECHO}");
    let answers = Answers { yes: false, ..Answers::default() };
    assert_eq!(run_direct(&disobeys, answers), (begun(0..1), out_of_turn));
}

#[test]
fn a_record_is_an_address_in_memory() {
    let with = |global: &str| Guest {
        fields: format!(r#"(global (export "nfos_progress") {global})"#),
        ..Guest::default()
    };
    for (at, length) in [(131_065, 8), (131_072, 8), (-1, 8), (32_770, 8)] {
        let guest = with(&format!("i32 (i32.const {at})")).load(&Settings::default());
        let fault = guest.instantiate(Recorder::default()).err();
        let pointer = i32::cast_unsigned(at);
        assert_eq!(fault, Some(GuestFault::BadPointer { pointer, length }));
    }
    for global in ["(mut i32) (i32.const 32768)", "i64 (i64.const 32768)"] {
        let settings = Settings { engine: EngineChoice::Direct, ..Settings::default() };
        let engine = Engine::new(settings).unwrap();
        let error = engine.load_bytes(&with(global).module()).err().unwrap();
        assert!(format!("{error:#}").contains("`nfos_progress`"), "{error:#}");
    }
}

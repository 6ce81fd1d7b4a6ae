//! What a guest does wrong becomes its fault by name, and after `replace` it works again.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use std::time::Duration;

use nfos_engine::fault::{FaultReason, GuestFault};
use nfos_engine::guest::Guest as _;
use nfos_engine::{EngineChoice, Settings};
use support::burst::Burst;
use support::recorder::{Answers, Recorder};
use support::{ECHO, Guest, INIT};

/// Runs `misbehaviour` in `handle` on the bursts of two events, and the echo on others.
fn fault_in_handle(imports: &str, misbehaviour: &str) -> GuestFault {
    fault_of(misbehaving(imports, misbehaviour))
}

/// The same on the direct engine alone, for guests in which Wasmtime's linker finds another fault
/// before this one.
fn fault_in_handle_direct(imports: &str, misbehaviour: &str) -> GuestFault {
    fault_on(EngineChoice::Direct, &misbehaving(imports, misbehaviour))
}

fn misbehaving(imports: &str, misbehaviour: &str) -> Guest {
    let handle =
        format!("(if (i32.eq (local.get $en) (i32.const 2)) (then {misbehaviour})) {ECHO}");
    Guest { imports: imports.to_owned(), handle, ..Guest::default() }
}

/// The fault of a guest on a burst of two events, which then must not be its end. Both engines
/// give it the same name; it is the direct engine's that is answered.
fn fault_of(guest: Guest) -> GuestFault {
    let direct = fault_on(EngineChoice::Direct, &guest);
    let component = fault_on(EngineChoice::Component, &guest);
    assert_eq!(direct.reason(), component.reason(), "{direct:?} and {component:?}");
    direct
}

fn fault_on(engine: EngineChoice, guest: &Guest) -> GuestFault {
    let settings = Settings {
        engine,
        time_limit: Duration::from_millis(20),
        memory_bytes_max: 1 << 20,
        cache: None,
    };
    let mut guest = guest.load(&settings).instantiate(Recorder::default()).unwrap();
    guest.init().unwrap();
    guest.handle(&mut Burst::of(1)).unwrap();
    let fault = guest.handle(&mut Burst::of(2)).unwrap_err();
    guest.replace().unwrap();
    guest.init().unwrap();
    let mut burst = Burst::of(3);
    guest.handle(&mut burst).unwrap();
    assert_eq!(burst.frame(2)[0], 3);
    fault
}

/// A fault of an outcome, which the instructions leave.
fn fault_of_outcome(outcome: &str) -> GuestFault {
    fault_in_handle("", &format!("(return (call $outcome {outcome}))"))
}

#[test]
fn a_trap_is_told_in_the_words_of_the_sandbox() {
    let fault = fault_in_handle("", "unreachable");
    assert_eq!(fault, GuestFault::Trap("wasm `unreachable` instruction executed".to_owned()));
    let fault = fault_in_handle("", "(drop (i32.div_u (i32.const 1) (i32.const 0)))");
    assert_eq!(fault, GuestFault::Trap("integer divide by zero".to_owned()));
    let fault = fault_in_handle("", "(drop (i32.load (i32.const -4)))");
    assert_eq!(fault, GuestFault::Trap("out of bounds memory access".to_owned()));
}

#[test]
fn an_overrun_stack_is_a_trap() {
    let guest = Guest {
        fields: "(func $deep (param i32) (result i32)
            (i32.add (call $deep (local.get 0)) (call $deep (local.get 0))))"
            .to_owned(),
        handle: format!(
            "(if (i32.eq (local.get $en) (i32.const 2))
                (then (drop (call $deep (i32.const 0))))) {ECHO}"
        ),
        ..Guest::default()
    };
    assert_eq!(fault_of(guest), GuestFault::Trap("call stack exhausted".to_owned()));
}

#[test]
fn a_panic_tells_its_message_in_one_line() {
    let message = |end: &str| format!("(data (i32.const 2000) \"no\\1b[31m way\\0aat all{end}\")");
    let guest = Guest {
        imports: r#"(import "nfos:nf/fault@0.1.0" "report" (func $report (param i32 i32)))"#
            .to_owned(),
        fields: message("\\ff"),
        handle: format!(
            "(if (i32.eq (local.get $en) (i32.const 2))
                (then (call $report (i32.const 2000) (i32.const 19)) unreachable)) {ECHO}"
        ),
        ..Guest::default()
    };
    // The component engine takes no string that is not UTF-8, here either.
    let fault = fault_on(EngineChoice::Direct, &guest);
    assert_eq!(fault, GuestFault::Panic("no [31m way at all\u{fffd}".to_owned()));
    let fault = fault_on(EngineChoice::Component, &Guest { fields: message("."), ..guest });
    assert_eq!(fault, GuestFault::Panic("no [31m way at all.".to_owned()));
}

#[test]
fn the_message_of_a_panic_is_cut_at_1_kib() {
    let guest = Guest {
        imports: r#"(import "nfos:nf/fault@0.1.0" "report" (func $report (param i32 i32)))"#
            .to_owned(),
        handle: format!(
            "(if (i32.eq (local.get $en) (i32.const 2)) (then
                (memory.fill (i32.const 32768) (i32.const 97) (i32.const 5000))
                (call $report (i32.const 32768) (i32.const 5000)) unreachable)) {ECHO}"
        ),
        ..Guest::default()
    };
    assert_eq!(fault_of(guest), GuestFault::Panic("a".repeat(1024)));
}

#[test]
fn a_message_of_an_earlier_call_is_not_this_traps() {
    let guest = Guest {
        imports: r#"(import "nfos:nf/fault@0.1.0" "report" (func $report (param i32 i32)))"#
            .to_owned(),
        init: format!("(call $report (i32.const 4096) (i32.const 4)) {INIT}"),
        handle: format!("(if (i32.eq (local.get $en) (i32.const 2)) (then unreachable)) {ECHO}"),
        ..Guest::default()
    };
    assert!(matches!(fault_of(guest), GuestFault::Trap(_)));
}

#[test]
fn an_endless_loop_ends_at_the_time_limit() {
    assert_eq!(fault_in_handle("", "(loop $for_ever (br $for_ever))"), GuestFault::TimeLimit);
}

#[test]
fn time_in_which_the_thread_did_not_run_does_not_count() {
    let guest = Guest {
        imports: r#"(import "nfos:nf/clock@0.1.0" "now" (func $now (result i64)))"#.to_owned(),
        handle: format!(
            "(loop $again (drop (call $now))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 6))))
             (local.set $i (i32.const 0)) {ECHO}"
        ),
        ..Guest::default()
    };
    let settings = Settings { time_limit: Duration::from_millis(20), ..Settings::default() };
    let answers = Answers { pause: Duration::from_millis(20), ..Answers::default() };
    let nf = guest.load(&settings);
    let mut guest = nf.instantiate(Recorder::answering(answers)).unwrap();
    guest.handle(&mut Burst::of(1)).unwrap();
    assert_eq!(guest.services().calls.len(), 6);
}

#[test]
fn init_and_exit_and_describe_have_the_time_limit_too() {
    let settings = Settings { time_limit: Duration::from_millis(10), ..Settings::default() };
    let for_ever = "(loop $for_ever (br $for_ever))";
    let guest =
        Guest { init: format!("{for_ever} {INIT}"), exit: for_ever.to_owned(), ..Guest::default() };
    let mut guest = guest.load(&settings).instantiate(Recorder::default()).unwrap();
    assert_eq!(guest.init(), Err(GuestFault::TimeLimit));
    guest.replace().unwrap();
    assert_eq!(guest.exit(), Err(GuestFault::TimeLimit));

    let guest = Guest { describe: format!("{for_ever} (i32.const 0)"), ..Guest::default() };
    let engine = nfos_engine::Engine::new(settings).unwrap();
    let error = engine.load_bytes(&guest.module()).err().unwrap();
    assert_eq!(error.to_string(), "`describe` failed: the guest ran longer than the time limit");
}

#[test]
fn a_trap_after_memory_was_refused_is_the_memory_limit() {
    let grow = "(loop $more
        (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
    assert_eq!(fault_in_handle("", grow), GuestFault::MemoryLimit);
    let grow = "(drop (memory.grow (i32.const 65536))) unreachable";
    assert_eq!(fault_in_handle("", grow), GuestFault::MemoryLimit);
}

#[test]
fn a_guest_that_lives_with_refused_memory_is_right() {
    let handle = format!("(drop (memory.grow (i32.const 1000))) {ECHO}");
    let settings = Settings { memory_bytes_max: 1 << 20, ..Settings::default() };
    let nf = Guest { handle, ..Guest::default() }.load(&settings);
    nf.instantiate(Recorder::default()).unwrap().handle(&mut Burst::of(1)).unwrap();
}

#[test]
fn memory_beyond_the_limit_from_the_start_is_a_fault_of_describe() {
    let settings = Settings { memory_bytes_max: 65536, ..Settings::default() };
    let engine = nfos_engine::Engine::new(settings).unwrap();
    let error = engine.load_bytes(&Guest::default().module()).err().unwrap();
    let expected = "`describe` failed: the guest asked for memory beyond its limit";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_range_outside_memory_is_a_bad_pointer() {
    let send = r#"(import "nfos:nf/send@0.1.0" "send" (func $send (param i32 i32 i32)))"#;
    for (pointer, length) in [
        (0xffff_ffff_u32, 1_u32),
        (0xffff_ffff, 0xffff_ffff),
        (131_072, 1),
        (131_071, 2),
        (0, 131_073),
        (1, 0xffff_ffff),
        (131_073, 0),
    ] {
        let misbehaviour =
            format!("(call $send (i32.const 0) (i32.const {pointer}) (i32.const {length}))");
        let expected = GuestFault::BadPointer { pointer, length: u64::from(length) };
        assert_eq!(fault_in_handle(send, &misbehaviour), expected);
    }
    let end = "(call $send (i32.const 0) (i32.const 131072) (i32.const 0))";
    assert!(matches!(fault_in_handle(send, &format!("{end} unreachable")), GuestFault::Trap(_)));
}

#[test]
fn a_return_area_outside_memory_or_misaligned_is_a_bad_pointer() {
    for (interface, function, ty, arguments, size, align) in [
        ("vector", "[method]vector.read", "i32 i32 i32", "(i32.const 1) (i32.const 1)", 48, 8),
        (
            "hash-map",
            "[method]hash-map.get",
            "i32 i32 i32 i32",
            "(i32.const 1) (i32.const 1) (i32.const 1)",
            56,
            8,
        ),
        (
            "allocator",
            "[method]allocator.allocate",
            "i32 i64 i32",
            "(i32.const 1) (i64.const 1)",
            8,
            4,
        ),
        ("allocator", "[method]allocator.next-expired", "i32 i32", "(i32.const 1)", 24, 8),
        (
            "distributed-object",
            "[method]distributed-object.read",
            "i32 i32",
            "(i32.const 1)",
            48,
            8,
        ),
        ("parameters", "get", "i32 i32 i32", "(i32.const 1) (i32.const 1)", 16, 8),
    ] {
        let import =
            format!(r#"(import "nfos:nf/{interface}@0.1.0" "{function}" (func $f (param {ty})))"#);
        let last = 131_072 - size;
        for pointer in [last + 8, 0xffff_fff8, 64 + align / 2] {
            let misbehaviour = format!("(call $f {arguments} (i32.const {pointer}))");
            let expected = GuestFault::BadPointer { pointer, length: size.into() };
            assert_eq!(fault_in_handle_direct(&import, &misbehaviour), expected, "{function}");
        }
        let fits = format!("(call $f {arguments} (i32.const {last})) unreachable");
        assert!(
            matches!(fault_in_handle_direct(&import, &fits), GuestFault::Trap(_)),
            "{function}"
        );
    }
}

#[test]
fn a_string_that_is_not_utf_8_is_a_bad_value() {
    let log = r#"(import "nfos:nf/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
    let misbehaviour = "(i32.store8 (i32.const 100) (i32.const 0xff))
        (call $log (i32.const 0) (i32.const 100) (i32.const 1))";
    let fault = fault_in_handle(log, misbehaviour);
    assert_eq!(fault, GuestFault::BadValue("a string that is not UTF-8"));
    assert_eq!(fault.reason(), FaultReason::BadCall);
}

#[test]
fn an_enum_out_of_range_is_a_bad_value() {
    let log = r#"(import "nfos:nf/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
    for level in ["4", "256", "-1"] {
        let misbehaviour = format!("(call $log (i32.const {level}) (i32.const 100) (i32.const 0))");
        let fault = fault_in_handle(log, &misbehaviour);
        assert_eq!(fault, GuestFault::BadValue("a log level that does not exist"));
    }
    let open = r#"(import "nfos:nf/distributed-object@0.1.0" "[static]distributed-object.open"
        (func $open (param i32 i32 i32 i32 i64) (result i32)))"#;
    let misbehaviour = "(i32.store8 (i32.const 100) (i32.const 4)) (drop (call $open
        (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 1) (i64.const 0)))";
    let fault = fault_in_handle(open, misbehaviour);
    assert_eq!(fault, GuestFault::BadValue("a merge that does not exist"));
}

#[test]
fn a_fault_of_the_services_ends_the_call_as_it_is() {
    let add = r#"(import "nfos:nf/vector@0.1.0" "[method]vector.add"
        (func $add (param i32 i32 i32 i64)))"#;
    let guest = Guest {
        imports: add.to_owned(),
        handle: format!(
            "(call $add (i32.const 9) (i32.const 0) (i32.const 0) (i64.const 0)) {ECHO}"
        ),
        ..Guest::default()
    };
    let answers = Answers { fault: Some(GuestFault::BadHandle(9)), ..Answers::default() };
    let nf = guest.load(&Settings::default());
    let mut guest = nf.instantiate(Recorder::answering(answers)).unwrap();
    assert_eq!(guest.handle(&mut Burst::of(1)), Err(GuestFault::BadHandle(9)));
}

#[test]
fn a_fault_of_the_exchange_breaks_the_guest() {
    let nf = Guest::default().load(&Settings::default());
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    let refusal = GuestFault::BadOutcome("a frame beyond its event".to_owned());
    let mut burst = Burst { refusal: Some(refusal.clone()), ..Burst::of(1) };
    assert_eq!(guest.handle(&mut burst), Err(refusal));
    assert!(guest.handle(&mut Burst::of(1)).is_err());
}

#[test]
fn outcomes_of_the_wrong_size_are_refused() {
    let all = "(local.get $fp) (local.get $fn) (local.get $sp) (local.get $sn)";
    let fault = fault_of_outcome(&format!("(i32.const 0) (i32.const 3) {all}"));
    assert_eq!(fault, GuestFault::BadOutcome("3 verdicts for 2 events".to_owned()));
    let outcome = format!("(return (call $outcome (i32.const 0) (i32.const -1) {all}))");
    let fault = fault_in_handle_direct("", &outcome);
    assert_eq!(fault, GuestFault::BadOutcome("4294967295 verdicts for 2 events".to_owned()));
    let fault = fault_of_outcome(
        "(i32.const 0) (i32.const 2) (local.get $fp) (i32.const 161)
            (local.get $sp) (i32.const 16)",
    );
    assert_eq!(fault, GuestFault::BadOutcome("`frames` has 161 bytes, not 160".to_owned()));
    let fault = fault_of_outcome(
        "(i32.const 0) (i32.const 2) (local.get $fp) (i32.const 160)
            (local.get $sp) (i32.const 0)",
    );
    assert_eq!(fault, GuestFault::BadOutcome("`states` has 0 bytes, not 16".to_owned()));
}

#[test]
fn outcomes_outside_memory_are_refused() {
    let outcome = |verdicts: i32, frames: i32, states: i32| {
        format!(
            "(i32.const {verdicts}) (i32.const 2) (i32.const {frames}) (i32.const 160)
             (i32.const {states}) (i32.const 16)"
        )
    };
    let [verdicts, frames, states] = [24, 160, 16];
    for (outcome, pointer, length) in [
        (outcome(131060, 0, 0), 131_060, verdicts),
        (outcome(2, 0, 0), 2, verdicts),
        (outcome(0, -160, 0), 0xffff_ff60, frames),
        (outcome(0, 0, 131071), 131_071, states),
    ] {
        let expected = GuestFault::BadPointer { pointer, length };
        assert_eq!(fault_of_outcome(&outcome), expected);
    }
    for pointer in [131_072 - 20, 0xffff_fffc, 258] {
        let fault = fault_in_handle("", &format!("(return (i32.const {pointer}))"));
        assert_eq!(fault, GuestFault::BadPointer { pointer, length: 24 });
    }
}

#[test]
fn verdicts_with_values_that_do_not_exist_are_refused() {
    for (offset, expected) in
        [(0, "an action that does not exist"), (1, "a registration that does not exist")]
    {
        let fault = fault_in_handle(
            "",
            &format!(
                "(i64.store (i32.const 1000) (i64.const 0))
                 (i32.store8 offset={offset} (i32.const 1000) (i32.const 4))
                 (return (call $outcome (i32.const 1000) (i32.const 1) (local.get $fp)
                    (local.get $fn) (local.get $sp) (local.get $sn)))"
            ),
        );
        assert_eq!(fault, GuestFault::BadValue(expected));
    }
}

#[test]
fn fewer_verdicts_than_events_are_the_exchanges_business() {
    let handle = "(call $outcome (i32.const 1000) (i32.const 1) (local.get $fp) (local.get $fn)
        (local.get $sp) (local.get $sn))";
    let nf = Guest { handle: handle.to_owned(), ..Guest::default() }.load(&Settings::default());
    let mut burst = Burst::of(3);
    nf.instantiate(Recorder::default()).unwrap().handle(&mut burst).unwrap();
    assert_eq!(burst.verdicts.len(), 1);
}

#[test]
fn buffers_that_overlap_or_lie_outside_memory_are_refused() {
    for answer in ["(i32.const 1024)", "(i32.const 131056)", "(i32.const -4)", "(i32.const 1026)"] {
        let guest = Guest { allocator: answer.to_owned(), ..Guest::default() };
        let mut guest = guest.load(&Settings::default()).instantiate(Recorder::default()).unwrap();
        let fault = guest.handle(&mut Burst::of(2)).unwrap_err();
        assert!(matches!(fault, GuestFault::BadPointer { .. }), "{fault}");
    }
}

#[test]
fn periods_that_break_a_rule_are_refused() {
    for (count, expected) in [(17, "17 periods; at most 16"), (1, "a period of 0 ns; at least 1")] {
        let init = format!(
            "(i32.store (i32.const 524) (i32.const 1024))
             (i32.store (i32.const 528) (i32.const {count})) (i32.const 512)"
        );
        let nf = Guest { init, ..Guest::default() }.load(&Settings::default());
        let mut guest = nf.instantiate(Recorder::default()).unwrap();
        assert_eq!(guest.init(), Err(GuestFault::BadOutcome(expected.to_owned())));
    }
}

#[test]
fn a_post_return_that_traps_is_a_fault() {
    let guest = Guest {
        fields: r#"(func (export "cabi_post_nfos:nf/handlers@0.1.0#handle") (param i32)
            (if (i32.eq (i32.load (i32.const 260)) (i32.const 2)) (then unreachable)))"#
            .to_owned(),
        ..Guest::default()
    };
    assert!(matches!(fault_of(guest), GuestFault::Trap(_)));
}

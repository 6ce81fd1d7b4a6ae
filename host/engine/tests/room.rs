//! A guest that keeps room for a burst is handed it there, without a call for each buffer; and one
//! whose room is none is refused.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use nfos_engine::{Engine, EngineChoice, Settings};
use support::Guest;
use support::burst::{Burst, FRAME};
use support::recorder::{Called, Recorder};

const IMPORTS: &str = r#"(import "nfos:nf/event@0.1.0" "emit" (func $emit (param i32 i64)))"#;

/// What the guest tells: where events, frames and states of a burst lie, and, as it ends, how often
/// `cabi_realloc` and its post-return function were called. In these it may call no import.
const LIES: u32 = 1;
const CALLED: u32 = 2;

const ALLOCATOR: &str = "
    (i32.store (i32.const 33100) (i32.add (i32.load (i32.const 33100)) (i32.const 1)))
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at)";

/// A block at 40000, of 224 bytes: what two events of [`Burst`] take.
const ROOM: &str = r#"
    (global (export "nfos_room") i32 (i32.const 33000))
    (data (i32.const 33000) "\40\9c\00\00\e0\00\00\00")"#;

const POST_RETURN: &str = r#"
    (func (export "cabi_post_nfos:nf/handlers@0.1.0#handle") (param i32)
        (i32.store (i32.const 33104) (i32.add (i32.load (i32.const 33104)) (i32.const 1))))"#;

/// Gives no verdict: what it is about is on the way in.
const HANDLE: &str = "
    (call $emit (i32.const 1) (i64.extend_i32_u (local.get $ep)))
    (call $emit (i32.const 1) (i64.extend_i32_u (local.get $fp)))
    (call $emit (i32.const 1) (i64.extend_i32_u (local.get $sp)))
    (call $outcome (i32.const 256) (i32.const 0) (local.get $fp) (local.get $fn)
        (local.get $sp) (local.get $sn))";

const EXIT: &str = "
    (call $emit (i32.const 2) (i64.load32_u (i32.const 33100)))
    (call $emit (i32.const 2) (i64.load32_u (i32.const 33104)))";

fn guest(fields: String) -> Guest {
    Guest {
        imports: IMPORTS.to_owned(),
        fields,
        handle: HANDLE.to_owned(),
        exit: EXIT.to_owned(),
        allocator: ALLOCATOR.to_owned(),
        ..Guest::default()
    }
}

/// What a guest with room tells of a burst, which has to come back as it went.
fn told(engine: EngineChoice, events: u32) -> Vec<Called> {
    let settings = Settings { engine, ..Settings::default() };
    let nf = guest([ROOM, POST_RETURN].concat()).load(&settings);
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    guest.init().unwrap();
    let mut burst = Burst::of(events);
    guest.handle(&mut burst).unwrap();
    guest.exit().unwrap();
    for event in 0..events {
        assert_eq!(burst.frame(event), [event as u8; FRAME as usize]);
        assert_eq!(burst.state(event), [100 + event as u8; 8]);
    }
    std::mem::take(&mut guest.services().calls)
}

/// Where the lists lie, and how many calls the burst took beside `handle`.
fn expected(at: [u64; 3], allocations: u64, post_returns: u64) -> Vec<Called> {
    let lies = at.map(|at| Called::Emit(LIES, at));
    let called = [allocations, post_returns].map(|times| Called::Emit(CALLED, times));
    [&lies[..], &called].concat()
}

#[test]
fn a_burst_that_fits_takes_no_other_call() {
    let direct = EngineChoice::Direct;
    assert_eq!(told(direct, 1), expected([40_000, 40_024, 40_104], 0, 0));
    assert_eq!(told(direct, 2), expected([40_000, 40_048, 40_208], 0, 0));
}

#[test]
fn a_burst_that_does_not_fit_goes_the_usual_way() {
    assert_eq!(told(EngineChoice::Direct, 3), expected([65_536, 65_608, 65_848], 3, 1));
}

#[test]
fn an_engine_that_does_not_look_for_room_goes_the_usual_way() {
    assert_eq!(told(EngineChoice::Component, 1), expected([65_536, 65_560, 65_640], 3, 1));
}

#[test]
fn a_room_lies_in_memory() {
    for (at, bytes) in [(40_004, 8), (131_072, 8), (131_064, 16), (8, 131_065), (0, u32::MAX)] {
        let words = [at, bytes].map(u32::to_le_bytes).concat();
        let data: String = words.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let export = r#"(global (export "nfos_room") i32 (i32.const 33000))"#;
        let guest = guest(format!(r#"{export} (data (i32.const 33000) "{data}")"#));
        let fault = guest.load(&Settings::default()).instantiate(Recorder::default()).err();
        assert_eq!(fault, Some(GuestFault::BadPointer { pointer: at, length: bytes.into() }));
    }
}

#[test]
fn a_record_is_an_address_in_memory() {
    let with = |global: &str| guest(format!(r#"(global (export "nfos_room") {global})"#));
    let nf = with("i32 (i32.const 131068)").load(&Settings::default());
    let fault = nf.instantiate(Recorder::default()).err();
    assert_eq!(fault, Some(GuestFault::BadPointer { pointer: 131_068, length: 8 }));
    for global in ["(mut i32) (i32.const 33000)", "i64 (i64.const 33000)"] {
        let settings = Settings { engine: EngineChoice::Direct, ..Settings::default() };
        let error = Engine::new(settings).unwrap().load_bytes(&with(global).module()).err();
        let error = format!("{:#}", error.unwrap());
        assert!(error.contains("`nfos_room`"), "{error}");
    }
}

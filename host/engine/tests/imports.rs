//! Every import of the contract carries its arguments and its answer faithfully: the guard of the
//! hand-written canonical ABI.
//!
//! The guest calls the import in `init` and shows what it got: a number through `event.emit`, the
//! bytes of its return area through `send.send`.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use nfos_engine::services::{
    Cell, ExpiredLease, Hashing, LogLevel, MapEntry, Merge, SetOutcome, Value,
};
use nfos_engine::{EngineChoice, Settings};
use support::recorder::{Answers, Called, Recorder};
use support::{Guest, INIT};

const SHOW: &str = r#"
    (import "nfos:nf/event@0.1.0" "emit" (func $emit (param i32 i64)))
    (import "nfos:nf/send@0.1.0" "send" (func $send (param i32 i32 i32)))"#;
const CELL: Cell = [1, 1 << 63, u64::MAX, 0, 0x0102_0304_0506_0708, 6];
const CELL_TEXT: &str = "(i64.const 1) (i64.const 0x8000000000000000) (i64.const -1)
    (i64.const 0) (i64.const 0x0102030405060708) (i64.const 6)";
const HANDLE: u32 = 0x89ab_cdef;
/// What the guest's `open` answered.
const HANDLE_TEXT: &str = "(global.get $handle)";
/// The string at 2000.
const NAME: &str = "größe";
const NAME_TEXT: &str = "(i32.const 2000) (i32.const 7)";
/// The key at 2100.
const KEY: [u8; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 254, 253];
const KEY_TEXT: &str = "(i32.const 2100) (i32.const 13)";
const LONG: u64 = 0xfedc_ba98_7654_3210;
const LONG_TEXT: &str = "(i64.const 0xfedcba9876543210)";

/// Runs a guest that imports `function` of `interface` as `$f`, of the core type `ty`, and runs
/// `body` in `init`; what it called. Both engines do the same.
fn run(
    import: (&str, &str, &str),
    body: &str,
    answers: Answers,
) -> Result<Vec<Called>, GuestFault> {
    let answers = Answers { handle: HANDLE, ..answers };
    let direct = run_on(EngineChoice::Direct, import, body, answers.clone());
    let component = run_on(EngineChoice::Component, import, body, answers);
    // A handle is the services' number on one engine, and Wasmtime's own on the other.
    if !import.1.contains(".open") {
        assert_eq!(direct, component);
    }
    direct
}

fn run_on(
    engine: EngineChoice,
    (interface, function, ty): (&str, &str, &str),
    body: &str,
    answers: Answers,
) -> Result<Vec<Called>, GuestFault> {
    let import = match interface {
        "event" | "send" => String::new(),
        _ => format!(r#"(import "nfos:nf/{interface}@0.1.0" "{function}" (func $f {ty}))"#),
    };
    // The component engine gives out handles, and knows those it gave. An `open` whose own test
    // this is is in `body`.
    let (open, opening) = match opener(interface) {
        Some((ty, arguments)) if body.contains(HANDLE_TEXT) => (
            format!(
                r#"(import "nfos:nf/{interface}@0.1.0" "[static]{interface}.open"
                    (func $open (param i32 i32 {ty}) (result i32)))"#
            ),
            format!("(global.set $handle (call $open (i32.const 0) (i32.const 0) {arguments}))"),
        ),
        _ => (String::new(), String::new()),
    };
    let key: String = KEY.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let data = format!(
        r#"(data (i32.const 2000) "{NAME}") (data (i32.const 2100) "{key}")
           (data (i32.const 2200) "\00\01\02\03\02\01")
           (data (i32.const 3000) "{}")"#,
        "\\ff".repeat(24)
    );
    let guest = Guest {
        imports: format!("{SHOW}{import}{open} (global $handle (mut i32) (i32.const 0))"),
        fields: data,
        init: format!("{opening} {body} {INIT}"),
        ..Guest::default()
    };
    let nf = guest.load(&Settings { engine, ..Settings::default() });
    let mut guest = nf.instantiate(Recorder::answering(answers)).unwrap();
    guest.init()?;
    let opened = usize::from(!opening.is_empty());
    Ok(guest.services().calls.split_off(opened))
}

/// The parameters of an interface's `open` behind the name, and some arguments.
fn opener(interface: &str) -> Option<(&'static str, &'static str)> {
    Some(match interface {
        "vector" => ("i32", "(i32.const 1)"),
        "hash-map" => ("i32 i32", "(i32.const 1) (i32.const 1)"),
        "allocator" => ("i32 i64", "(i32.const 1) (i64.const 1)"),
        "distributed-object" => ("i32 i32 i64", "(i32.const 2200) (i32.const 1) (i64.const 1)"),
        _ => return None,
    })
}

/// The call that a guest with `body` makes, when the import has no answer.
fn only(import: (&str, &str, &str), body: &str) -> Called {
    let calls = run(import, body, Answers::default()).unwrap();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls[0].clone()
}

/// The call and the number it answered, as `i32` or `i64`.
fn number(import: (&str, &str, &str), arguments: &str, answers: Answers) -> (Called, u64) {
    let extend = if import.2.contains("(result i64)") { "" } else { "i64.extend_i32_u" };
    let call = format!("(call $f {arguments})");
    let call = if extend.is_empty() { call } else { format!("({extend} {call})") };
    let calls = run(import, &format!("(call $emit (i32.const 0) {call})"), answers).unwrap();
    let [called, Called::Emit(0, number)] = &calls[..] else { panic!("{calls:?}") };
    (called.clone(), *number)
}

/// The call and the `length` bytes at its return area, at 3000, all of them ones before.
fn area(
    import: (&str, &str, &str),
    arguments: &str,
    length: u32,
    answers: Answers,
) -> (Called, Vec<u8>) {
    let body = format!(
        "(call $f {arguments} (i32.const 3000))
         (call $send (i32.const 0) (i32.const 3000) (i32.const {length}))"
    );
    let calls = run(import, &body, answers).unwrap();
    let [called, Called::Send(0, bytes)] = &calls[..] else { panic!("{calls:?}") };
    (called.clone(), bytes.clone())
}

fn cell_bytes(cell: Cell) -> Vec<u8> {
    cell.map(u64::to_le_bytes).concat()
}

#[test]
fn burst_begin() {
    let import = ("burst", "begin", "(param i32) (result i32)");
    for yes in [false, true] {
        let answers = Answers { yes, ..Answers::default() };
        let expected = (Called::Begin(0xffff_fffe), u64::from(yes));
        assert_eq!(number(import, "(i32.const -2)", answers), expected);
    }
}

#[test]
fn parameters_get() {
    let import = ("parameters", "get", "(param i32 i32 i32)");
    let get = |value| {
        let answers = Answers { value, ..Answers::default() };
        let (called, bytes) = area(import, NAME_TEXT, 16, answers);
        assert_eq!(called, Called::Parameter(NAME.to_owned()));
        bytes
    };
    let unsigned = get(Value::Unsigned(LONG));
    assert_eq!((unsigned[0], &unsigned[8..]), (0, &LONG.to_le_bytes()[..]));
    let boolean = get(Value::Boolean(true));
    assert_eq!((boolean[0], boolean[8]), (1, 1));
    assert_eq!(get(Value::Boolean(false))[8], 0);
}

#[test]
fn parameters_get_of_an_empty_text() {
    let import = ("parameters", "get", "(param i32 i32 i32)");
    // Where no bytes lie is each engine's own affair.
    let body = format!(
        "(call $f {NAME_TEXT} (i32.const 3000))
         (call $send (i32.load8_u (i32.const 3000)) (i32.const 3012) (i32.const 4))"
    );
    let answers = Answers { value: Value::Text(String::new()), ..Answers::default() };
    let expected = [Called::Parameter(NAME.to_owned()), Called::Send(2, vec![0; 4])];
    assert_eq!(run(import, &body, answers).unwrap(), expected);
}

#[test]
fn parameters_get_of_text_lies_in_memory_that_the_guest_allocated() {
    let body = format!(
        "(call $f {NAME_TEXT} (i32.const 3000))
         (call $send (i32.load8_u (i32.const 3000)) (i32.load (i32.const 3008))
            (i32.load (i32.const 3012)))
         (call $emit (i32.const 0) (i64.load32_u (i32.const 3008)))"
    );
    let text = "some text, längere";
    let answers = Answers { value: Value::Text(text.to_owned()), ..Answers::default() };
    let calls = run(("parameters", "get", "(param i32 i32 i32)"), &body, answers).unwrap();
    let expected = [
        Called::Parameter(NAME.to_owned()),
        Called::Send(2, text.as_bytes().to_owned()),
        Called::Emit(0, 65536),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn vector_open() {
    let import = ("vector", "[static]vector.open", "(param i32 i32 i32) (result i32)");
    let (called, handle) =
        number(import, &format!("{NAME_TEXT} (i32.const -3)"), Answers::default());
    assert_eq!(called, Called::OpenVector(NAME.to_owned(), 0xffff_fffd));
    assert_eq!(handle, u64::from(HANDLE));
}

#[test]
fn vector_read() {
    let import = ("vector", "[method]vector.read", "(param i32 i32 i32)");
    let answers = Answers { cell: CELL, ..Answers::default() };
    let (called, bytes) = area(import, &format!("{HANDLE_TEXT} (i32.const -4)"), 48, answers);
    assert_eq!(called, Called::VectorRead(HANDLE, 0xffff_fffc));
    assert_eq!(bytes, cell_bytes(CELL));
}

#[test]
fn vector_write() {
    let ty = "(param i32 i32 i64 i64 i64 i64 i64 i64)";
    let body = format!("(call $f {HANDLE_TEXT} (i32.const 5) {CELL_TEXT})");
    let called = only(("vector", "[method]vector.write", ty), &body);
    assert_eq!(called, Called::VectorWrite(HANDLE, 5, CELL));
}

#[test]
fn vector_add() {
    let import = ("vector", "[method]vector.add", "(param i32 i32 i32 i64)");
    let add = |word, delta| {
        format!("(call $f {HANDLE_TEXT} (i32.const 5) (i32.const {word}) (i64.const {delta}))")
    };
    assert_eq!(only(import, &add("3", "-9")), Called::VectorAdd(HANDLE, 5, 3, -9));
    assert_eq!(only(import, &add("0x103", "1")), Called::VectorAdd(HANDLE, 5, 3, 1));
}

#[test]
fn hash_map_open() {
    let import = ("hash-map", "[static]hash-map.open", "(param i32 i32 i32 i32) (result i32)");
    let arguments = format!("{NAME_TEXT} (i32.const -3) (i32.const 64)");
    let (called, handle) = number(import, &arguments, Answers::default());
    assert_eq!(called, Called::OpenMap(NAME.to_owned(), 0xffff_fffd, 64));
    assert_eq!(handle, u64::from(HANDLE));
}

#[test]
fn hash_map_get() {
    let import = ("hash-map", "[method]hash-map.get", "(param i32 i32 i32 i32)");
    let arguments = format!("{HANDLE_TEXT} {KEY_TEXT}");
    let answers = Answers { found: Some(CELL), ..Answers::default() };
    let (called, bytes) = area(import, &arguments, 56, answers);
    assert_eq!(called, Called::MapGet(HANDLE, KEY.to_vec()));
    assert_eq!((bytes[0], &bytes[8..]), (1, &cell_bytes(CELL)[..]));

    let (_, bytes) = area(import, &arguments, 24, Answers::default());
    assert_eq!((bytes[0], &bytes[8..]), (0, &[0xff; 16][..]));
}

#[test]
fn hash_map_get_answers_before_its_key_where_that_lies_and_behind_it() {
    let import = ("hash-map", "[method]hash-map.get", "(param i32 i32 i32 i32)");
    for answer in [2040, 2048, 2104, 2200] {
        let body = format!(
            "(call $f {HANDLE_TEXT} {KEY_TEXT} (i32.const {answer}))
             (call $send (i32.const 0) (i32.const {answer}) (i32.const 56))"
        );
        let answers = Answers { found: Some(CELL), ..Answers::default() };
        let calls = run(import, &body, answers).unwrap();
        let [Called::MapGet(HANDLE, key), Called::Send(0, bytes)] = &calls[..] else {
            panic!("{answer}: {calls:?}");
        };
        assert_eq!(key[..], KEY[..], "{answer}");
        assert_eq!((bytes[0], &bytes[8..]), (1, &cell_bytes(CELL)[..]), "{answer}");
    }
}

#[test]
fn hash_map_set() {
    let ty = "(param i32 i32 i32 i64 i64 i64 i64 i64 i64) (result i32)";
    let arguments = format!("{HANDLE_TEXT} {KEY_TEXT} {CELL_TEXT}");
    for (set, expected) in [(SetOutcome::Ok, 0), (SetOutcome::Full, 1)] {
        let answers = Answers { set, ..Answers::default() };
        let import = ("hash-map", "[method]hash-map.set", ty);
        let (called, answer) = number(import, &arguments, answers);
        assert_eq!(called, Called::MapSet(HANDLE, KEY.to_vec(), CELL));
        assert_eq!(answer, expected);
    }
}

#[test]
fn hash_map_remove() {
    let import = ("hash-map", "[method]hash-map.remove", "(param i32 i32 i32) (result i32)");
    for yes in [false, true] {
        let answers = Answers { yes, ..Answers::default() };
        let (called, answer) = number(import, &format!("{HANDLE_TEXT} {KEY_TEXT}"), answers);
        assert_eq!(called, Called::MapRemove(HANDLE, KEY.to_vec()));
        assert_eq!(answer, u64::from(yes));
    }
}

#[test]
fn hash_map_open_with() {
    let ty = "(param i32 i32 i32 i32 i32) (result i32)";
    let import = ("hash-map", "[static]hash-map.open-with", ty);
    for (case, hashing) in [(0, Hashing::Keyed), (1, Hashing::Plain)] {
        let arguments = format!("{NAME_TEXT} (i32.const -3) (i32.const 64) (i32.const {case})");
        let (called, handle) = number(import, &arguments, Answers::default());
        assert_eq!(called, Called::OpenMapWith(NAME.to_owned(), 0xffff_fffd, 64, hashing));
        assert_eq!(handle, u64::from(HANDLE));
    }
    let arguments = format!("{NAME_TEXT} (i32.const 1) (i32.const 1) (i32.const 2)");
    let fault =
        run(import, &format!("(drop (call $f {arguments}))"), Answers::default()).unwrap_err();
    assert_eq!(fault, GuestFault::BadValue("a hashing that does not exist"));
}

#[test]
fn hash_map_len() {
    let import = ("hash-map", "[method]hash-map.len", "(param i32) (result i32)");
    let (called, answer) = number(import, HANDLE_TEXT, Answers::default());
    assert_eq!((called, answer), (Called::MapLen(HANDLE), 0x8765_4321));
}

#[test]
fn hash_map_next() {
    let import = ("hash-map", "[method]hash-map.next", "(param i32 i64 i32)");
    let arguments = format!("{HANDLE_TEXT} {LONG_TEXT}");
    let key = std::array::from_fn(|at| if at < 13 { at as u8 + 1 } else { 0 });
    let entry = MapEntry { key, key_length: 13, value: CELL, next: LONG };
    let answers = Answers { entry: Some(entry), ..Answers::default() };
    let (called, bytes) = area(import, &arguments, 136, answers);
    assert_eq!(called, Called::MapNext(HANDLE, LONG));
    assert_eq!((bytes[0], &bytes[8..72]), (1, &key[..]));
    assert_eq!(bytes[72..76], 13_u32.to_le_bytes());
    assert_eq!(bytes[80..128], cell_bytes(CELL));
    assert_eq!(bytes[128..], LONG.to_le_bytes());

    let (_, bytes) = area(import, &arguments, 24, Answers::default());
    assert_eq!((bytes[0], &bytes[8..]), (0, &[0xff; 16][..]));
}

#[test]
fn allocator_open() {
    let ty = "(param i32 i32 i32 i64) (result i32)";
    let arguments = format!("{NAME_TEXT} (i32.const -3) {LONG_TEXT}");
    let import = ("allocator", "[static]allocator.open", ty);
    let (called, handle) = number(import, &arguments, Answers::default());
    assert_eq!(called, Called::OpenAllocator(NAME.to_owned(), 0xffff_fffd, LONG));
    assert_eq!(handle, u64::from(HANDLE));
}

#[test]
fn allocator_allocate() {
    let import = ("allocator", "[method]allocator.allocate", "(param i32 i64 i32)");
    let arguments = format!("{HANDLE_TEXT} {LONG_TEXT}");
    let answers = Answers { id: Some(0x1234_5678), ..Answers::default() };
    let (called, bytes) = area(import, &arguments, 8, answers);
    assert_eq!(called, Called::Allocate(HANDLE, LONG));
    assert_eq!((bytes[0], &bytes[4..]), (1, &0x1234_5678_u32.to_le_bytes()[..]));

    let (_, bytes) = area(import, &arguments, 8, Answers::default());
    assert_eq!((bytes[0], &bytes[4..]), (0, &[0xff; 4][..]));
}

#[test]
fn allocator_refresh() {
    let ty = "(param i32 i32 i64) (result i32)";
    for yes in [false, true] {
        let answers = Answers { yes, ..Answers::default() };
        let arguments = format!("{HANDLE_TEXT} (i32.const -5) {LONG_TEXT}");
        let import = ("allocator", "[method]allocator.refresh", ty);
        let (called, answer) = number(import, &arguments, answers);
        assert_eq!(called, Called::Refresh(HANDLE, 0xffff_fffb, LONG));
        assert_eq!(answer, u64::from(yes));
    }
}

#[test]
fn allocator_free() {
    let body = format!("(call $f {HANDLE_TEXT} (i32.const 77))");
    let called = only(("allocator", "[method]allocator.free", "(param i32 i32)"), &body);
    assert_eq!(called, Called::Free(HANDLE, 77));
}

#[test]
fn allocator_is_live() {
    let import = ("allocator", "[method]allocator.is-live", "(param i32 i32) (result i32)");
    for yes in [false, true] {
        let answers = Answers { yes, ..Answers::default() };
        let (called, answer) = number(import, &format!("{HANDLE_TEXT} (i32.const 77)"), answers);
        assert_eq!(called, Called::IsLive(HANDLE, 77));
        assert_eq!(answer, u64::from(yes));
    }
}

#[test]
fn allocator_next_expired() {
    let import = ("allocator", "[method]allocator.next-expired", "(param i32 i32)");
    let lease = Some(ExpiredLease { id: 0x1234_5678, deadline: LONG });
    let answers = Answers { lease, ..Answers::default() };
    let (called, bytes) = area(import, HANDLE_TEXT, 24, answers);
    assert_eq!(called, Called::NextExpired(HANDLE));
    assert_eq!((bytes[0], &bytes[8..16]), (1, &LONG.to_le_bytes()[..]));
    assert_eq!(bytes[16..20], 0x1234_5678_u32.to_le_bytes());

    let (_, bytes) = area(import, HANDLE_TEXT, 24, Answers::default());
    assert_eq!((bytes[0], &bytes[8..]), (0, &[0xff; 16][..]));
}

#[test]
fn distributed_object_open() {
    let ty = "(param i32 i32 i32 i32 i64) (result i32)";
    let arguments = format!("{NAME_TEXT} (i32.const 2200) (i32.const 6) {LONG_TEXT}");
    let import = ("distributed-object", "[static]distributed-object.open", ty);
    let (called, handle) = number(import, &arguments, Answers::default());
    let merges = vec![Merge::Sum, Merge::Max, Merge::Min, Merge::Or, Merge::Min, Merge::Max];
    assert_eq!(called, Called::OpenDistributed(NAME.to_owned(), merges, LONG));
    assert_eq!(handle, u64::from(HANDLE));
}

#[test]
fn distributed_object_update() {
    let import = ("distributed-object", "[method]distributed-object.update", "(param i32 i32 i64)");
    let update = |word| {
        format!("(call $f {HANDLE_TEXT} (i32.const {word}) (i64.const -0x7000000000000000))")
    };
    let called = Called::DistributedUpdate(HANDLE, 5, -0x7000_0000_0000_0000);
    assert_eq!(only(import, &update("5")), called);
    assert_eq!(only(import, &update("-251")), called);
}

#[test]
fn distributed_object_open_parts() {
    let ty = "(param i32 i32 i64) (result i32)";
    let import = ("distributed-object", "[static]distributed-object.open-parts", ty);
    let (called, handle) = number(import, &format!("{NAME_TEXT} {LONG_TEXT}"), Answers::default());
    assert_eq!(called, Called::OpenParts(NAME.to_owned(), LONG));
    assert_eq!(handle, u64::from(HANDLE));
}

#[test]
fn distributed_object_parts() {
    let ty = "(param i32) (result i32)";
    let import = ("distributed-object", "[method]distributed-object.parts", ty);
    let (called, answer) = number(import, HANDLE_TEXT, Answers::default());
    assert_eq!((called, answer), (Called::Parts(HANDLE), 0x8765_4321));
}

#[test]
fn distributed_object_part() {
    let import = ("distributed-object", "[method]distributed-object.part", "(param i32 i32 i32)");
    let answers = Answers { cell: CELL, ..Answers::default() };
    let (called, bytes) = area(import, &format!("{HANDLE_TEXT} (i32.const -4)"), 48, answers);
    assert_eq!(called, Called::Part(HANDLE, 0xffff_fffc));
    assert_eq!(bytes, cell_bytes(CELL));
}

#[test]
fn distributed_object_own_part() {
    let import = ("distributed-object", "[method]distributed-object.own-part", "(param i32 i32)");
    let answers = Answers { cell: CELL, ..Answers::default() };
    let (called, bytes) = area(import, HANDLE_TEXT, 48, answers);
    assert_eq!((called, bytes), (Called::OwnPart(HANDLE), cell_bytes(CELL)));
}

#[test]
fn distributed_object_set_part_and_publish() {
    let ty = "(param i32 i64 i64 i64 i64 i64 i64)";
    let called = |function| {
        only(("distributed-object", function, ty), &format!("(call $f {HANDLE_TEXT} {CELL_TEXT})"))
    };
    assert_eq!(called("[method]distributed-object.set-part"), Called::SetPart(HANDLE, CELL));
    assert_eq!(called("[method]distributed-object.publish"), Called::Publish(HANDLE, CELL));
}

#[test]
fn distributed_object_published() {
    let import = ("distributed-object", "[method]distributed-object.published", "(param i32 i32)");
    let answers = Answers { found: Some(CELL), ..Answers::default() };
    let (called, bytes) = area(import, HANDLE_TEXT, 56, answers);
    assert_eq!(called, Called::Published(HANDLE));
    assert_eq!((bytes[0], &bytes[8..]), (1, &cell_bytes(CELL)[..]));
    let (_, bytes) = area(import, HANDLE_TEXT, 24, Answers::default());
    assert_eq!((bytes[0], &bytes[8..]), (0, &[0xff; 16][..]));
}

#[test]
fn distributed_object_read() {
    let import = ("distributed-object", "[method]distributed-object.read", "(param i32 i32)");
    let answers = Answers { cell: CELL, ..Answers::default() };
    let (called, bytes) = area(import, HANDLE_TEXT, 48, answers);
    assert_eq!(called, Called::DistributedRead(HANDLE));
    assert_eq!(bytes, cell_bytes(CELL));
}

#[test]
fn send_send() {
    let send = |port| format!("(call $send (i32.const {port}) {KEY_TEXT})");
    let import = ("send", "send", "");
    assert_eq!(only(import, &send("65535")), Called::Send(65535, KEY.to_vec()));
    assert_eq!(only(import, &send("0x10002")), Called::Send(2, KEY.to_vec()));
}

#[test]
fn clock_now() {
    let answers = Answers { number: LONG, ..Answers::default() };
    let (called, now) = number(("clock", "now", "(result i64)"), "", answers);
    assert_eq!((called, now), (Called::Now, LONG));
}

#[test]
fn random_next() {
    let answers = Answers { number: LONG, ..Answers::default() };
    let (called, random) = number(("random", "next", "(result i64)"), "", answers);
    assert_eq!((called, random), (Called::Random, LONG));
}

#[test]
fn log_write() {
    let levels = [LogLevel::Error, LogLevel::Warning, LogLevel::Information, LogLevel::Detail];
    for (number, level) in levels.into_iter().enumerate() {
        let body = format!("(call $f (i32.const {number}) {NAME_TEXT})");
        let called = only(("log", "write", "(param i32 i32 i32)"), &body);
        assert_eq!(called, Called::Log(level, NAME.to_owned()));
    }
}

#[test]
fn event_emit() {
    let body = format!("(call $emit (i32.const -6) {LONG_TEXT})");
    assert_eq!(only(("event", "emit", ""), &body), Called::Emit(0xffff_fffa, LONG));
}

#[test]
fn fault_report() {
    let body = format!("(call $f {NAME_TEXT}) (unreachable)");
    let fault = run(("fault", "report", "(param i32 i32)"), &body, Answers::default());
    assert_eq!(fault.unwrap_err(), GuestFault::Panic(NAME.to_owned()));
}

#[test]
fn dropping_a_handle_reaches_nobody() {
    for resource in ["vector", "hash-map", "allocator", "distributed-object"] {
        let drop = format!("[resource-drop]{resource}");
        let body = format!("(call $f {HANDLE_TEXT})");
        let calls = run((resource, &drop, "(param i32)"), &body, Answers::default()).unwrap();
        assert_eq!(calls, []);
    }
}

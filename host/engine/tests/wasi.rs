//! WASI, with nothing granted: what a guest gets of it, and what it is refused, by name.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use nfos_engine::services::LogLevel;
use nfos_engine::{Engine, EngineChoice, NetworkFunction, SandboxedGuest, Settings, component};
use support::burst::Burst;
use support::recorder::{Answers, Called, Recorder};
use support::{ECHO, Guest, INIT, contract, with_world};

/// What these guests call of WASI, as much of it.
const WASI: &str = "
package test:wasi;

world nf {
    include nfos:nf/nf@0.1.0;
    import wasi:cli/environment@0.2.0;
    import wasi:cli/exit@0.2.0;
    import wasi:cli/stdout@0.2.0;
    import wasi:cli/stderr@0.2.3;
    import wasi:clocks/monotonic-clock@0.2.0;
    import wasi:clocks/wall-clock@0.2.0;
    import wasi:filesystem/preopens@0.2.0;
    import wasi:io/streams@0.2.0;
    import wasi:io/poll@0.2.0;
    import wasi:random/random@0.2.0;
    import wasi:sockets/tcp@0.2.0;
    import wasi:sockets/tcp-create-socket@0.2.0;
    import wasi:http/outgoing@0.2.0;
}

package wasi:io@0.2.0 {
    interface poll {
        resource pollable { block: func(); ready: func() -> bool; }
        poll: func(pollables: list<borrow<pollable>>) -> list<u32>;
    }
    interface error { resource error { to-debug-string: func() -> string; } }
    interface streams {
        use error.{error};
        use poll.{pollable};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { subscribe: func() -> pollable; }
        resource output-stream {
            write: func(contents: list<u8>) -> result<_, stream-error>;
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}
package wasi:cli@0.2.0 {
    interface environment {
        get-environment: func() -> list<tuple<string, string>>;
        get-arguments: func() -> list<string>;
    }
    interface exit { exit: func(status: result); }
    interface stdout {
        use wasi:io/streams@0.2.0.{output-stream};
        get-stdout: func() -> output-stream;
    }
}
package wasi:cli@0.2.3 {
    interface stderr {
        use wasi:io/streams@0.2.0.{output-stream};
        get-stderr: func() -> output-stream;
    }
}
package wasi:clocks@0.2.0 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.0.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable;
    }
    interface wall-clock {
        record datetime { seconds: u64, nanoseconds: u32 }
        now: func() -> datetime;
    }
}
package wasi:filesystem@0.2.0 {
    interface types { resource descriptor { sync: func() -> result<_, error-code>; }
        enum error-code { access, would-block, already, bad-descriptor, busy, deadlock, quota,
            exist, file-too-large, illegal-byte-sequence, in-progress, interrupted, invalid, io,
            is-directory, loop, too-many-links, message-size, name-too-long, no-device, no-entry,
            no-lock, insufficient-memory, insufficient-space, not-directory, not-empty,
            not-recoverable, unsupported, no-tty, no-such-device, overflow, not-permitted, pipe,
            read-only, invalid-seek, text-file-busy, cross-device } }
    interface preopens {
        use types.{descriptor};
        get-directories: func() -> list<tuple<descriptor, string>>;
    }
}
package wasi:random@0.2.0 {
    interface random {
        get-random-bytes: func(len: u64) -> list<u8>;
        get-random-u64: func() -> u64;
    }
}
package wasi:sockets@0.2.0 {
    interface network { enum error-code { unknown, access-denied }
        enum ip-address-family { ipv4, ipv6 } }
    interface tcp {
        use wasi:io/streams@0.2.0.{input-stream, output-stream};
        use wasi:io/poll@0.2.0.{pollable};
        use network.{error-code};
        resource tcp-socket {
            finish-connect: func() -> result<tuple<input-stream, output-stream>, error-code>;
            subscribe: func() -> pollable;
        }
    }
    interface tcp-create-socket {
        use network.{error-code, ip-address-family};
        use tcp.{tcp-socket};
        create-tcp-socket: func(family: ip-address-family) -> result<tcp-socket, error-code>;
    }
}
package wasi:http@0.2.0 {
    interface outgoing {
        use wasi:io/streams@0.2.0.{output-stream};
        resource request { body: func() -> output-stream; }
        send: func(request: request) -> bool;
    }
}
";

const SHOW: &str = r#"
    (import "nfos:nf/event@0.1.0" "emit" (func $emit (param i32 i64)))
    (import "nfos:nf/burst@0.1.0" "begin" (func $begin (param i32) (result i32)))"#;
const STREAMS: &str = r#"
    (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/stderr@0.2.3" "get-stderr" (func $stderr (result i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.write"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
        (func $blocking_write (param i32 i32 i32 i32)))"#;
const CLOCKS: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
        (func $alarm (param i64) (result i32)))
    (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.ready" (func $ready (param i32) (result i32)))"#;
const RANDOM: &str = r#"
    (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random_bytes (param i64 i32)))"#;

#[derive(Default)]
struct Wasi {
    imports: &'static str,
    describe: &'static str,
    init: &'static str,
    handle: &'static str,
}

impl Wasi {
    fn bytes(&self) -> Vec<u8> {
        let guest = Guest::default();
        let guest = Guest {
            imports: format!("{SHOW}{}", self.imports),
            fields: r#"(data (i32.const 2000) "one\ntwo") (data (i32.const 2100) "boom\n")"#
                .to_owned(),
            describe: format!("{} {}", self.describe, guest.describe),
            init: format!("{} {INIT}", self.init),
            handle: format!("{} {ECHO}", self.handle),
            ..guest
        };
        let mut resolve = contract();
        resolve.push_str("wasi.wit", WASI).unwrap();
        component::encode(&with_world(guest.bare_module(), &resolve, "nf")).unwrap()
    }

    fn load(&self) -> NetworkFunction {
        Engine::new(Settings::default()).unwrap().load_bytes(&self.bytes()).unwrap()
    }

    fn start(&self) -> SandboxedGuest<Recorder> {
        let answers = Answers { number: 5_000_000_007, ..Answers::default() };
        self.load().instantiate(Recorder::answering(answers)).unwrap()
    }

    /// The calls of `init`.
    fn calls(&self) -> Vec<Called> {
        let mut guest = self.start();
        guest.init().unwrap();
        guest.services().calls.clone()
    }

    /// The fault of `handle`, after which the guest works again.
    fn fault(&self) -> GuestFault {
        let mut guest = self.start();
        let fault = guest.handle(&mut Burst::of(1)).unwrap_err();
        guest.replace().unwrap();
        guest.init().unwrap();
        fault
    }
}

#[test]
fn a_component_that_imports_wasi_gets_the_component_engine_and_is_told_why() {
    let guest = Wasi { imports: CLOCKS, init: "(drop (call $now))", ..Wasi::default() };
    let nf = guest.load();
    assert_eq!(nf.engine_kind(), "component");
    assert!(nf.engine_reason().starts_with("it imports wasi:"), "{}", nf.engine_reason());
    let settings = Settings { engine: EngineChoice::Direct, ..Settings::default() };
    let error = Engine::new(settings).unwrap().load_bytes(&guest.bytes()).err().unwrap();
    let error = error.to_string();
    assert!(error.starts_with("cannot run on the direct engine: "), "{error}");
    assert!(error.contains("it imports wasi:"), "{error}");
}

#[test]
fn what_is_printed_becomes_lines_of_the_log_of_the_event_that_printed_it() {
    let guest = Wasi {
        imports: STREAMS,
        init: "(call $write (call $stdout) (i32.const 2000) (i32.const 7) (i32.const 3000))",
        handle: "(drop (call $begin (i32.const 0)))
            (call $blocking_write (call $stderr) (i32.const 2100) (i32.const 5) (i32.const 3000))
            (drop (call $begin (i32.const 1)))",
        ..Wasi::default()
    };
    let mut guest = guest.start();
    guest.init().unwrap();
    let line = |level, text: &str| Called::Log(level, text.to_owned());
    let expected = [line(LogLevel::Information, "one"), line(LogLevel::Information, "two")];
    assert_eq!(std::mem::take(&mut guest.services().calls), expected);
    guest.handle(&mut Burst::of(2)).unwrap();
    let expected = [Called::Begin(0), line(LogLevel::Warning, "boom"), Called::Begin(1)];
    assert_eq!(guest.services().calls, expected);
}

#[test]
fn what_is_printed_without_end_is_cut() {
    let guest = Wasi {
        imports: STREAMS,
        init: "(memory.fill (i32.const 32768) (i32.const 97) (i32.const 1000))
            (loop $again
                (call $write (call $stdout) (i32.const 32768) (i32.const 1000) (i32.const 3000))
                (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                    (i32.const 100))))",
        ..Wasi::default()
    };
    assert_eq!(guest.calls(), [Called::Log(LogLevel::Information, "a".repeat(2048))]);
}

#[test]
fn what_is_printed_before_a_panic_is_its_message() {
    let guest = Wasi {
        imports: STREAMS,
        handle: "(call $write (call $stderr) (i32.const 2100) (i32.const 5) (i32.const 3000))
            unreachable",
        ..Wasi::default()
    };
    assert_eq!(guest.fault(), GuestFault::Panic("boom".to_owned()));
}

#[test]
fn clocks_are_those_of_the_transaction() {
    let guest = Wasi {
        imports: CLOCKS,
        init: "(call $emit (i32.const 0) (call $now)) (call $wall (i32.const 3000))
            (call $emit (i32.const 1) (i64.load (i32.const 3000)))
            (call $emit (i32.const 2) (i64.load32_u (i32.const 3008)))",
        ..Wasi::default()
    };
    let calls = guest.calls();
    let emitted: Vec<_> = calls.iter().filter(|call| matches!(call, Called::Emit(..))).collect();
    let expected = [Called::Emit(0, 5_000_000_007), Called::Emit(1, 5), Called::Emit(2, 7)];
    assert_eq!(emitted, expected.iter().collect::<Vec<_>>());
    assert_eq!(calls.iter().filter(|call| **call == Called::Now).count(), 2);
}

#[test]
fn random_numbers_are_those_of_the_transaction() {
    let guest = Wasi {
        imports: RANDOM,
        init: "(call $emit (i32.const 0) (call $random))
            (call $random_bytes (i64.const 12) (i32.const 3000))
            (call $emit (i32.load (i32.const 3004)) (i64.load (i32.load (i32.const 3000))))",
        ..Wasi::default()
    };
    let number = 5_000_000_007;
    let emitted = [Called::Emit(0, number), Called::Emit(12, number)];
    let [random, shown] = [Called::Random, emitted[0].clone()];
    let twice = [random.clone(), random.clone(), emitted[1].clone()];
    assert_eq!(guest.calls(), [&[random, shown][..], &twice].concat());
}

#[test]
fn in_describe_the_clock_stands_and_nothing_is_drawn() {
    let guest = Wasi {
        imports: RANDOM,
        describe: "(if (i64.eqz (call $random)) (then unreachable))",
        ..Wasi::default()
    };
    assert_eq!(guest.load().name(), "guest");
    let guest = Wasi {
        imports: CLOCKS,
        describe: "(if (i64.ne (call $now) (i64.const 0)) (then unreachable))",
        ..Wasi::default()
    };
    assert_eq!(guest.load().name(), "guest");
}

#[test]
fn a_guest_that_waits_is_refused_and_a_time_that_has_come_is_no_wait() {
    let guest = Wasi {
        imports: CLOCKS,
        handle: "(call $block (call $alarm (i64.const 1)))",
        ..Wasi::default()
    };
    let fault = guest.fault();
    assert_eq!(fault, GuestFault::Denied("wasi:io/poll, to wait".to_owned()));
    assert_eq!(fault.reason().name(), "guest_bad_call");
    let guest = Wasi {
        imports: CLOCKS,
        init: "(call $block (call $alarm (i64.const 0)))
            (call $emit (i32.const 0)
                (i64.extend_i32_u (call $ready (call $alarm (i64.const 9)))))",
        ..Wasi::default()
    };
    assert_eq!(guest.calls(), [Called::Emit(0, 0)]);
}

#[test]
fn a_socket_is_denied_by_name() {
    let guest = Wasi {
        imports: r#"(import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
            (func $socket (param i32 i32)))
            (import "wasi:sockets/tcp@0.2.0" "[method]tcp-socket.subscribe"
                (func $subscribe (param i32) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#,
        handle: "(call $socket (i32.const 0) (i32.const 3000))
            (call $block (call $subscribe (i32.load (i32.const 3004))))",
        ..Wasi::default()
    };
    let fault = guest.fault();
    let name = "wasi:sockets/tcp-create-socket@0.2.0 create-tcp-socket";
    assert_eq!(fault, GuestFault::Denied(name.to_owned()));
    let told = format!("called {name}, which is not granted to a network function");
    assert_eq!(fault.to_string(), told);
}

#[test]
fn an_interface_beyond_those_linked_is_denied_by_name() {
    let guest = Wasi {
        imports: r#"(import "wasi:http/outgoing@0.2.0" "send" (func $send (param i32) (result i32)))
            (import "wasi:http/outgoing@0.2.0" "[method]request.body"
                (func $body (param i32) (result i32)))
            (import "wasi:io/streams@0.2.0" "[method]output-stream.write"
                (func $write (param i32 i32 i32 i32)))"#,
        handle: "(drop (call $body (i32.const 1)))",
        ..Wasi::default()
    };
    // It has no request, and gets none.
    assert_eq!(guest.fault().reason().name(), "guest_bad_call");
}

#[test]
fn there_are_no_files_no_environment_and_no_arguments() {
    let guest = Wasi {
        imports: r#"
            (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $files (param i32)))
            (import "wasi:cli/environment@0.2.0" "get-environment" (func $env (param i32)))
            (import "wasi:cli/environment@0.2.0" "get-arguments" (func $args (param i32)))"#,
        init: "(i32.store (i32.const 3004) (i32.const -1)) (call $files (i32.const 3000))
            (call $emit (i32.const 0) (i64.load32_u (i32.const 3004)))
            (i32.store (i32.const 3004) (i32.const -1)) (call $env (i32.const 3000))
            (call $emit (i32.const 1) (i64.load32_u (i32.const 3004)))
            (i32.store (i32.const 3004) (i32.const -1)) (call $args (i32.const 3000))
            (call $emit (i32.const 2) (i64.load32_u (i32.const 3004)))",
        ..Wasi::default()
    };
    assert_eq!(guest.calls(), [Called::Emit(0, 0), Called::Emit(1, 0), Called::Emit(2, 0)]);
}

#[test]
fn a_guest_that_ends_itself_is_replaced() {
    let guest = Wasi {
        imports: r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#,
        handle: "(call $exit (i32.const 1))",
        ..Wasi::default()
    };
    let GuestFault::Trap(what) = guest.fault() else { panic!() };
    assert!(what.contains("it ended itself with status 1"), "{what}");
}

#[test]
fn a_guest_that_hoards_resources_is_stopped() {
    let guest = Wasi {
        imports: CLOCKS,
        handle: "(loop $again (drop (call $alarm (i64.const 1))) (br $again))",
        ..Wasi::default()
    };
    assert!(matches!(guest.fault(), GuestFault::Trap(_)));
}

//! A burst into a guest and back, `init`, `exit` and `replace`.

mod support;

use nfos_engine::Settings;
use nfos_engine::description::Configuration;
use nfos_engine::exchange::{Action, Registration, Verdict};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use support::Guest;
use support::burst::{Burst, FRAME, event};
use support::recorder::{Called, Recorder};

const IMPORT_EMIT: &str = r#"(import "nfos:nf/event@0.1.0" "emit" (func $emit (param i32 i64)))"#;

#[test]
fn a_burst_comes_back_as_the_guest_left_it() {
    let nf = Guest::default().load(&Settings::default());
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    guest.init().unwrap();
    for events in [0, 1, 2, 32] {
        let mut burst = Burst::of(events);
        guest.handle(&mut burst).unwrap();
        assert_eq!(burst.verdicts.len(), events as usize);
        for index in 0..events {
            let sent = event(index);
            let verdict = Verdict {
                action: Action::Send(sent.port + 1),
                registration: Registration::None,
                frame_offset: sent.frame_offset,
                frame_length: FRAME,
            };
            assert_eq!(burst.verdicts[index as usize], verdict);
            let mut frame = [index as u8; FRAME as usize];
            frame[0] += 1;
            assert_eq!(burst.frame(index), frame);
            let mut state = [100 + index as u8; 8];
            state[0] += 1;
            assert_eq!(burst.state(index), state);
        }
    }
}

#[test]
fn init_answers_its_configuration() {
    let init = "
        (i64.store (i32.const 512) (i64.const 0x123456789abcdef0))
        (i32.store (i32.const 520) (i32.const 0x87654321))
        (i32.store (i32.const 524) (i32.const 1024))
        (i32.store (i32.const 528) (i32.const 2))
        (i64.store (i32.const 1024) (i64.const 1))
        (i64.store (i32.const 1032) (i64.const -1))
        (i32.const 512)";
    let nf = Guest { init: init.to_owned(), ..Guest::default() }.load(&Settings::default());
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    let expected = Configuration {
        idle_timeout_ns: 0x1234_5678_9abc_def0,
        packet_sets: 0x8765_4321,
        periods_ns: vec![1, u64::MAX],
    };
    assert_eq!(guest.init().unwrap(), expected);
}

#[test]
fn exit_and_post_return_run_after_their_calls() {
    let fields = r#"
        (func (export "cabi_post_nfos:nf/handlers@0.1.0#init") (param i32)
            (call $emit (i32.const 1) (i64.extend_i32_u (local.get 0))))
        (func (export "cabi_post_nfos:nf/handlers@0.1.0#handle") (param i32)
            (call $emit (i32.const 2) (i64.extend_i32_u (local.get 0))))"#;
    let guest = Guest {
        imports: IMPORT_EMIT.to_owned(),
        fields: fields.to_owned(),
        exit: "(call $emit (i32.const 3) (i64.const 0))".to_owned(),
        ..Guest::default()
    };
    let mut guest = guest.load(&Settings::default()).instantiate(Recorder::default()).unwrap();
    guest.init().unwrap();
    guest.handle(&mut Burst::of(1)).unwrap();
    guest.exit().unwrap();
    let calls = &guest.services().calls;
    assert_eq!(*calls, [Called::Emit(1, 512), Called::Emit(2, 256), Called::Emit(3, 0)]);
}

#[test]
fn a_replaced_guest_has_fresh_memory_and_the_same_services() {
    let guest = Guest {
        imports: IMPORT_EMIT.to_owned(),
        fields: r#"(func (export "_initialize") (i64.store (i32.const 40000) (i64.const 4)))"#
            .to_owned(),
        exit: "
            (call $emit (i32.const 0) (i64.load (i32.const 40000)))
            (i64.store (i32.const 40000) (i64.const 5))"
            .to_owned(),
        ..Guest::default()
    };
    let mut guest = guest.load(&Settings::default()).instantiate(Recorder::default()).unwrap();
    guest.exit().unwrap();
    guest.exit().unwrap();
    guest.replace().unwrap();
    guest.exit().unwrap();
    let [fresh, used] = [Called::Emit(0, 4), Called::Emit(0, 5)];
    assert_eq!(guest.services().calls, [fresh.clone(), used, fresh]);
}

#[test]
fn memory_that_grew_while_the_guest_ran_is_reached() {
    let handle = format!(
        "(local.set $at (i32.mul (memory.grow (i32.const 16)) (i32.const 65536)))
         (global.set $heap (local.get $at)) {}",
        support::ECHO
    );
    let nf = Guest { handle, ..Guest::default() }.load(&Settings::default());
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    for _ in 0..20 {
        let mut burst = Burst::of(32);
        guest.handle(&mut burst).unwrap();
        assert_eq!(burst.frame(31)[0], 32);
    }
}

#[test]
fn a_guest_is_broken_from_its_fault_until_it_is_replaced() {
    let nf = Guest { exit: "unreachable".to_owned(), ..Guest::default() };
    let mut guest = nf.load(&Settings::default()).instantiate(Recorder::default()).unwrap();
    guest.exit().unwrap_err();
    let fault = guest.handle(&mut Burst::of(1)).unwrap_err();
    assert!(matches!(&fault, GuestFault::Trap(why) if why.contains("broken")), "{fault}");
    guest.replace().unwrap();
    guest.handle(&mut Burst::of(1)).unwrap();
}

//! What loads, and in one line why everything else does not.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use std::path::Path;

use nfos_engine::description::{
    Constraint, Description, Field, Layer, PacketSet, Parameter, Relaxation, Rule, Setting,
};
use nfos_engine::exchange::EventKind;
use nfos_engine::guest::Guest as _;
use nfos_engine::services::Value;
use nfos_engine::{Digest, Engine, EngineChoice, LoadError, Settings, component};
use support::burst::Burst;
use support::recorder::Recorder;
use support::{Guest, contract, with_world};
use wit_parser::Resolve;

fn engine() -> Engine {
    Engine::new(Settings::default()).unwrap()
}

/// Why bytes do not load; always one line.
fn refusal(bytes: &[u8]) -> String {
    let error = engine().load_bytes(bytes).err().expect("an error").to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
    error
}

fn message(guest: &Guest) -> String {
    refusal(&guest.module())
}

/// A module of another contract, `text` of which names its world `other`.
fn foreign(module: &str, text: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_str("other.wit", text).unwrap();
    with_world(wat::parse_str(module).unwrap(), &resolve, "other")
}

fn rich() -> Description {
    let rule = |ports: &[u16], layer, protocols: &[u8], key: &[Field], symmetric| Rule {
        ports: ports.to_vec(),
        layer,
        protocols: protocols.to_vec(),
        key: key.to_vec(),
        symmetric,
    };
    let parameter = |name: &str, default, constraint| Parameter {
        name: name.to_owned(),
        help: format!("What {name} is."),
        default,
        constraint,
        relaxes: Vec::new(),
    };
    let tied = |setting, structure: &str| Relaxation { setting, structure: structure.to_owned() };
    use Field::*;
    let tuple = [SourceAddress, DestinationAddress, Protocol, SourcePort, DestinationPort];
    let text = |text: &str| Value::Text(text.to_owned());
    Description {
        name: "rich-2".to_owned(),
        summary: "Größer.".to_owned(),
        ports: 64,
        handles: vec![
            EventKind::InitPacketSet,
            EventKind::Packet,
            EventKind::ExpiredPacketSet,
            EventKind::OrphanPacket,
            EventKind::Periodic,
        ],
        packet_sets: vec![
            PacketSet {
                name: "session".to_owned(),
                rules: vec![
                    rule(&[0, 63], Layer::Ipv4, &[6, 17], &tuple, true),
                    rule(&[1], Layer::Ipv6, &[6], &[DestinationPort, SourcePort], false),
                ],
            },
            PacketSet {
                name: "station".to_owned(),
                rules: vec![rule(&[], Layer::Ethernet, &[], &[SourceMac, DestinationMac], true)],
            },
        ],
        orphans: vec![rule(&[2], Layer::Ipv4, &[1], &[SourceAddress], false)],
        state_size: 4096,
        window: 128,
        headroom: 128,
        parameters: vec![
            Parameter {
                relaxes: vec![tied(Setting::Capacity, "a*"), tied(Setting::Method, "Größen")],
                ..parameter("any", text(""), Constraint::Any)
            },
            parameter("number_1", Value::Unsigned(u64::MAX), Constraint::Range(5, u64::MAX)),
            parameter("switch-2", Value::Boolean(true), Constraint::Any),
            parameter(
                "choice",
                text("b"),
                Constraint::Choices(vec!["a".to_owned(), "b".to_owned()]),
            ),
        ],
        drop_reasons: vec!["not_allowed".to_owned(), "table_full".to_owned()],
        events: vec!["opened".to_owned()],
    }
}

#[test]
fn a_description_is_lifted_whole() {
    let nf = Guest { description: rich(), ..Guest::default() }.load(&Settings::default());
    assert_eq!(*nf.description(), rich());
    assert_eq!(nf.name(), "rich-2");
}

#[test]
fn a_core_module_and_the_component_of_it_run_alike() {
    let module = Guest::default().module();
    let component = component::encode(&module).unwrap();
    for bytes in [module, component] {
        let nf = engine().load_bytes(&bytes).unwrap();
        assert_eq!(nf.digest(), Digest::of(&bytes));
        assert_eq!(nf.engine_kind(), "direct");
        let mut burst = Burst::of(2);
        nf.instantiate(Recorder::default()).unwrap().handle(&mut burst).unwrap();
        assert_eq!(burst.frame(1)[0], 2);
    }
}

#[test]
fn only_what_is_called_is_imported() {
    let imports = r#"(import "nfos:nf/clock@0.1.0" "now" (func (result i64)))"#;
    let nf = Guest { imports: imports.to_owned(), ..Guest::default() }.load(&Settings::default());
    assert_eq!(nf.imports(), ["nfos:nf/types@0.1.0", "nfos:nf/clock@0.1.0"]);
}

#[test]
fn a_digest_is_sha_256_in_hexadecimal() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Digest::of(b"abc").to_string(), digest);
}

#[test]
fn a_file_that_is_not_there_cannot_be_read() {
    let error = engine().load(Path::new("/nonexistent/nf.wasm")).err().unwrap();
    assert!(matches!(error, LoadError::Unreadable(_)));
    assert!(error.to_string().starts_with("cannot be read: No such file"), "{error}");
}

#[test]
fn what_is_not_wasm_is_told_what_is_wanted() {
    for bytes in [&b""[..], b"\x7fELF", b"\0asm", b"\0asm\x02\0\0\0", b"(module)"] {
        let error = engine().load_bytes(bytes).err().unwrap();
        assert!(matches!(error, LoadError::NotWasm | LoadError::Invalid(_)), "{error:?}");
        refusal(bytes);
    }
}

#[test]
fn a_truncated_component_is_refused_or_lacks_its_names_only() {
    let component = component::encode(&Guest::default().module()).unwrap();
    let mut refused = 0;
    for length in (0..component.len()).step_by(7) {
        match engine().load_bytes(&component[..length]) {
            Ok(nf) => assert_eq!(*nf.description(), Guest::default().description),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > component.len() / 10, "{refused}");
}

#[test]
fn a_damaged_component_never_ends_the_host() {
    let component = component::encode(&Guest { description: rich(), ..Guest::default() }.module());
    let component = component.unwrap();
    let engine = engine();
    let mut refused = 0;
    for (at, flip) in (0..component.len()).step_by(5).zip((0..8).cycle().map(|bit| 1 << bit)) {
        let mut damaged = component.clone();
        damaged[at] ^= flip;
        match engine.load_bytes(&damaged) {
            Ok(nf) => {
                if let Ok(mut guest) = nf.instantiate(Recorder::default()) {
                    let _ = guest.init();
                    let _ = guest.handle(&mut Burst::of(3));
                }
            }
            Err(error) => {
                assert!(!error.to_string().chars().any(char::is_control), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_core_module_without_a_world_is_told_so() {
    let message = refusal(&Guest::default().bare_module());
    assert!(message.starts_with("is a core module without a world"), "{message}");
}

#[test]
fn a_module_of_another_world_is_told_what_it_lacks() {
    let module = r#"(module (func (export "run")))"#;
    let module = foreign(module, "package a:b; world other { export run: func(); }");
    let expected = "is not of the world nfos:nf/nf@0.1.0: exports `run`, not \
        `nfos:nf/handlers@0.1.0`";
    assert_eq!(refusal(&module), expected);
    assert_eq!(refusal(&component::encode(&module).unwrap()), expected);
    assert!(
        refusal(b"\0asm\x0d\0\x01\0").ends_with("exports nothing, not `nfos:nf/handlers@0.1.0`")
    );
}

#[test]
fn handlers_of_other_types_are_of_another_world() {
    let text = "package nfos:nf@0.1.0;
        interface handlers {
            describe: func() -> u32; init: func() -> u32; handle: func() -> u32; exit: func();
        }
        world other { export handlers; }";
    let names = ["describe", "init", "handle"];
    let functions: String = names
        .iter()
        .map(|name| {
            format!(r#"(func (export "nfos:nf/handlers@0.1.0#{name}") (result i32) (i32.const 0))"#)
        })
        .collect();
    let exit = r#"(func (export "nfos:nf/handlers@0.1.0#exit"))"#;
    let message = refusal(&foreign(&format!("(module {functions} {exit})"), text));
    assert!(message.starts_with("is not of the world nfos:nf/nf@0.1.0: "), "{message}");
    let lacking = text.replace("exit: func();", "");
    let message = refusal(&foreign(&format!("(module {functions})"), &lacking));
    assert!(message.ends_with("`nfos:nf/handlers@0.1.0` lacks `exit`"), "{message}");
}

#[test]
fn an_unknown_import_is_named_with_advice() {
    for (import, name, advice) in [
        (
            r#"(import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))"#,
            "wasi_snapshot_preview1 fd_close",
            "no files, sockets or environment",
        ),
        (r#"(import "env" "malloc" (func (param i32) (result i32)))"#, "env malloc", "undefined"),
        (
            r#"(import "nfos:nf/clock@0.2.0" "now" (func (result i64)))"#,
            "nfos:nf/clock@0.2.0 now",
            "version",
        ),
        (r#"(import "a\1bb" "c" (func))"#, "a b c", "nothing but nfos:nf@0.1.0"),
    ] {
        let message = message(&Guest { imports: import.to_owned(), ..Guest::default() });
        assert!(message.starts_with(&format!("imports `{name}`, which")), "{message}");
        assert!(message.contains(advice), "{message}");
    }
    let module = r#"(module (import "my:host/environment@0.2.0" "get" (func)))"#;
    let text = "package my:host@0.2.0;
        interface environment { get: func(); }
        world other { import environment; }";
    let module = foreign(module, text);
    let mut encoder = wit_component::ComponentEncoder::default().module(&module).unwrap();
    let message = refusal(&encoder.encode().unwrap());
    assert!(message.starts_with("imports `my:host/environment@0.2.0`"), "{message}");
}

#[test]
fn an_unknown_function_of_a_known_interface_is_refused() {
    let imports = r#"(import "nfos:nf/clock@0.1.0" "then" (func (result i64)))"#;
    let message = message(&Guest { imports: imports.to_owned(), ..Guest::default() });
    assert!(message.contains("then"), "{message}");
}

#[test]
fn a_describe_that_calls_an_import_is_refused_by_its_name() {
    let guest = Guest {
        imports: r#"(import "nfos:nf/clock@0.1.0" "now" (func $now (result i64)))"#.to_owned(),
        describe: "(drop (call $now)) unreachable".to_owned(),
        ..Guest::default()
    };
    let expected = "`describe` failed: the guest called an import out of turn: clock.now in \
        `describe`, which calls no import";
    assert_eq!(message(&guest), expected);
}

#[test]
fn a_describe_that_traps_or_panics_is_told() {
    let guest = Guest { describe: "unreachable".to_owned(), ..Guest::default() };
    let trapped = "`describe` failed: the guest trapped: wasm `unreachable` instruction executed";
    assert_eq!(message(&guest), trapped);
    let guest = Guest {
        imports: r#"(import "nfos:nf/fault@0.1.0" "report" (func $report (param i32 i32)))"#
            .to_owned(),
        fields: r#"(data (i32.const 2000) "oh no")"#.to_owned(),
        describe: "(call $report (i32.const 2000) (i32.const 5)) unreachable".to_owned(),
        ..Guest::default()
    };
    assert_eq!(message(&guest), "`describe` failed: the guest panicked: oh no");
    let guest = Guest { describe: "(i32.const 131000)".to_owned(), ..Guest::default() };
    let expected = "`describe` failed: the guest named bytes which its memory does not have: ";
    assert!(message(&guest).starts_with(expected), "{}", message(&guest));
}

#[test]
fn a_description_that_names_the_same_bytes_without_end_is_refused() {
    // 2,000 packet sets at 32768, each with the same 2,000 rules, all zero.
    let describe = "
        (loop $next
            (i32.store (i32.add (i32.const 32776) (local.get $at)) (i32.const 66048))
            (i32.store (i32.add (i32.const 32780) (local.get $at)) (i32.const 2000))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16)))
                (i32.const 32000))))
        (i32.store (i32.const 4124) (i32.const 32768))
        (i32.store (i32.const 4128) (i32.const 2000))
        (i32.const 4096)";
    let message = message(&Guest { describe: describe.to_owned(), ..Guest::default() });
    let expected = "`describe` failed: the guest exceeded a limit: bytes passed to the host in one \
        call";
    assert_eq!(message, expected);
}

#[test]
fn a_description_that_breaks_a_rule_is_told_field_and_rule() {
    let description = Description { ports: 65, ..rich() };
    let guest = Guest { description, ..Guest::default() };
    assert_eq!(message(&guest), "its description is wrong: `ports` is 65; 1 to 64");
}

#[test]
fn a_component_of_several_modules_is_for_the_component_engine() {
    let component = component::encode(&Guest::default().module()).unwrap();
    let mut more = component;
    // A core module section (id 1) of a module with a memory.
    let module = wat::parse_str("(module (memory 1))").unwrap();
    more.push(1);
    more.push(u8::try_from(module.len()).unwrap());
    more.extend(module);
    let expected = "cannot run on the direct engine: it has 2 core modules with memory; the direct \
        engine takes one";
    let settings = Settings { engine: EngineChoice::Direct, ..Settings::default() };
    let direct = Engine::new(settings).unwrap();
    assert_eq!(direct.load_bytes(&more).err().unwrap().to_string(), expected);
    let nf = engine().load_bytes(&more).unwrap();
    assert_eq!(nf.engine_kind(), "component");
    assert!(expected.ends_with(nf.engine_reason()), "{}", nf.engine_reason());
    let mut burst = Burst::of(2);
    nf.instantiate(Recorder::default()).unwrap().handle(&mut burst).unwrap();
    assert_eq!(burst.frame(1)[0], 2);
}

#[test]
fn either_engine_can_be_asked_for() {
    for (engine, kind, reason) in [
        (EngineChoice::Automatic, "direct", "one core module that imports nothing but nfos:nf"),
        (EngineChoice::Direct, "direct", "one core module that imports nothing but nfos:nf"),
        (EngineChoice::Component, "component", "asked for"),
    ] {
        let nf = Guest::default().load(&Settings { engine, ..Settings::default() });
        assert_eq!((nf.engine_kind(), nf.engine_reason()), (kind, reason));
    }
}

#[test]
fn encoding_takes_core_modules_only() {
    let component = component::encode(&Guest::default().module()).unwrap();
    let error = component::encode(&component).unwrap_err().to_string();
    assert_eq!(error, "is not valid WebAssembly: it is a component already");
    let no_world = component::encode(&Guest::default().bare_module()).unwrap_err();
    assert!(matches!(no_world, LoadError::NoWorld));
    assert_eq!(contract().packages.len(), 1);
}

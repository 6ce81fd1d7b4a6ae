//! Guests written in WebAssembly's text format, a description laid out as the canonical ABI has
//! it, services that record, and a burst.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by several tests"
)]

pub mod burst;
pub mod lower;
pub mod recorder;

use std::path::Path;

use nfos_engine::description::Description;
use nfos_engine::{Engine, NetworkFunction, Settings};
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// Where the description lies in a guest's memory.
const DESCRIPTION_AT: u32 = 4096;
/// Where the bodies may put what they like: 16 KiB of it.
pub const SCRATCH: u32 = 32768;

/// A guest: what its functions do, as instructions.
pub struct Guest {
    /// Import declarations and helper functions, before anything else.
    pub imports: String,
    /// More fields of the module: functions, data, exports.
    pub fields: String,
    pub init: String,
    pub handle: String,
    pub exit: String,
    /// The body of `describe`.
    pub describe: String,
    pub description: Description,
    /// What `cabi_realloc` answers; its size is `$size`.
    pub allocator: String,
}

/// Takes the next bytes of the heap, aligned to 8.
const ALLOCATOR: &str = "
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at)";

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: String::new(),
            fields: String::new(),
            init: INIT.to_owned(),
            handle: ECHO.to_owned(),
            exit: String::new(),
            describe: format!("(i32.const {DESCRIPTION_AT})"),
            description: description(),
            allocator: ALLOCATOR.to_owned(),
        }
    }
}

/// Answers an idle timeout of 7 ns, room for 9 packet sets and no period.
pub const INIT: &str = "
    (i64.store (i32.const 512) (i64.const 7))
    (i32.store (i32.const 520) (i32.const 9))
    (i32.store (i32.const 524) (i32.const 8))
    (i32.store (i32.const 528) (i32.const 0))
    (i32.const 512)";

/// Sends each frame through the port after its own, with its first byte incremented, and
/// increments the first byte of its state.
pub const ECHO: &str = "
    (local.set $verdicts (call $realloc (i32.const 0) (i32.const 0) (i32.const 4)
        (i32.mul (local.get $en) (i32.const 12))))
    (block $done (loop $next
        (br_if $done (i32.eq (local.get $i) (local.get $en)))
        (local.set $event (i32.add (local.get $ep) (i32.mul (local.get $i) (i32.const 24))))
        (local.set $verdict (i32.add (local.get $verdicts) (i32.mul (local.get $i) (i32.const 12))))
        (i32.store8 (local.get $verdict) (i32.const 1))
        (i32.store8 offset=1 (local.get $verdict) (i32.const 0))
        (i32.store16 offset=2 (local.get $verdict)
            (i32.add (i32.load16_u offset=2 (local.get $event)) (i32.const 1)))
        (i32.store offset=4 (local.get $verdict) (i32.load offset=4 (local.get $event)))
        (i32.store offset=8 (local.get $verdict) (i32.load offset=8 (local.get $event)))
        (local.set $at (i32.add (local.get $fp) (i32.load offset=4 (local.get $event))))
        (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
        (local.set $at (i32.add (local.get $sp) (i32.load offset=16 (local.get $event))))
        (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (call $outcome (local.get $verdicts) (local.get $en) (local.get $fp) (local.get $fn)
        (local.get $sp) (local.get $sn))";

impl Guest {
    /// As a core module without a world.
    pub fn bare_module(&self) -> Vec<u8> {
        let Self { imports, fields, init, handle, exit, describe, description, allocator } = self;
        let bytes = lower::description(description, DESCRIPTION_AT);
        let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(
            r#"(module
    {imports}
    (memory (export "memory") 2)
    (data (i32.const {DESCRIPTION_AT}) "{data}")
    (global $heap (mut i32) (i32.const 65536))
    (func $realloc (export "cabi_realloc")
        (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        {allocator})
    (func $outcome (param i32 i32 i32 i32 i32 i32) (result i32)
        (i32.store (i32.const 256) (local.get 0))
        (i32.store (i32.const 260) (local.get 1))
        (i32.store (i32.const 264) (local.get 2))
        (i32.store (i32.const 268) (local.get 3))
        (i32.store (i32.const 272) (local.get 4))
        (i32.store (i32.const 276) (local.get 5))
        (i32.const 256))
    (func (export "nfos:nf/handlers@0.1.0#describe") (result i32) (local $at i32) {describe})
    (func (export "nfos:nf/handlers@0.1.0#init") (result i32) (local $i i32) {init})
    (func (export "nfos:nf/handlers@0.1.0#handle")
        (param $ep i32) (param $en i32) (param $fp i32) (param $fn i32) (param $sp i32)
        (param $sn i32) (result i32)
        (local $i i32) (local $event i32) (local $verdicts i32) (local $verdict i32)
        (local $at i32)
        {handle})
    (func (export "nfos:nf/handlers@0.1.0#exit") {exit})
    {fields})"#
        );
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As a core module that carries the contract's world.
    pub fn module(&self) -> Vec<u8> {
        with_world(self.bare_module(), &contract(), "nf")
    }

    pub fn load(&self, settings: &Settings) -> NetworkFunction {
        Engine::new(settings.clone()).unwrap().load_bytes(&self.module()).unwrap()
    }
}

/// The contract's own text.
pub fn contract() -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")).unwrap();
    resolve
}

/// Adds a world to a core module as a toolchain does.
pub fn with_world(mut module: Vec<u8>, resolve: &Resolve, world: &str) -> Vec<u8> {
    let packages: Vec<_> = resolve.packages.iter().map(|(id, _)| id).collect();
    let world = resolve.select_world(&packages[packages.len() - 1..], Some(world)).unwrap();
    wit_component::embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8)
        .unwrap();
    module
}

/// The least description.
pub fn description() -> Description {
    Description {
        name: "guest".to_owned(),
        summary: "A guest of a test.".to_owned(),
        ports: 2,
        handles: vec![],
        packet_sets: vec![],
        orphans: vec![],
        state_size: 8,
        window: 0,
        headroom: 16,
        parameters: vec![],
        drop_reasons: vec![],
        events: vec![],
    }
}

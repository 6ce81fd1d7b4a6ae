//! The compiler, its settings, and the clock that interrupts guests.
//!
//! A guest's memory is reserved as a whole (4 GiB of address space) and never moves, so that host
//! calls may keep its base. Guests are interrupted by *epochs*: a thread increments a counter
//! every [`TICK`], compiled code compares it at loops and function entries, and a guest that meets
//! its deadline calls back. The callback, and nothing on the way of a guest that returns in time,
//! reads the thread's CPU clock: see [`crate::limits`].

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wasmtime::{Config, WasmBacktraceDetails};

use crate::cache::Cache;
use crate::site::FRAMES_MAX;

/// How often the epoch is incremented. A time limit is exceeded by at most three of them.
pub const TICK: Duration = Duration::from_millis(5);

/// Which engine runs a network function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The direct engine where it applies, and else the component engine.
    #[default]
    Automatic,
    /// The direct engine, or none.
    Direct,
    /// The component engine.
    Component,
}

/// What guests are held to, what runs them, and where compiled ones are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What runs them.
    pub engine: EngineChoice,
    /// CPU time of one call of `describe`, `init`, `handle` or `exit`.
    pub time_limit: Duration,
    /// Bytes of one instance's memory.
    pub memory_bytes_max: usize,
    /// The directory of compiled guests; none: they are compiled anew each time.
    pub cache: Option<PathBuf>,
}

impl Default for Settings {
    /// Whichever engine applies, 200 ms, 256 MiB, no cache.
    fn default() -> Self {
        Self {
            engine: EngineChoice::Automatic,
            time_limit: Duration::from_millis(200),
            memory_bytes_max: 256 << 20,
            cache: None,
        }
    }
}

/// Compiles network functions. Clones share one compiler.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    wasmtime: wasmtime::Engine,
    settings: Settings,
    cache: Result<Option<Cache>, String>,
}

impl Engine {
    /// An engine for this processor. Starts the thread that ticks; it ends with the last clone.
    ///
    /// # Errors
    /// [`EngineError`] if the processor or the operating system lacks what is needed.
    pub fn new(settings: Settings) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&configuration())
            .map_err(|error| EngineError::Compiler(format!("{error:#}")))?;
        start_ticking(&wasmtime)?;
        let cache = settings.cache.as_deref().map(|at| Cache::open(at, &wasmtime)).transpose();
        Ok(Self { shared: Arc::new(Shared { wasmtime, settings, cache }) })
    }

    /// Why the cache that was asked for is not used, in one line; none: it is used, or none was
    /// asked for.
    pub fn cache_refusal(&self) -> Option<&str> {
        self.shared.cache.as_ref().err().map(String::as_str)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.shared.wasmtime
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.shared.cache.as_ref().ok().and_then(Option::as_ref)
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Wasmtime refused the configuration.
    #[error("the WebAssembly compiler cannot run here: {0}")]
    Compiler(String),
    /// The operating system gave no thread.
    #[error("the thread that limits the time of guests cannot start: {0}")]
    Thread(std::io::Error),
}

fn configuration() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_may_move(false)
        .memory_reservation(4 << 30)
        // Lines are looked up by ourselves, when they are wanted: see `lines`.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(FRAMES_MAX))
        // Pointers are 32 bits in the contract, and one memory is what an engine can cache.
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        // A re-run must compute the same, on any machine.
        .wasm_relaxed_simd(false);
    config
}

fn start_ticking(engine: &wasmtime::Engine) -> Result<(), EngineError> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    thread::Builder::new()
        .name("guest-clock".to_owned())
        .spawn(tick)
        .map(drop)
        .map_err(EngineError::Thread)
}

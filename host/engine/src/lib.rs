//! Runs guests: every Wasmtime type lives here.
//!
//! [`Engine::load`] makes a [`NetworkFunction`] of a file, and that an instance for each worker:
//! a [`guest::Guest`]. A guest reaches the host through [`services::Services`], and gets its
//! packets through [`exchange::Exchange`]; the dataplane implements both and knows no engine.

mod bindings;
mod cache;
pub mod component;
mod component_engine;
mod contract;
mod describe;
pub mod description;
mod digest;
mod direct;
mod engine;
pub mod exchange;
pub mod fault;
pub mod guest;
mod last_words;
mod limits;
mod lines;
mod load;
pub mod native;
mod no_services;
mod sandboxed;
pub mod services;
mod site;
mod sized;
mod trap;

pub use digest::Digest;
pub use engine::{Engine, EngineChoice, EngineError, Settings, TICK};
pub use load::{LoadError, NetworkFunction};
pub use sandboxed::SandboxedGuest;
pub use site::{CallSite, Site};

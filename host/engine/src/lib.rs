//! Runs guests: every Wasmtime type lives here.
//!
//! A guest reaches the host through [`services::Services`], and gets its packets through
//! [`exchange::Exchange`]; the dataplane implements both and knows no engine.

pub mod description;
pub mod exchange;
pub mod fault;
pub mod guest;
pub mod services;

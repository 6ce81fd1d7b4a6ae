//! What the host records of a run: plain structs, no behaviour beyond sums.
//!
//! The host writes these and the reports read them; they are the schema of `--json`.

pub mod profile;
pub mod run;
pub mod simulation;

pub use run::{
    CauseCount, ContentionCount, DropCount, EventCount, FrameCounters, LossCount, ParameterAdvice,
    PortCounters, Remark, SetCounters, SteeringCounters, Summary, WorkerCounters,
};

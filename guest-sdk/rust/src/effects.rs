//! What a handler does beside its verdict: each happens once its event has committed, exactly
//! once, and not at all for a run that was thrown away.

use crate::host;
use crate::reasons::Event;

pub use crate::host::Level;

/// Sends a frame through a port, before the event's own packet. At most 64 frames and 64 KiB in
/// one event; the handler ends here beyond that.
#[inline]
pub fn send(port: u16, frame: &[u8]) {
    host::send(port, frame);
}

/// Tells the operator that something happened: the host counts each event and shows the last
/// value.
#[inline]
pub fn emit(event: impl Event, value: u64) {
    host::emit(event.index(), value);
}

/// Writes a line to the operator, at most 4 KiB in one event; [`log!`](crate::log) formats one.
#[inline]
pub fn log(level: Level, line: &str) {
    host::log(level, line);
}

/// Writes a formatted line to the operator: `log!(Level::Warning, "{} is full", name)`.
#[macro_export]
macro_rules! log {
    ($level:expr, $($line:tt)+) => {
        $crate::effects::log($level, &::std::format!($($line)+))
    };
}

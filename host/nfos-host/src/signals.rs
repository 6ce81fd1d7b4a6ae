//! SIGINT and SIGTERM: the first asks the run to drain and end, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;

/// The status of a process that a second signal ended: 128 + SIGINT, as shells have it.
const STATUS_INTERRUPTED: i32 = 130;

/// A flag that either signal sets.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal must not find its own flag set.
        flag::register_conditional_shutdown(signal, STATUS_INTERRUPTED, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::failed(format!("signals cannot be handled: {error}")))?;
    }
    Ok(stop)
}

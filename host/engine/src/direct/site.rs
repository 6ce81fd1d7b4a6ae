//! Call sites: where in the guest's source an import was called from.

use std::time::Duration;

use wasmtime::WasmBacktrace;

use super::Call;
use crate::limits;
use crate::services::Services;
use crate::site::own_site;

/// Tells the services the call site of the import that is about to return, if they want it.
#[inline]
pub(super) fn note<S: Services>(call: &mut Call<S>) {
    if call.data().services.wants_site() {
        capture(call);
    }
}

/// Takes a backtrace and looks it up in the debug information: some 100 µs, which are not the
/// guest's.
#[cold]
fn capture<S: Services>(call: &mut Call<S>) {
    let began = limits::cpu_time();
    let site = own_site(&WasmBacktrace::force_capture(&*call));
    call.data_mut().services.site(site);
    let spent: Duration = limits::cpu_time().saturating_sub(began);
    call.data_mut().limits.excuse(spent);
}

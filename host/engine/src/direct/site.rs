//! Call sites: where in the guest's code an import was called from.

use wasmtime::WasmBacktrace;

use super::Call;
use crate::services::Services;
use crate::site::CallSite;

/// Tells the services the call site of the import that is about to return, if they want it.
pub(super) fn note<S: Services>(call: &mut Call<S>) {
    if !call.data().services.wants_site() {
        return;
    }
    let site = CallSite::of(&WasmBacktrace::force_capture(&*call));
    call.data_mut().services.site(site);
}

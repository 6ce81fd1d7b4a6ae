//! The contract as it is: bursts, offsets and verdicts.
//!
//! [`NetworkFunction`](crate::NetworkFunction) is made of this. It is public for network functions
//! that drive the burst loop themselves, and for guests that break its rules on purpose.

use crate::contract::{Configuration, Description, Event, Verdict};
use crate::host;

/// `burst.begin`: a savepoint before the event `index`; `false` means stop here.
#[inline]
pub fn begin(index: u32) -> bool {
    host::begin(index)
}

/// What a guest exports; [`export_raw!`](crate::export_raw) exports it.
pub trait Function: Sized + Send + Sync + 'static {
    /// `handlers.describe`
    fn describe() -> Description;

    /// `handlers.init`
    fn init() -> (Self, Configuration);

    /// `handlers.handle`: edits `frames` and `states` in place and pushes a verdict per event.
    /// `events` is scratch.
    fn handle(
        &self,
        events: &mut [Event],
        frames: &mut [u8],
        states: &mut [u8],
        verdicts: &mut Vec<Verdict>,
    );

    /// `handlers.exit`
    fn exit(&self) {}
}

/// Exports a type that implements [`raw::Function`](crate::raw::Function): as a guest on
/// WebAssembly, as the constant `NATIVE` elsewhere.
#[macro_export]
macro_rules! export_raw {
    ($function:ty) => {
        /// This network function as native code.
        #[cfg(not(target_arch = "wasm32"))]
        pub const NATIVE: $crate::native::Function = $crate::native::Function::of::<$function>();

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            struct Export;

            impl $crate::export::Exported for Export {
                type Function = $function;

                fn slot() -> &'static ::std::sync::OnceLock<$function> {
                    static SLOT: ::std::sync::OnceLock<$function> = ::std::sync::OnceLock::new();
                    &SLOT
                }
            }

            // SAFETY (of the names and the calls): these are the core functions of the interface
            // `handlers` under the canonical names, and the host calls each with what the
            // canonical ABI passes, which is all that the functions behind them ask for.
            #[unsafe(export_name = "nfos:nf/handlers@0.1.0#describe")]
            unsafe extern "C" fn describe() -> *mut u8 {
                unsafe { $crate::export::describe::<Export>() }
            }

            #[unsafe(export_name = "nfos:nf/handlers@0.1.0#init")]
            unsafe extern "C" fn init() -> *mut u8 {
                unsafe { $crate::export::init::<Export>() }
            }

            #[unsafe(export_name = "nfos:nf/handlers@0.1.0#handle")]
            unsafe extern "C" fn handle(
                events: *mut u8,
                events_length: usize,
                frames: *mut u8,
                frames_length: usize,
                states: *mut u8,
                states_length: usize,
            ) -> *const u8 {
                unsafe {
                    $crate::export::handle::<Export>(
                        (events, events_length),
                        (frames, frames_length),
                        (states, states_length),
                    )
                }
            }

            #[unsafe(export_name = "cabi_post_nfos:nf/handlers@0.1.0#handle")]
            unsafe extern "C" fn after_handle(_: *mut u8) {
                $crate::export::after_handle();
            }

            #[unsafe(export_name = "nfos:nf/handlers@0.1.0#exit")]
            unsafe extern "C" fn exit() {
                unsafe { $crate::export::exit::<Export>() }
            }
        };
    };
}

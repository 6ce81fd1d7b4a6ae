//! How far a guest is in its burst, by a record that it keeps in its own memory.
//!
//! To cross into the host for each event, only to say that it begins, costs a tenth of all that a
//! packet costs. So a guest may keep two words instead, whose address it exports as the constant
//! [`EXPORT`]: how many events of the burst it has begun, which it writes, and what the host has to
//! say to that, which it reads before each event:
//!
//! - `begun`: events that it has begun,
//! - `order`: 0, go on; 1, stop, as if `burst.begin` had answered `false`; 2, which it holds as the
//!   guest starts: nobody reads this, call `burst.begin`.
//!
//! The host follows before it answers an import, and when the guest returns or faults: then it
//! begins, in order, the events that the guest has gone through meanwhile. A guest without the
//! record calls `burst.begin`.

use wasmtime::{Instance, Module, Store};

use super::memory::{self, reach_store, split};
use super::{Host, address};
use crate::fault::GuestFault;
use crate::services::Services;

/// The exported address.
pub(super) const EXPORT: &str = "nfos_progress";

const GO_ON: u32 = 0;
const STOP: u32 = 1;

/// What is known of a guest's record.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Its address, if there is one.
    at: Option<u32>,
    /// Events of the burst that the services have begun.
    begun: u32,
    /// Whether the guest was told to stop.
    stopped: bool,
}

/// Why the record of a module cannot be one: it is exported, but not as an address.
pub(super) fn check_export(module: &Module) -> Result<(), String> {
    address::check(module, EXPORT)
}

/// Finds the record of the instance, whose memory is attached.
pub(super) fn attach<S: Services>(
    store: &mut Store<Host<S>>,
    instance: Instance,
) -> Result<(), GuestFault> {
    let at = address::exported(store, instance, EXPORT);
    let at = at.filter(|_| store.data().services.reads_progress());
    if let Some(at) = at {
        reach_store(store).1.record::<8>(at, 4)?;
        memory::count_at(store.data_mut(), at)?;
    }
    store.data_mut().progress = Progress { at, ..Progress::default() };
    Ok(())
}

/// A call of `handle` is about to begin.
#[inline]
pub(super) fn start<S: Services>(store: &mut Store<Host<S>>) -> Result<(), GuestFault> {
    let host = store.data_mut();
    (host.progress.begun, host.progress.stopped) = (0, host.services.is_in_vain());
    write(host, true)
}

fn write<S: Services>(host: &mut Host<S>, anew: bool) -> Result<(), GuestFault> {
    let Progress { at: Some(at), stopped, .. } = host.progress else { return Ok(()) };
    let (_, mut memory) = split(host);
    let [begun, order] = memory.record::<8>(at, 4)?.as_chunks_mut().0 else { return Ok(()) };
    *order = if stopped { STOP } else { GO_ON }.to_le_bytes();
    if anew {
        *begun = [0; 4];
    }
    Ok(())
}

/// Begins the events that the guest has gone through since the last look.
#[inline(always)]
pub(super) fn follow<S: Services>(host: &mut Host<S>) -> Result<(), GuestFault> {
    let begun = memory::begun(host);
    if begun == host.progress.begun || follow_to(host, begun) {
        Ok(())
    } else {
        Err(GuestFault::OutOfTurn("the record of its progress"))
    }
}

/// `false`: the number has shrunk, is too large, or an event was begun in spite of the order.
#[inline(never)]
fn follow_to<S: Services>(host: &mut Host<S>, begun: u32) -> bool {
    let before = std::mem::replace(&mut host.progress.begun, begun);
    // As a rule one, of a network function that calls something for each.
    let answer = match begun.saturating_sub(before) {
        0 => return false,
        1 => host.services.begin(before),
        _ => host.services.begin_all(before..begun),
    };
    matches!(answer, Ok(true))
}

/// An import was answered: passes on whether the run of further events would be in vain.
pub(super) fn note<S: Services>(host: &mut Host<S>) -> Result<(), GuestFault> {
    host.progress.stopped = host.services.is_in_vain();
    write(host, false)
}

/// The guest has returned from a burst of that many events.
#[inline]
pub(super) fn finish<S: Services>(host: &mut Host<S>, events: u32) -> Result<(), GuestFault> {
    follow(host)?;
    let Progress { at: Some(_), begun, stopped: true } = host.progress else { return Ok(()) };
    if begun < events {
        // It stopped before this one, as it was told.
        host.services.begin(begun)?;
    }
    Ok(())
}

/// The guest has failed: which event it was in is told on the way out.
#[cold]
pub(super) fn fail<S: Services>(host: &mut Host<S>) {
    // Whatever is wrong with the record, the failure that came first is told.
    let _ = follow(host);
}

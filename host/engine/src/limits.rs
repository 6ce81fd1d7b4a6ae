//! What one instance may use: memory, tables and time.
//!
//! Time is the CPU time of the thread that runs the guest, so that a machine with more threads
//! than cores faults nobody who did nothing wrong. Reading that clock is a system call; a call of
//! the guest that ends within one tick never makes it. At its first deadline, between one and two
//! ticks after it began, a call's CPU time is noted, and at each later tick compared.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{ResourceLimiter, Store, StoreContextMut, UpdateDeadline};

use crate::engine::Settings;
use crate::fault::GuestFault;

/// Entries of one table; a compiled guest has one, of its function pointers.
const TABLE_ENTRIES_MAX: usize = 1 << 20;

/// What one component may be made of. An interpreter with its libraries has some forty modules,
/// which share a memory and a table; each memory reserves address space as a whole.
const INSTANCES_MAX: usize = 1 << 10;
const TABLES_MAX: usize = 64;
const MEMORIES_MAX: usize = 16;

/// Ticks until the first look at the clock. With one, a call that begins just before a tick would
/// already pay for it.
const FIRST_DEADLINE_TICKS: u64 = 2;

/// The limits of one instance, and how far it has got to them.
#[derive(Debug)]
pub(crate) struct Limits {
    memory_bytes_max: usize,
    /// Bytes of all memories of the instance.
    memory_bytes: usize,
    /// Bytes of that which the last growth is about, until it is known whether it succeeds.
    growing: usize,
    time_limit: Duration,
    /// CPU time of the thread when this call met its first deadline.
    noticed: Option<Duration>,
    /// Whether the last request for memory was turned down, in this call.
    denied: bool,
    /// Whether memory may have grown since [`Self::clear_growth`].
    grown: bool,
}

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            memory_bytes_max: settings.memory_bytes_max,
            memory_bytes: 0,
            growing: 0,
            time_limit: settings.time_limit,
            noticed: None,
            denied: false,
            grown: false,
        }
    }

    /// Whether the guest's last request for memory in this call was turned down.
    pub(crate) fn denied(&self) -> bool {
        self.denied
    }

    /// Whether memory may have grown since the last time this was asked.
    #[inline]
    pub(crate) fn grown(&self) -> bool {
        self.grown
    }

    pub(crate) fn clear_growth(&mut self) {
        self.grown = false;
    }

    fn begin_call(&mut self) {
        self.noticed = None;
        self.denied = false;
    }

    /// Takes `spent` off what this call has used: it was the host's.
    pub(crate) fn excuse(&mut self, spent: Duration) {
        // A call that has met no deadline yet is not being measured.
        self.noticed = self.noticed.map(|noticed| noticed + spent);
    }

    fn at_deadline(&mut self) -> Result<UpdateDeadline, GuestFault> {
        let now = cpu_time();
        let since = *self.noticed.get_or_insert(now);
        if now.saturating_sub(since) >= self.time_limit {
            return Err(GuestFault::TimeLimit);
        }
        Ok(UpdateDeadline::Continue(1))
    }
}

/// What carries limits: the data of a store.
pub(crate) trait Limited: 'static {
    fn limits(&mut self) -> &mut Limits;
}

/// Puts a store under the limits in its data.
pub(crate) fn impose<T: Limited>(store: &mut Store<T>) {
    store.limiter(|data| data.limits());
    store.epoch_deadline_callback(|mut context: StoreContextMut<'_, T>| {
        Ok(context.data_mut().limits().at_deadline()?)
    });
}

/// Starts the clock of one call into the guest.
#[inline]
pub(crate) fn begin_call<T: Limited>(store: &mut Store<T>) {
    store.set_epoch_deadline(FIRST_DEADLINE_TICKS);
    store.data_mut().limits().begin_call();
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growing = desired.saturating_sub(current);
        let wanted = self.memory_bytes.saturating_add(growing);
        self.denied = wanted > self.memory_bytes_max;
        if !self.denied {
            (self.memory_bytes, self.growing, self.grown) = (wanted, growing, true);
        }
        Ok(!self.denied)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Of a growth that was turned down nothing was counted.
        if !self.denied {
            self.memory_bytes -= std::mem::take(&mut self.growing);
        }
        self.denied = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ENTRIES_MAX)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

/// CPU time of this thread.
pub(crate) fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_spent_is_not_the_guests() {
        let settings = Settings { time_limit: Duration::from_millis(100), ..Settings::default() };
        let mut limits = Limits::new(&settings);
        let spent = Duration::from_secs(3_600);
        limits.excuse(spent);
        assert!(limits.at_deadline().is_ok(), "the first deadline of a call");
        // No limit at all: whatever the thread has used since is too much, unless it is excused.
        limits.time_limit = Duration::ZERO;
        assert!(limits.at_deadline().is_err());
        limits.time_limit = Duration::from_nanos(1);
        limits.excuse(spent);
        assert!(limits.at_deadline().is_ok());
    }
}

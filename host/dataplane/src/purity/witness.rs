//! For tests of engines: everything that passes between a network function and its host, in order.
//!
//! Two engines that run the same network function on the same packets must agree on all of it: what
//! went in, every import with its arguments and answer, and what came out.

use std::sync::{Arc, Mutex, PoisonError};

use nfos_engine::description::{Configuration, Description};
use nfos_engine::exchange::Exchange;
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::{NetworkFunction, SandboxedGuest};
use nfos_records::Summary;
use nfos_sync::atomic::AtomicBool;

use super::compare::Record;
use super::traced::{BreakOff, Traced};
use super::{Run, run};
use crate::factory::Factory;
use crate::launch::{Launch, Observation, RunError};
use crate::services::WorkerServices;

/// Runs a network function as [`run`] does, and answers beside the summary a line for each event:
/// those of one worker in order, if there is one.
///
/// # Errors
/// As [`run`].
#[doc(hidden)]
pub fn run_witnessed(
    nf: &NetworkFunction,
    launch: &Launch,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<(Summary, Vec<String>), RunError> {
    let seen = Arc::default();
    let factory = Witnessing { nf, seen: Arc::clone(&seen) };
    let summary = run(&factory, launch, stop, observe)?;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((summary, seen))
}

struct Witnessing<'a> {
    nf: &'a NetworkFunction,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Factory for Witnessing<'_> {
    type Guest = WitnessedGuest;

    fn description(&self) -> &Description {
        self.nf.description()
    }

    fn engine(&self) -> &'static str {
        self.nf.engine_kind()
    }

    fn make(&self, services: WorkerServices) -> Result<Self::Guest, GuestFault> {
        let guest = self.nf.instantiate(Traced::new(services))?;
        let state_bytes = self.nf.description().state_size as usize;
        Ok(WitnessedGuest { guest, state_bytes, seen: Arc::clone(&self.seen) })
    }
}

struct WitnessedGuest {
    guest: SandboxedGuest<Traced>,
    state_bytes: usize,
    seen: Arc<Mutex<Vec<String>>>,
}

impl WitnessedGuest {
    /// Writes a call of `init` or `exit` down. Of a fault its reason: each engine has words of its
    /// own.
    fn saw<T: std::fmt::Debug>(&mut self, call: &str, came: &Result<T, GuestFault>) {
        let calls = self.guest.services().take_calls();
        let came = came.as_ref().map_err(GuestFault::reason);
        self.write([format!("{call}: {came:?}, calls {calls:?}")]);
    }

    /// Writes down each event of a burst that was taken; how events share bursts is left out, since
    /// that is for time to decide.
    fn saw_burst(&mut self, came: &Result<(), GuestFault>, record: Record) {
        let calls = self.guest.services().take_calls();
        if let Err(fault) = came {
            return self.write([format!("{:?}", fault.reason())]);
        }
        let record = Record { calls, ..record };
        self.write((0..record.verdicts.len()).map(|index| record.tell(index, self.state_bytes)));
    }

    fn write(&self, lines: impl IntoIterator<Item = String>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(lines);
    }
}

impl Guest<WorkerServices> for WitnessedGuest {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.guest.services().begin_run(BreakOff::Never);
        let came = self.guest.init();
        self.saw("init", &came);
        came
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        self.guest.services().begin_run(BreakOff::Never);
        let mut run = Run { burst, record: Record::default(), counts: true };
        let came = self.guest.handle(&mut run);
        let record = run.record;
        self.saw_burst(&came, record);
        came
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.guest.services().begin_run(BreakOff::Never);
        let came = self.guest.exit();
        self.saw("exit", &came);
        came
    }

    fn services(&mut self) -> &mut WorkerServices {
        &mut self.guest.services().services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        self.guest.replace()
    }
}

//! Where instances come from: a compiled component, or, in benchmarks, a function compiled in.

use crate::services::WorkerServices;
use nfos_engine::description::Description;
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::{CallSite, NetworkFunction, SandboxedGuest, Site};

/// Finds the places in the source that calls came from, in their order.
pub type Locator = Box<dyn Fn(&[CallSite]) -> Vec<Site>>;

/// Makes instances of one network function.
pub trait Factory {
    /// An instance.
    type Guest: Guest<WorkerServices> + Send;

    /// What the network function says of itself.
    fn description(&self) -> &Description;

    /// The engine's name.
    fn engine(&self) -> &'static str;

    /// What names its code: the SHA-256 of its file. Empty: it has none.
    fn digest(&self) -> String {
        String::new()
    }

    /// How to find its source lines. By default none is known.
    fn locator(&self) -> Locator {
        Box::new(|calls| vec![Site::default(); calls.len()])
    }

    /// An instance that reaches these services; `init` has to run in it next.
    ///
    /// # Errors
    /// The fault of a start function.
    fn make(&self, services: WorkerServices) -> Result<Self::Guest, GuestFault>;
}

impl Factory for NetworkFunction {
    type Guest = SandboxedGuest<WorkerServices>;

    fn description(&self) -> &Description {
        self.description()
    }

    fn engine(&self) -> &'static str {
        self.engine_kind()
    }

    fn digest(&self) -> String {
        NetworkFunction::digest(self).to_string()
    }

    fn locator(&self) -> Locator {
        let function = self.clone();
        Box::new(move |calls| function.sites(calls))
    }

    fn make(&self, services: WorkerServices) -> Result<Self::Guest, GuestFault> {
        self.instantiate(services)
    }
}

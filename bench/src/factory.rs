//! A natively compiled network function where the dataplane expects a component.

use nfos::native::Function;
use nfos_dataplane::{Factory, WorkerServices};
use nfos_engine::NetworkFunction;
use nfos_engine::description::Description;
use nfos_engine::fault::GuestFault;

use crate::native::NativeGuest;

/// Makes instances of a network function compiled into this process.
pub struct NativeFactory {
    function: Function,
    description: Description,
}

impl NativeFactory {
    /// Of a function and the component made of the same source, which describes both.
    pub fn new(function: Function, component: &NetworkFunction) -> Self {
        Self { function, description: component.description().clone() }
    }
}

impl Factory for NativeFactory {
    type Guest = NativeGuest<WorkerServices>;

    fn description(&self) -> &Description {
        &self.description
    }

    fn engine(&self) -> &'static str {
        "native"
    }

    fn make(&self, services: WorkerServices) -> Result<Self::Guest, GuestFault> {
        Ok(NativeGuest::new(self.function, services))
    }
}

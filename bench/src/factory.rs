//! A natively compiled network function where the dataplane expects a component.

use nfos::native::Function;
use nfos_dataplane::{Factory, WorkerServices};
use nfos_engine::NetworkFunction;
use nfos_engine::description::Description;
use nfos_engine::fault::GuestFault;

use crate::native::NativeGuest;

/// Makes instances of a network function compiled into this process; imports are counted or not.
pub struct NativeFactory<const COUNTED: bool = false> {
    function: Function,
    description: Description,
}

impl<const COUNTED: bool> NativeFactory<COUNTED> {
    /// Of a function and the component made of the same source, which describes both.
    pub fn new(function: Function, component: &NetworkFunction) -> Self {
        Self { function, description: component.description().clone() }
    }
}

impl<const COUNTED: bool> Factory for NativeFactory<COUNTED> {
    type Guest = NativeGuest<WorkerServices, COUNTED>;

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

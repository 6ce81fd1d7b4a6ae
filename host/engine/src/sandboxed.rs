//! An instance on whichever engine its network function got.

use crate::component_engine::ComponentGuest;
use crate::description::Configuration;
use crate::direct::DirectGuest;
use crate::exchange::Exchange;
use crate::fault::GuestFault;
use crate::guest::Guest;
use crate::services::Services;

/// An instance of a [`crate::NetworkFunction`].
pub struct SandboxedGuest<S: Services>(Engine<S>);

#[expect(
    clippy::large_enum_variant,
    reason = "one for each worker, and the large one is the fast one"
)]
enum Engine<S: Services> {
    Direct(DirectGuest<S>),
    Component(Box<ComponentGuest<S>>),
}

impl<S: Services> From<DirectGuest<S>> for SandboxedGuest<S> {
    fn from(guest: DirectGuest<S>) -> Self {
        Self(Engine::Direct(guest))
    }
}

impl<S: Services> From<ComponentGuest<S>> for SandboxedGuest<S> {
    fn from(guest: ComponentGuest<S>) -> Self {
        Self(Engine::Component(Box::new(guest)))
    }
}

impl<S: Services> Guest<S> for SandboxedGuest<S> {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        match &mut self.0 {
            Engine::Direct(guest) => guest.init(),
            Engine::Component(guest) => guest.init(),
        }
    }

    #[inline]
    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        match &mut self.0 {
            Engine::Direct(guest) => guest.handle(burst),
            Engine::Component(guest) => guest.handle(burst),
        }
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        match &mut self.0 {
            Engine::Direct(guest) => guest.exit(),
            Engine::Component(guest) => guest.exit(),
        }
    }

    #[inline]
    fn services(&mut self) -> &mut S {
        match &mut self.0 {
            Engine::Direct(guest) => guest.services(),
            Engine::Component(guest) => guest.services(),
        }
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        match &mut self.0 {
            Engine::Direct(guest) => guest.replace(),
            Engine::Component(guest) => guest.replace(),
        }
    }
}

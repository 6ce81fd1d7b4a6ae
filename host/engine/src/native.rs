//! The native engine: a network function compiled into the process, for tests and benchmarks.
//!
//! It measures what the sandbox costs, so it copies what the direct engine copies: events, frames
//! and states into buffers of its own, and verdicts out of one. Nothing is contained: a panic is a
//! panic, and no limit holds.

use crate::description::Configuration;
use crate::exchange::{EVENT_SIZE, Exchange, VERDICT_SIZE};
use crate::fault::GuestFault;
use crate::guest::Guest;
use crate::services::Services;
use crate::sized::sized;

/// What a guest's exports do, in terms of what crosses.
pub trait NativeFunction<S: Services> {
    /// `handlers.init`.
    ///
    /// # Errors
    /// What a service answered.
    fn init(&mut self, services: &mut S) -> Result<Configuration, GuestFault>;

    /// `handlers.handle`. Frames and states are edited in place; `verdicts` is empty at first.
    /// Events and verdicts lie as the canonical ABI has them, see [`crate::exchange`].
    ///
    /// # Errors
    /// What a service answered.
    fn handle(
        &mut self,
        services: &mut S,
        events: &[[u8; EVENT_SIZE]],
        frames: &mut [u8],
        states: &mut [u8],
        verdicts: &mut Vec<[u8; VERDICT_SIZE]>,
    ) -> Result<(), GuestFault>;

    /// `handlers.exit`.
    ///
    /// # Errors
    /// What a service answered.
    fn exit(&mut self, services: &mut S) -> Result<(), GuestFault>;
}

/// An instance on the native engine.
pub struct NativeGuest<S, F> {
    services: S,
    function: F,
    make: fn() -> F,
    buffers: Buffers,
}

/// What stands in for a guest's memory. They grow to the largest burst and are kept.
#[derive(Default)]
struct Buffers {
    events: Vec<[u8; EVENT_SIZE]>,
    frames: Vec<u8>,
    states: Vec<u8>,
    verdicts: Vec<[u8; VERDICT_SIZE]>,
}

impl<S: Services, F: NativeFunction<S>> NativeGuest<S, F> {
    /// An instance that `make` makes, and that reaches `services`.
    pub fn new(services: S, make: fn() -> F) -> Self {
        Self { services, function: make(), make, buffers: Buffers::default() }
    }
}

impl<S: Services, F: NativeFunction<S>> Guest<S> for NativeGuest<S, F> {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.function.init(&mut self.services)
    }

    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        let Self { services, function, buffers, .. } = self;
        let layout = burst.layout();
        let events = sized(&mut buffers.events, layout.events, [0; EVENT_SIZE]);
        let frames = sized(&mut buffers.frames, layout.frames, 0);
        let states = sized(&mut buffers.states, layout.states, 0);
        burst.fill(events, frames, states);
        buffers.verdicts.clear();
        function.handle(services, events, frames, states, &mut buffers.verdicts)?;
        burst.accept(services, &buffers.verdicts, frames, states)
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.function.exit(&mut self.services)
    }

    fn services(&mut self) -> &mut S {
        &mut self.services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        self.function = (self.make)();
        Ok(())
    }
}

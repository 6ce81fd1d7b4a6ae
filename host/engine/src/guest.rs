//! An instance of a network function, whichever engine runs it.

use crate::description::Configuration;
use crate::exchange::Exchange;
use crate::fault::GuestFault;
use crate::services::Services;

/// One instance, for one worker, with the services it reaches.
///
/// After any [`GuestFault`] the instance is broken: call [`Self::replace`] before anything else.
pub trait Guest<S: Services> {
    /// Runs `init`.
    ///
    /// # Errors
    /// The guest's fault.
    fn init(&mut self) -> Result<Configuration, GuestFault>;

    /// Runs `handle` on a burst.
    ///
    /// # Errors
    /// The guest's fault, or what [`Exchange::accept`] answered. A guest may fault in its
    /// post-return function, which runs after [`Exchange::accept`]: what that decided stands.
    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault>;

    /// Runs `exit`.
    ///
    /// # Errors
    /// The guest's fault.
    fn exit(&mut self) -> Result<(), GuestFault>;

    /// The services this instance reaches.
    fn services(&mut self) -> &mut S;

    /// Replaces the instance by a fresh one that reaches the same services; [`Self::init`] has to
    /// run in it next.
    ///
    /// # Errors
    /// The fault of a start function, if the guest has one.
    fn replace(&mut self) -> Result<(), GuestFault>;
}

//! Whether a network card spreads packets as the packet sets of a network function need it.

use crate::definitions;
use crate::launch::RunError;
use nfos_engine::description::Description;
use nfos_netio::rss::{Misfit, Offer, Plan, plan};
use nfos_netio::{PortId, Steering};

/// For each port that the network function works with, what a card with this offer would be
/// programmed with, or everything that does not fit. The same decides when ports are opened.
///
/// # Errors
/// [`RunError::Input`] for packet sets or a number of workers that cannot be.
pub fn scaling(
    description: &Description,
    workers: usize,
    offer: &Offer,
) -> Result<Vec<Result<Plan, Vec<Misfit>>>, RunError> {
    let input = |error: &dyn std::fmt::Display| RunError::Input(error.to_string());
    let classifier = definitions::classifier(description).map_err(|error| input(&error))?;
    let steering = Steering::new(classifier, workers).map_err(|error| input(&error))?;
    let ports = 0..description.ports.max(1);
    Ok(ports.map(|port| plan(&steering, PortId::new(port), offer)).collect())
}

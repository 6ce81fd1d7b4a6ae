//! Asking a network function what it is.
//!
//! `describe` runs once, in an instance of its own, on the component engine: the description is
//! deep and need not be fast. Linking checks every import and export against the types of the
//! contract. The imports are there and refuse, since `describe` calls none; but `fault.report`
//! works, so that a panic is told.

mod lift;
mod rules;

use std::sync::Arc;

use crate::component_engine::{Binding, ComponentGuest, Unstartable};
use crate::description::Description;
use crate::engine::Engine;
use crate::lines::Lines;
use crate::load::{LoadError, one_line};
use crate::no_services::NoServices;

/// The description of a component, checked.
pub(crate) fn describe(
    engine: &Engine,
    component: Binding,
    lines: Arc<Lines>,
) -> Result<Description, LoadError> {
    let settings = engine.settings().clone();
    let mut guest = ComponentGuest::new(component, settings, lines, NoServices).map_err(
        |error| match error {
            Unstartable::OtherTypes(error) => LoadError::OtherWorld(one_line(&error)),
            Unstartable::Fault(fault) => LoadError::Describe(fault),
        },
    )?;
    let described = guest.describe().map_err(LoadError::Describe)?;
    let description = lift::description(described);
    rules::check(&description)?;
    Ok(description)
}

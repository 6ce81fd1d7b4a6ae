//! WASI interfaces that are not granted: they link, and each function refuses by its name.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};

use super::super::Host;
use super::{LINKED, is_wasi};
use crate::fault::GuestFault;

/// What stands for every resource of a denied interface: nothing ever makes one.
struct Nothing;

/// Resources that denied interfaces take over from interfaces that are linked.
fn linked_resource(interface: &str, name: &str) -> Option<ResourceType> {
    Some(match (interface, name) {
        ("wasi:io/streams", "input-stream") => ResourceType::host::<DynInputStream>(),
        ("wasi:io/streams", "output-stream") => ResourceType::host::<DynOutputStream>(),
        ("wasi:io/poll", "pollable") => ResourceType::host::<DynPollable>(),
        ("wasi:io/error", "error") => ResourceType::host::<IoError>(),
        _ => return None,
    })
}

/// Links every WASI interface of a component that is not linked yet.
pub(super) fn link(linker: &mut Linker<Host>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    let ty = component.component_type();
    // The component's names for resources, and ours, in the order in which they come up.
    let mut known: Vec<(ResourceType, ResourceType)> = Vec::new();
    for (name, import) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
        if !is_wasi(name) {
            continue;
        }
        let base = name.split('@').next().unwrap_or(name);
        if LINKED.contains(&base) {
            for (resource, item) in interface.exports(engine) {
                if let (ComponentItem::Resource(theirs), Some(ours)) =
                    (item.ty, linked_resource(base, resource))
                {
                    known.push((theirs, ours));
                }
            }
            continue;
        }
        deny(&mut linker.instance(name)?, name, &interface, engine, &mut known)?;
    }
    Ok(())
}

fn deny(
    linker: &mut LinkerInstance<'_, Host>,
    name: &str,
    interface: &ComponentInstance,
    engine: &wasmtime::Engine,
    known: &mut Vec<(ResourceType, ResourceType)>,
) -> wasmtime::Result<()> {
    for (item_name, item) in interface.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let function = format!("{name} {item_name}");
                linker.func_new(item_name, move |_, _, _, _| {
                    Err(GuestFault::Denied(function.clone()).into())
                })?;
            }
            ComponentItem::Resource(theirs) => {
                let ours = known.iter().find(|(known, _)| *known == theirs).map(|(_, ours)| *ours);
                let ours = ours.unwrap_or_else(ResourceType::host::<Nothing>);
                known.push((theirs, ours));
                linker.resource(item_name, ours, |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

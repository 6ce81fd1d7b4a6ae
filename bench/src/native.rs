//! The native engine: a network function compiled into this process, behind the interface of an
//! instance.
//!
//! It copies what the direct engine copies and calls the services as often, so the difference
//! between the two is what the sandbox costs. The burst is used where it lies, in both directions:
//! the SDK's records are laid out as the canonical ABI has them. What an import refuses is a fault
//! as in a sandbox; else nothing is contained: a panic ends the run, and no limit holds.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use nfos::contract;
use nfos::native::{self, Function, Imports, Instance};
use nfos_engine::description::Configuration;
use nfos_engine::exchange::{EVENT_SIZE, Exchange, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::services::Services;

use crate::imports::{self, Bridge};

/// An instance on the native engine, whose imports are counted or not.
pub struct NativeGuest<S, const COUNTED: bool = false> {
    function: Function,
    /// Absent before `init`.
    instance: Option<Box<dyn Instance>>,
    /// Lent to the thread while a handler runs.
    bridge: Option<Box<Bridge<S, COUNTED>>>,
    buffers: Buffers,
}

/// What stands in for a guest's memory. They grow to the largest burst and are kept.
#[derive(Default)]
struct Buffers {
    events: Vec<[u8; EVENT_SIZE]>,
    frames: Vec<u8>,
    states: Vec<u8>,
    verdicts: Vec<contract::Verdict>,
}

impl<S: Services, const COUNTED: bool> NativeGuest<S, COUNTED> {
    /// An instance that reaches `services`; `init` has to run in it next.
    pub fn new(function: Function, services: S) -> Self {
        let bridge = Some(Box::new(Bridge(services)));
        Self { function, instance: None, bridge, buffers: Buffers::default() }
    }

    fn bridge(&mut self) -> &mut Bridge<S, COUNTED> {
        self.bridge.as_mut().expect("lent only while a handler runs")
    }
}

/// Runs a handler with its imports installed on this thread; the fault, if one of them refuses.
#[inline]
fn lend<S: Services, const COUNTED: bool, R>(
    bridge: &mut Option<Box<Bridge<S, COUNTED>>>,
    run: impl FnOnce() -> R,
) -> Result<R, GuestFault> {
    let lent: Box<dyn Imports> = bridge.take().expect("lent to one handler at a time");
    native::install(lent);
    // An instance that was left in the middle of a handler is not used again.
    let ran = panic::catch_unwind(AssertUnwindSafe(run));
    let back: Box<dyn Any> = native::take().expect("installed above");
    *bridge = Some(back.downcast().expect("the one installed above"));
    ran.map_err(|unwound| match unwound.downcast() {
        Ok(fault) => *fault,
        Err(panicked) => panic::resume_unwind(panicked),
    })
}

impl<S: Services, const COUNTED: bool> Guest<S> for NativeGuest<S, COUNTED> {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        let (instance, configuration) = lend(&mut self.bridge, self.function.init)?;
        self.instance = Some(instance);
        Ok(Configuration {
            idle_timeout_ns: configuration.idle_timeout,
            packet_sets: configuration.packet_sets,
            periods_ns: configuration.periods,
        })
    }

    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        if COUNTED {
            imports::count_handled();
        }
        let Self { instance, bridge, buffers, .. } = self;
        let instance = instance.as_deref().expect("`init` has run");
        let layout = burst.layout();
        let events = sized(&mut buffers.events, layout.events, [0; EVENT_SIZE]);
        let frames = sized(&mut buffers.frames, layout.frames, 0);
        let states = sized(&mut buffers.states, layout.states, 0);
        burst.fill(events, frames, states);
        let verdicts = &mut buffers.verdicts;
        verdicts.clear();
        lend(bridge, || instance.handle(as_events(events), frames, states, verdicts))?;
        let services = &mut bridge.as_mut().expect("it is back").0;
        burst.accept(services, as_bytes(verdicts), frames, states)
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        let instance = self.instance.as_deref().expect("`init` has run");
        lend(&mut self.bridge, || instance.exit())
    }

    fn services(&mut self) -> &mut S {
        &mut self.bridge().0
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        self.instance = None;
        Ok(())
    }
}

/// The first `count` items of a buffer, which is made as large as that if it is not.
fn sized<T: Copy>(buffer: &mut Vec<T>, count: u32, item: T) -> &mut [T] {
    let count = count as usize;
    if buffer.len() < count {
        buffer.resize(count, item);
    }
    &mut buffer[..count]
}

/// Events as the SDK has them.
// JUSTIFICATION: the bench `crossings`: converting one by one would be charged to native code
// alone, for a guest uses them where they lie.
fn as_events(bytes: &mut [[u8; EVENT_SIZE]]) -> &mut [contract::Event] {
    // SAFETY: an `Event` is 24 bytes of integers (asserted where it is defined), valid whatever
    // they are; `align_to_mut` answers only what is aligned.
    let (before, events, after) = unsafe { bytes.align_to_mut::<contract::Event>() };
    assert!(before.is_empty() && after.is_empty(), "allocations are aligned to words");
    events
}

/// Verdicts as the canonical ABI has them.
fn as_bytes(verdicts: &[contract::Verdict]) -> &[[u8; VERDICT_SIZE]] {
    // SAFETY: a `Verdict` is 12 bytes of integers without padding, so all of them are initialised,
    // and bytes need no alignment.
    let (_, bytes, _) = unsafe { verdicts.align_to::<[u8; VERDICT_SIZE]>() };
    bytes
}

//! The direct engine: the core module of a component, linked to core functions that speak the
//! canonical ABI of our own interfaces.
//!
//! Wasmtime's component linker costs several times what a packet may cost, for generality that
//! this contract does not need. A component that `wit-component` made of one core module keeps
//! that module's imports and exports under their canonical names, so binding is by name: each
//! import is a few lines that check its arguments ([`memory`]) and call the services. One file per
//! interface, all in one order: the interface's name, `link`, its functions as the contract lists
//! them. Resource handles are the numbers that the services chose; dropping one is nothing.
//!
//! A burst crosses in one call into a guest that has [`room`] for it, and else in five: three
//! buffers are allocated, `handle` runs, and its post-return function. Bytes are copied once in
//! each direction.

mod address;
mod allocator;
mod burst;
mod clock;
mod distributed_object;
mod event;
mod fault;
mod hash_map;
mod log;
mod memory;
mod outcome;
mod parameters;
mod progress;
mod random;
mod room;
mod send;
mod site;
mod vector;

use std::sync::Arc;

use wasmtime::{Caller, Instance, InstancePre, Linker, Memory, Module, Store, TypedFunc};

use self::memory::{GuestBytes, LinearMemory, reach_store};
use self::progress::Progress;
use self::room::Room;
use crate::description::Configuration;
use crate::engine::Settings;
use crate::exchange::{EVENT_SIZE, Exchange, Layout};
use crate::fault::GuestFault;
use crate::guest::Guest;
use crate::last_words::LastWords;
use crate::limits::{self, Limited, Limits};
use crate::lines::Lines;
use crate::services::{Handle, Services};
use crate::trap;

/// The exports that the engine calls, as `wit-component` names them.
const MEMORY: &str = "memory";
const REALLOC: &str = "cabi_realloc";
const INITIALIZE: &str = "_initialize";
const INIT: &str = "nfos:nf/handlers@0.1.0#init";
const HANDLE: &str = "nfos:nf/handlers@0.1.0#handle";
const EXIT: &str = "nfos:nf/handlers@0.1.0#exit";
const POST_INIT: &str = "cabi_post_nfos:nf/handlers@0.1.0#init";
const POST_HANDLE: &str = "cabi_post_nfos:nf/handlers@0.1.0#handle";

/// Old pointer, old size, alignment, new size.
type ReallocParameters = (u32, u32, u32, u32);
/// Pointer and length of events, frames and states.
type HandleParameters = (u32, u32, u32, u32, u32, u32);

/// The data of a guest's store.
pub(crate) struct Host<S> {
    services: S,
    memory: LinearMemory,
    progress: Progress,
    limits: Limits,
    last_words: LastWords,
}

type Call<'a, S> = Caller<'a, Host<S>>;

impl<S> Host<S> {
    fn new(services: S, settings: &Settings) -> Self {
        Self {
            services,
            memory: LinearMemory::none(),
            progress: Progress::default(),
            limits: Limits::new(settings),
            last_words: LastWords::default(),
        }
    }
}

impl<S: Services> Limited for Host<S> {
    #[inline]
    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }
}

/// Binds a module's imports to services of the type `S`, and checks their signatures.
pub(crate) fn bind<S: Services>(module: &Module) -> wasmtime::Result<InstancePre<Host<S>>> {
    let mut linker = Linker::new(module.engine());
    burst::link(&mut linker)?;
    parameters::link(&mut linker)?;
    vector::link(&mut linker)?;
    hash_map::link(&mut linker)?;
    allocator::link(&mut linker)?;
    distributed_object::link(&mut linker)?;
    send::link(&mut linker)?;
    clock::link(&mut linker)?;
    random::link(&mut linker)?;
    log::link(&mut linker)?;
    event::link(&mut linker)?;
    fault::link(&mut linker)?;
    linker.instantiate_pre(module)
}

/// What of an instance the engine calls.
struct Exports {
    realloc: TypedFunc<ReallocParameters, u32>,
    init: TypedFunc<(), u32>,
    handle: TypedFunc<HandleParameters, u32>,
    exit: TypedFunc<(), ()>,
    post_init: Option<TypedFunc<u32, ()>>,
    post_handle: Option<TypedFunc<u32, ()>>,
    room: Option<Room>,
}

impl Exports {
    fn of<S: Services>(instance: Instance, store: &mut Store<Host<S>>) -> wasmtime::Result<Self> {
        Ok(Self {
            realloc: instance.get_typed_func(&mut *store, REALLOC)?,
            init: instance.get_typed_func(&mut *store, INIT)?,
            handle: instance.get_typed_func(&mut *store, HANDLE)?,
            exit: instance.get_typed_func(&mut *store, EXIT)?,
            post_init: optional(instance, store, POST_INIT)?,
            post_handle: optional(instance, store, POST_HANDLE)?,
            room: None,
        })
    }
}

fn optional<S: Services>(
    instance: Instance,
    store: &mut Store<Host<S>>,
    name: &str,
) -> wasmtime::Result<Option<TypedFunc<u32, ()>>> {
    if instance.get_func(&mut *store, name).is_none() {
        return Ok(None);
    }
    instance.get_typed_func(store, name).map(Some)
}

/// Why the direct engine cannot run a module whose imports [`bind`] accepts: an export that is
/// missing or of another type.
pub(crate) fn check_exports(module: &Module) -> Result<(), String> {
    use wasmtime::ExternType;
    let signature = |name: &str| match module.get_export(name) {
        Some(ExternType::Func(ty)) => Some(ty.to_string()),
        _ => None,
    };
    let i32s = |n: usize| vec!["i32"; n].join(" ");
    let required = [
        (REALLOC, format!("(type (func (param {}) (result i32)))", i32s(4))),
        (INIT, "(type (func (result i32)))".to_owned()),
        (HANDLE, format!("(type (func (param {}) (result i32)))", i32s(6))),
        (EXIT, "(type (func))".to_owned()),
    ];
    for (name, expected) in required {
        if signature(name).as_ref() != Some(&expected) {
            return Err(format!("its core module does not export `{name}` as {expected}"));
        }
    }
    for name in [POST_INIT, POST_HANDLE] {
        if signature(name).is_some_and(|found| found != "(type (func (param i32)))") {
            return Err(format!("its core module exports `{name}` with another type"));
        }
    }
    progress::check_export(module)?;
    room::check_export(module)?;
    match module.get_export(MEMORY) {
        Some(ExternType::Memory(ty)) if ty.is_shared() || ty.is_64() => {
            Err("its core module's memory is shared or of 64 bits".to_owned())
        }
        Some(ExternType::Memory(_)) => Ok(()),
        _ => Err("its core module does not export `memory`".to_owned()),
    }
}

/// An instance on the direct engine.
pub struct DirectGuest<S: Services> {
    binding: InstancePre<Host<S>>,
    settings: Settings,
    lines: Arc<Lines>,
    /// Absent only within [`Self::replace`].
    store: Option<Store<Host<S>>>,
    /// Absent from a fault on.
    exports: Option<Exports>,
}

impl<S: Services> DirectGuest<S> {
    pub(crate) fn new(
        binding: InstancePre<Host<S>>,
        settings: Settings,
        lines: Arc<Lines>,
        services: S,
    ) -> Result<Self, GuestFault> {
        let mut guest = Self { binding, settings, lines, store: None, exports: None };
        guest.start(services)?;
        Ok(guest)
    }

    /// Makes a store and an instance, and runs what the guest runs at its start.
    fn start(&mut self, services: S) -> Result<(), GuestFault> {
        let engine = self.binding.module().engine();
        let store = Store::new(engine, Host::new(services, &self.settings));
        let store = self.store.insert(store);
        limits::impose(store);
        begin_call(store);
        match instantiate(&self.binding, store) {
            Ok(exports) => {
                self.exports = Some(exports);
                Ok(())
            }
            Err(error) => Err(fault_of(error, store, &self.lines)),
        }
    }

    /// Runs one call into the guest. After a fault there is no more: the instance is broken.
    #[inline]
    fn run<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Host<S>>, &Exports) -> wasmtime::Result<T>,
    ) -> Result<T, GuestFault> {
        let store = self.store.as_mut().expect("a store is absent only within `replace`");
        let Some(exports) = &self.exports else {
            return Err(GuestFault::Trap("the instance is broken by an earlier fault".to_owned()));
        };
        begin_call(store);
        match call(store, exports) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.exports = None;
                Err(fault_of(error, store, &self.lines))
            }
        }
    }
}

impl<S: Services> Guest<S> for DirectGuest<S> {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.run(|store, exports| {
            let answer = exports.init.call(&mut *store, ())?;
            let (_, mut memory) = reach_store(store);
            let configuration = outcome::configuration(&mut memory, answer)?;
            post_return(store, exports.post_init.as_ref(), answer)?;
            Ok(configuration)
        })
    }

    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        self.run(|store, exports| {
            let layout = burst.layout();
            let room = exports.room.and_then(|room| room.place(layout));
            let at = room.map_or_else(|| allocate_all(store, exports, layout), Ok)?;
            let parameters = fill(store, at, burst, layout)?;
            progress::start(store)?;
            let answer = match exports.handle.call(&mut *store, parameters) {
                Ok(answer) => answer,
                Err(error) => {
                    progress::fail(store.data_mut());
                    return Err(error);
                }
            };
            progress::finish(store.data_mut(), layout.events)?;
            let (services, memory) = reach_store(store);
            outcome::accept(services, memory, answer, layout, burst)?;
            if room.is_some() {
                return Ok(());
            }
            post_return(store, exports.post_handle.as_ref(), answer)
        })
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.run(|store, exports| exports.exit.call(store, ()))
    }

    fn services(&mut self) -> &mut S {
        let store = self.store.as_mut().expect("a store is absent only within `replace`");
        &mut store.data_mut().services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        let store = self.store.take().expect("a store is absent only within `replace`");
        self.exports = None;
        let Host { services, .. } = store.into_data();
        self.start(services)
    }
}

fn instantiate<S: Services>(
    binding: &InstancePre<Host<S>>,
    store: &mut Store<Host<S>>,
) -> wasmtime::Result<Exports> {
    let instance = binding.instantiate(&mut *store)?;
    let mut exports = Exports::of(instance, store)?;
    let memory: Memory =
        instance.get_memory(&mut *store, MEMORY).expect("`check_exports` found the memory");
    LinearMemory::attach(store, memory);
    progress::attach(store, instance)?;
    exports.room = room::find(store, instance)?;
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, INITIALIZE) {
        initialize.call(store, ())?;
    }
    Ok(exports)
}

/// An import of a structure was answered: tells the services where from, and the guest whether to
/// stop.
#[inline]
fn answered<S: Services>(call: &mut Call<S>) -> wasmtime::Result<()> {
    let services = &call.data().services;
    if services.wants_site() || services.is_in_vain() { tell(call) } else { Ok(()) }
}

#[cold]
fn tell<S: Services>(call: &mut Call<S>) -> wasmtime::Result<()> {
    site::note(call);
    Ok(progress::note(call.data_mut())?)
}

#[inline]
fn begin_call<S: Services>(store: &mut Store<Host<S>>) {
    limits::begin_call(store);
    store.data_mut().last_words.forget();
}

/// Lets a guest open a structure. The time that takes is the host's, which may have to back a lot
/// of memory.
fn opening<S: Services>(
    call: &mut Call<S>,
    open: impl FnOnce(&mut S, GuestBytes<'_>) -> wasmtime::Result<Handle>,
) -> wasmtime::Result<Handle> {
    let began = limits::cpu_time();
    let (services, memory) = memory::reach(call)?;
    let handle = open(services, memory);
    call.data_mut().limits.excuse(limits::cpu_time().saturating_sub(began));
    handle
}

/// Three buffers of the guest for a burst's events, frames and states.
#[inline]
fn allocate_all<S: Services>(
    store: &mut Store<Host<S>>,
    exports: &Exports,
    layout: Layout,
) -> wasmtime::Result<[u32; 3]> {
    Ok([
        allocate(store, exports, 4, layout.events * EVENT_SIZE as u32)?,
        allocate(store, exports, 1, layout.frames)?,
        allocate(store, exports, 1, layout.states)?,
    ])
}

/// Fills the three buffers that the guest has for a burst: the parameters of `handle`.
#[inline]
fn fill<S: Services, E: Exchange<S>>(
    store: &mut Store<Host<S>>,
    [events, frames, states]: [u32; 3],
    burst: &mut E,
    layout: Layout,
) -> wasmtime::Result<HandleParameters> {
    let events_length = layout.events * EVENT_SIZE as u32;
    let (_, mut memory) = reach_store(store);
    if !events.is_multiple_of(4) {
        return Err(GuestFault::BadPointer { pointer: events, length: events_length.into() }.into());
    }
    let [event_bytes, frame_bytes, state_bytes] = memory.buffers([
        (events, events_length),
        (frames, layout.frames),
        (states, layout.states),
    ])?;
    burst.fill(event_bytes.as_chunks_mut().0, frame_bytes, state_bytes);
    Ok((events, layout.events, frames, layout.frames, states, layout.states))
}

/// A buffer of the guest; for none at all, what `cabi_realloc` answers by convention.
#[inline]
fn allocate<S: Services>(
    store: &mut Store<Host<S>>,
    exports: &Exports,
    align: u32,
    length: u32,
) -> wasmtime::Result<u32> {
    if length == 0 {
        return Ok(align);
    }
    exports.realloc.call(store, (0, 0, align, length))
}

#[inline]
fn post_return<S: Services>(
    store: &mut Store<Host<S>>,
    function: Option<&TypedFunc<u32, ()>>,
    answer: u32,
) -> wasmtime::Result<()> {
    function.map_or(Ok(()), |function| function.call(store, answer))
}

#[cold]
fn fault_of<S: Services>(
    error: wasmtime::Error,
    store: &mut Store<Host<S>>,
    lines: &Lines,
) -> GuestFault {
    let Host { services, limits, last_words, .. } = store.data_mut();
    trap::note_site(&error, services);
    trap::fault_of(error, limits, last_words, lines)
}

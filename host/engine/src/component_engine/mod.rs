//! The component engine: a component as it is, linked by Wasmtime's component linker.
//!
//! It runs what the direct engine cannot: components of several core modules, as interpreted
//! languages make them, and those that import WASI ([`wasi`]); and `describe` of any. Arguments and
//! results are lifted and lowered by Wasmtime, so nothing here is unsafe. Frames are copied twice
//! in each direction, and a crossing costs several times what it does on the direct engine.
//!
//! A resource handle of the services is the representation of a component's resource. Wasmtime
//! gives the guest a number of its own for it, and refuses those it did not give.

mod fault;
mod imports;
mod lift;
mod sites;
mod wasi;

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use self::wasi::Wasi;
pub(crate) use self::wasi::is_wasi;
use crate::bindings::exports::nfos::nf::handlers;
use crate::bindings::nfos::nf::types;
use crate::bindings::{Nf, NfPre};
use crate::description::Configuration;
use crate::engine::Settings;
use crate::exchange::{EVENT_SIZE, Exchange, VERDICT_SIZE};
use crate::fault::GuestFault;
use crate::guest::Guest;
use crate::last_words::LastWords;
use crate::limits::{self, Limited, Limits};
use crate::lines::Lines;
use crate::services::Services;
use crate::sized::sized;

/// Bytes of the host that lifting the arguments of one import, or one outcome, may take: far more
/// than the largest burst.
const LIFTED_BYTES_MAX: usize = 64 << 20;

/// The same for a description. Lists inside lists may name the same bytes of the guest again and
/// again.
const DESCRIPTION_BYTES_MAX: usize = 1 << 20;

/// Services of any type. What is linked is the same for all of them, so that it is compiled once;
/// a call through a table is nothing beside the crossing.
trait AnyServices: Services {
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<S: Services> AnyServices for S {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// The data of a guest's store.
pub(crate) struct Host {
    services: Box<dyn AnyServices>,
    limits: Limits,
    last_words: LastWords,
    wasi: Wasi,
}

impl Host {
    fn new(services: Box<dyn AnyServices>, settings: &Settings) -> Self {
        Self {
            services,
            limits: Limits::new(settings),
            last_words: LastWords::default(),
            wasi: Wasi::new(),
        }
    }

    fn services<S: Services>(&mut self) -> &mut S {
        let services = (*self.services).as_any().downcast_mut();
        services.expect("a guest keeps the services that it was made with")
    }
}

impl Limited for Host {
    #[inline]
    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }
}

/// A component ready to be instantiated.
pub(crate) type Binding = NfPre<Host>;

/// Binds a component's imports, and checks their types and those of its exports.
pub(crate) fn bind(component: &Component) -> wasmtime::Result<Binding> {
    let mut linker = Linker::new(component.engine());
    Nf::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
    sites::link(&mut linker)?;
    wasi::link(&mut linker, component)?;
    NfPre::new(linker.instantiate_pre(component)?)
}

/// Why there is no instance.
#[derive(Debug)]
pub(crate) enum Unstartable {
    /// It exports handlers of other types than the contract's: known once it was described.
    OtherTypes(wasmtime::Error),
    /// The fault of a start function, or memory beyond the limit from the start.
    Fault(GuestFault),
}

impl Unstartable {
    /// As a fault of a network function that was loaded.
    pub(crate) fn fault(self) -> GuestFault {
        match self {
            Self::OtherTypes(error) => GuestFault::Trap(error.to_string()),
            Self::Fault(fault) => fault,
        }
    }
}

/// An instance on the component engine.
pub struct ComponentGuest<S: Services> {
    binding: Binding,
    settings: Settings,
    lines: Arc<Lines>,
    /// Absent only within [`Self::replace`].
    store: Option<Store<Host>>,
    /// Absent from a fault on.
    exports: Option<Nf>,
    buffers: Buffers,
    services: PhantomData<fn() -> S>,
}

/// What a burst lies in on its way. They grow to the largest burst and are kept.
#[derive(Default)]
struct Buffers {
    events: Vec<[u8; EVENT_SIZE]>,
    records: Vec<types::Event>,
    frames: Vec<u8>,
    states: Vec<u8>,
    verdicts: Vec<[u8; VERDICT_SIZE]>,
}

impl<S: Services> ComponentGuest<S> {
    pub(crate) fn new(
        binding: Binding,
        settings: Settings,
        lines: Arc<Lines>,
        services: S,
    ) -> Result<Self, Unstartable> {
        let mut guest = Self {
            binding,
            settings,
            lines,
            store: None,
            exports: None,
            buffers: Buffers::default(),
            services: PhantomData,
        };
        guest.start(Box::new(services))?;
        Ok(guest)
    }

    /// Makes a store and an instance, and runs what the guest runs at its start.
    fn start(&mut self, services: Box<dyn AnyServices>) -> Result<(), Unstartable> {
        let store = Store::new(self.binding.engine(), Host::new(services, &self.settings));
        let store = self.store.insert(store);
        store.set_hostcall_fuel(LIFTED_BYTES_MAX);
        limits::impose(store);
        begin_call(store);
        let instance = self.binding.instance_pre().instantiate(&mut *store);
        let instance = instance
            .map_err(|error| Unstartable::Fault(fault::of(error, store.data_mut(), &self.lines)))?;
        let exports = Nf::new(&mut *store, &instance).map_err(Unstartable::OtherTypes)?;
        store.data_mut().wasi.go_live();
        self.exports = Some(exports);
        Ok(())
    }

    /// Runs `describe`, which has no transaction.
    pub(crate) fn describe(&mut self) -> Result<handlers::Description, GuestFault> {
        self.run(|store, exports, _| {
            store.data_mut().wasi.stand_still();
            store.set_hostcall_fuel(DESCRIPTION_BYTES_MAX);
            let description = exports.nfos_nf_handlers().call_describe(&mut *store);
            store.set_hostcall_fuel(LIFTED_BYTES_MAX);
            store.data_mut().wasi.go_live();
            description
        })
    }

    /// Runs one call into the guest. After a fault there is no more: the instance is broken.
    fn run<T>(
        &mut self,
        call: impl FnOnce(&mut Store<Host>, &Nf, &mut Buffers) -> wasmtime::Result<T>,
    ) -> Result<T, GuestFault> {
        let store = self.store.as_mut().expect("a store is absent only within `replace`");
        let Some(exports) = &self.exports else {
            return Err(GuestFault::Trap("the instance is broken by an earlier fault".to_owned()));
        };
        begin_call(store);
        match call(store, exports, &mut self.buffers) {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.exports = None;
                Err(fault::of(error, store.data_mut(), &self.lines))
            }
        }
    }
}

impl<S: Services> Guest<S> for ComponentGuest<S> {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.run(|store, exports, _| {
            let configuration = exports.nfos_nf_handlers().call_init(&mut *store)?;
            store.data_mut().log_output()?;
            Ok(lift::configuration(configuration)?)
        })
    }

    fn handle<E: Exchange<S>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        self.run(|store, exports, buffers| {
            let layout = burst.layout();
            let Buffers { events, records, frames, states, verdicts } = buffers;
            let events = sized(events, layout.events, [0; EVENT_SIZE]);
            let frames = sized(frames, layout.frames, 0);
            let states = sized(states, layout.states, 0);
            burst.fill(events, frames, states);
            records.clear();
            for event in events.iter() {
                records.push(lift::event(event)?);
            }
            let handlers = exports.nfos_nf_handlers();
            let outcome = handlers.call_handle(&mut *store, records, frames, states)?;
            let host = store.data_mut();
            host.log_output()?;
            lift::check_sizes(&outcome, layout)?;
            verdicts.clear();
            verdicts.extend(outcome.verdicts.iter().map(lift::verdict));
            Ok(burst.accept(host.services(), verdicts, &outcome.frames, &outcome.states)?)
        })
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        self.run(|store, exports, _| {
            exports.nfos_nf_handlers().call_exit(&mut *store)?;
            Ok(store.data_mut().log_output()?)
        })
    }

    fn services(&mut self) -> &mut S {
        let store = self.store.as_mut().expect("a store is absent only within `replace`");
        store.data_mut().services()
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        let store = self.store.take().expect("a store is absent only within `replace`");
        self.exports = None;
        let Host { services, .. } = store.into_data();
        self.start(services).map_err(Unstartable::fault)
    }
}

fn begin_call(store: &mut Store<Host>) {
    limits::begin_call(store);
    let host = store.data_mut();
    host.last_words.forget();
    host.wasi.forget_output();
}

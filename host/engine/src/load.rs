//! From a file to a network function that can be instantiated.
//!
//! A component is taken as it is; a core module that carries the contract's type is made a
//! component first. The component is checked against the contract, `describe` runs in an instance
//! of its own, and its description is checked. It runs on the direct engine if its core module can
//! be taken out for that, and as it is on the component engine otherwise.

use std::path::Path;
use std::sync::Arc;

use wasmtime::Module;

use crate::component;
use crate::component_engine::{self, ComponentGuest, Unstartable, is_wasi};
use crate::contract;
use crate::describe;
use crate::description::Description;
use crate::digest::Digest;
use crate::direct::{self, DirectGuest};
use crate::engine::{Engine, EngineChoice};
use crate::fault::GuestFault;
use crate::lines::Lines;
use crate::no_services::NoServices;
use crate::sandboxed::SandboxedGuest;
use crate::services::Services;
use crate::site::{CallSite, Site};

/// Why a file is no network function that this host can run: one line, without the file's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It does not begin as WebAssembly does.
    #[error(
        "is not WebAssembly; a component, or a core module built with an SDK of nfos:nf, is wanted"
    )]
    NotWasm,
    /// It begins as WebAssembly, and goes on otherwise.
    #[error("is not valid WebAssembly: {0}")]
    Invalid(String),
    /// A core module without a `component-type` section.
    #[error(
        "is a core module without a world (no `component-type` section); build it with an SDK of \
         nfos:nf, or make it a component of the world nfos:nf/nf@0.1.0"
    )]
    NoWorld,
    /// It does not export what a network function exports, or with other types.
    #[error("is not of the world nfos:nf/nf@0.1.0: {0}")]
    OtherWorld(String),
    /// It imports what the contract does not have.
    #[error("imports `{import}`, which this host does not offer{advice}")]
    UnknownImport {
        /// The import's name.
        import: String,
        /// What would be right, after a semicolon; or nothing.
        advice: &'static str,
    },
    /// The direct engine does not apply.
    #[error("cannot run on the direct engine: {0}")]
    NotDirect(String),
    /// `describe` did not return.
    #[error("`describe` failed: the guest {0}")]
    Describe(GuestFault),
    /// What `describe` returned breaks a rule of the contract.
    #[error("its description is wrong: `{field}` {rule}")]
    BadDescription {
        /// Which field, as the contract writes it, with indices from 0.
        field: String,
        /// What would be right.
        rule: String,
    },
}

/// A network function, compiled and described. Clones share the code.
#[derive(Clone)]
pub struct NetworkFunction {
    loaded: Arc<Loaded>,
}

struct Loaded {
    engine: Engine,
    code: Code,
    lines: Arc<Lines>,
    why: String,
    digest: Digest,
    description: Description,
    imports: Vec<String>,
}

/// What is instantiated.
enum Code {
    Direct(Module),
    Component(component_engine::Binding),
}

impl Engine {
    /// Loads the network function in a file. Cost: compiling, tens of milliseconds for a compiled
    /// language, unless it is in the cache.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(&self, file: &Path) -> Result<NetworkFunction, LoadError> {
        self.load_bytes(&std::fs::read(file)?)
    }

    /// Loads a network function from the content of a file.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<NetworkFunction, LoadError> {
        let encoded;
        let component_bytes = match component::kind(bytes)? {
            component::Kind::Component => bytes,
            component::Kind::CoreModule => {
                encoded = component::encode(bytes)?;
                &encoded
            }
        };
        let digest = Digest::of(bytes);
        let component = compile(self.component(component_bytes))?;
        let imports = contract::check(&component)?;
        let binding = component_engine::bind(&component)
            .map_err(|error| LoadError::OtherWorld(one_line(&error)))?;
        let lines = Arc::new(Lines::of(component_bytes));
        let description = describe::describe(self, binding.clone(), Arc::clone(&lines))?;
        let (code, why) = self.code(component_bytes, binding, &imports)?;
        let lines = match &code {
            // Its positions are those in the core module alone.
            Code::Direct(_) => Arc::new(Lines::of(component::core_module(component_bytes)?)),
            Code::Component(_) => lines,
        };
        let engine = self.clone();
        let loaded = Loaded { engine, code, lines, why, digest, description, imports };
        Ok(NetworkFunction { loaded: Arc::new(loaded) })
    }

    /// What to instantiate of a component, and why that.
    fn code(
        &self,
        bytes: &[u8],
        component: component_engine::Binding,
        imports: &[String],
    ) -> Result<(Code, String), LoadError> {
        let choice = self.settings().engine;
        if choice == EngineChoice::Component {
            return Ok((Code::Component(component), "asked for".to_owned()));
        }
        match self.direct_module(bytes, imports) {
            Ok(module) => {
                let why = "one core module that imports nothing but nfos:nf";
                Ok((Code::Direct(module), why.to_owned()))
            }
            Err(LoadError::NotDirect(why)) if choice == EngineChoice::Automatic => {
                Ok((Code::Component(component), why))
            }
            Err(error) => Err(error),
        }
    }

    /// The core module of a component, if the direct engine can run it.
    fn direct_module(&self, component: &[u8], imports: &[String]) -> Result<Module, LoadError> {
        if let Some(wasi) = imports.iter().find(|import| is_wasi(import)) {
            return Err(LoadError::NotDirect(format!("it imports {wasi}")));
        }
        let core_module = component::core_module(component)?;
        let module = compile(self.module(core_module))?;
        direct::bind::<NoServices>(&module)
            .map_err(|error| LoadError::NotDirect(one_line(&error)))?;
        direct::check_exports(&module).map_err(LoadError::NotDirect)?;
        Ok(module)
    }
}

impl NetworkFunction {
    /// What it says of itself; it obeys the rules of the contract.
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// Its name: that of the description.
    pub fn name(&self) -> &str {
        &self.loaded.description.name
    }

    /// The digest of the file's content.
    pub fn digest(&self) -> Digest {
        self.loaded.digest
    }

    /// The engine that runs it.
    pub fn engine_kind(&self) -> &'static str {
        match self.loaded.code {
            Code::Direct(_) => "direct",
            Code::Component(_) => "component",
        }
    }

    /// Why that engine runs it, in a few words.
    pub fn engine_reason(&self) -> &str {
        &self.loaded.why
    }

    /// The interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.loaded.imports
    }

    /// The places in the source of some calls. Cost: reading the debug information once,
    /// milliseconds.
    pub fn sites(&self, calls: &[CallSite]) -> Vec<Site> {
        self.loaded.lines.sites(calls)
    }

    /// Makes an instance that reaches `services`; `init` has to run in it next.
    ///
    /// # Errors
    /// The fault of a start function, or [`GuestFault::MemoryLimit`] for a guest whose memory is
    /// beyond the limit from the start.
    pub fn instantiate<S: Services>(&self, services: S) -> Result<SandboxedGuest<S>, GuestFault> {
        let Loaded { engine, code, lines, .. } = &*self.loaded;
        let lines = Arc::clone(lines);
        let settings = engine.settings().clone();
        match code {
            Code::Direct(module) => {
                let binding = direct::bind(module).expect("`load` bound the same imports");
                DirectGuest::new(binding, settings, lines, services).map(SandboxedGuest::from)
            }
            Code::Component(component) => {
                ComponentGuest::new(component.clone(), settings, lines, services)
                    .map(SandboxedGuest::from)
                    .map_err(Unstartable::fault)
            }
        }
    }
}

fn compile<T>(compiled: wasmtime::Result<T>) -> Result<T, LoadError> {
    compiled.map_err(|error| LoadError::Invalid(one_line(&error)))
}

pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    crate::last_words::one_line(&format!("{error:#}"), 512)
}

//! From a file to a network function that can be instantiated.
//!
//! A component is taken as it is; a core module that carries the contract's type is made a
//! component first. The component is checked against the contract, `describe` runs in an instance
//! of its own, its description is checked, and the core module inside is compiled for the direct
//! engine.

use std::path::Path;
use std::sync::Arc;

use wasmtime::Module;

use crate::component;
use crate::contract;
use crate::describe;
use crate::description::Description;
use crate::digest::Digest;
use crate::direct::{self, DirectGuest};
use crate::engine::Engine;
use crate::fault::GuestFault;
use crate::no_services::NoServices;
use crate::services::Services;

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
    module: Module,
    digest: Digest,
    description: Description,
    imports: Vec<String>,
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
        let description = describe::describe(self, &component)?;
        let module = compile(self.module(component::core_module(component_bytes)?))?;
        direct::bind::<NoServices>(&module)
            .map_err(|error| LoadError::NotDirect(one_line(&error)))?;
        direct::check_exports(&module).map_err(LoadError::NotDirect)?;
        let loaded = Loaded { engine: self.clone(), module, digest, description, imports };
        Ok(NetworkFunction { loaded: Arc::new(loaded) })
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
        "direct"
    }

    /// The interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.loaded.imports
    }

    /// Makes an instance that reaches `services`; `init` has to run in it next.
    ///
    /// # Errors
    /// The fault of a start function, or [`GuestFault::MemoryLimit`] for a guest whose memory is
    /// beyond the limit from the start.
    pub fn instantiate<S: Services>(&self, services: S) -> Result<DirectGuest<S>, GuestFault> {
        let Loaded { engine, module, .. } = &*self.loaded;
        let binding = direct::bind(module).expect("`load` bound the same imports");
        DirectGuest::new(binding, engine.settings().clone(), services)
    }
}

fn compile<T>(compiled: wasmtime::Result<T>) -> Result<T, LoadError> {
    compiled.map_err(|error| LoadError::Invalid(one_line(&error)))
}

pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    crate::last_words::one_line(&format!("{error:#}"), 512)
}

//! Compiled guests kept in a directory.
//!
//! Compiled code runs outside any sandbox, so an artifact is trusted only if this user wrote it:
//! the directory and the file belong to them and nobody else may enter or write, and the file
//! begins with the digest of the rest, so that a torn or damaged one is noticed and written anew.
//! A file is named by the digest of the guest, of Wasmtime's version and of its settings.

// JUSTIFICATION: the bench `load`: deserialising takes a hundredth of compiling.
#![allow(unsafe_code)]

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Module;
use wasmtime::component::Component;

use crate::digest::{Digest, DigestHasher};
use crate::engine::Engine;

/// The directory and what, besides the guest, names a file in it.
pub(crate) struct Cache {
    directory: PathBuf,
    environment: Digest,
}

impl Cache {
    /// Opens the directory, or makes it.
    pub(crate) fn open(directory: &Path, engine: &wasmtime::Engine) -> Result<Self, String> {
        let shown = directory.display();
        let cannot = |error: io::Error| format!("{shown}: {error}");
        if let Some(parent) = directory.parent() {
            fs::create_dir_all(parent).map_err(cannot)?;
        }
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot(error)),
            _ => Ok(()),
        }?;
        let found = fs::symlink_metadata(directory).map_err(cannot)?;
        if !found.is_dir() || !is_private(&found) {
            return Err(format!(
                "{shown}: is not a directory of this user with mode 0700, as a cache of code has \
                 to be"
            ));
        }
        let mut hasher = DigestHasher::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.write(b"wasmtime 48.0.8");
        Ok(Self { directory: directory.to_owned(), environment: hasher.digest() })
    }

    fn path(&self, source: &[u8], kind: &str) -> PathBuf {
        let mut hasher = DigestHasher::default();
        hasher.write(self.environment.raw());
        hasher.write(Digest::of(source).raw());
        self.directory.join(format!("{}.{kind}", hasher.digest()))
    }
}

/// Whether something belongs to this user and nobody else may do anything with it.
fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0
}

/// The artifact in a file that this user wrote; nothing for any that is missing or odd.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || !is_private(&metadata) {
        return None;
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content).ok()?;
    let (digest, artifact) = content.split_at_checked(Digest::SIZE)?;
    (digest == Digest::of(artifact).raw()).then(|| artifact.to_vec())
}

/// Writes an artifact so that no reader sees half of it.
fn write(path: &Path, artifact: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(Digest::of(artifact).raw())?;
            file.write_all(artifact)
        })
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

impl Engine {
    /// Compiles a component, or takes it from the cache.
    pub(crate) fn component(&self, source: &[u8]) -> wasmtime::Result<Component> {
        let engine = self.wasmtime();
        // SAFETY: `cached` passes only bytes that this user's process got from `serialize`:
        // `is_private` held for the directory and for the file, and the digest for the content.
        let revive = |artifact: &[u8]| unsafe { Component::deserialize(engine, artifact) };
        let compile = || Component::new(engine, source);
        self.cached(source, "component", revive, compile, Component::serialize)
    }

    /// Compiles a core module, or takes it from the cache.
    pub(crate) fn module(&self, source: &[u8]) -> wasmtime::Result<Module> {
        let engine = self.wasmtime();
        // SAFETY: as in `component`.
        let revive = |artifact: &[u8]| unsafe { Module::deserialize(engine, artifact) };
        let compile = || Module::new(engine, source);
        self.cached(source, "module", revive, compile, Module::serialize)
    }

    fn cached<T>(
        &self,
        source: &[u8],
        kind: &str,
        revive: impl FnOnce(&[u8]) -> wasmtime::Result<T>,
        compile: impl FnOnce() -> wasmtime::Result<T>,
        serialize: impl FnOnce(&T) -> wasmtime::Result<Vec<u8>>,
    ) -> wasmtime::Result<T> {
        let Some(cache) = self.cache() else { return compile() };
        let path = cache.path(source, kind);
        if let Some(revived) = read(&path).and_then(|artifact| revive(&artifact).ok()) {
            return Ok(revived);
        }
        let compiled = compile()?;
        // A full disk costs the next start some time, and this one nothing.
        let _ = serialize(&compiled).map(|artifact| write(&path, &artifact));
        Ok(compiled)
    }
}

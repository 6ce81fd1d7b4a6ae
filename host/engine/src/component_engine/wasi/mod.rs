//! WASI, for guests whose languages cannot do without it, with nothing granted.
//!
//! There are no files, no sockets, no environment and no arguments. Clocks and random numbers are
//! those of the transaction, so that a run that is repeated sees the same; before `init` and in
//! `describe`, where there is none, the clock stands at 0 and the numbers are the same for every
//! instance. What a guest writes to its standard streams becomes lines of its log. Nothing waits,
//! and no call of a guest reaches the operating system.
//!
//! Streams, terminals and an empty file system are those of `wasmtime-wasi`; clocks, randomness
//! and `exit` are ours. Every other interface that a component names is there and refuses, by its
//! name, once it is called ([`denied`]): runtimes of languages import much that they never call.

mod clocks;
mod denied;
mod exit;
mod io;
mod output;
mod random;

use wasmtime::component::{Component, HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::sync;
use wasmtime_wasi::p2::bindings::{
    cli, clocks as wasi_clocks, filesystem, io as wasi_io, random as wasi_random,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(super) use self::exit::Exited;
use self::io::Io;
use self::output::Output;
use super::Host;
use crate::services::{Answer, LogLevel};

/// Streams, pollables and the like that one instance may hold.
const RESOURCES_MAX: usize = 1024;

/// Whether an import is one of WASI's.
pub(crate) fn is_wasi(import: &str) -> bool {
    import.starts_with("wasi:")
}

/// What an instance has of WASI.
pub(super) struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    output: Output,
    /// Numbers drawn while there is no transaction to draw from; none: there is one.
    still: Option<u64>,
}

impl Wasi {
    pub(super) fn new() -> Self {
        let output = Output::default();
        let context = WasiCtx::builder()
            .stdout(output.stream(LogLevel::Information))
            .stderr(output.stream(LogLevel::Warning))
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Self { context, table, output, still: Some(0) }
    }

    /// From now on clocks and random numbers are those of the services.
    pub(super) fn go_live(&mut self) {
        self.still = None;
    }

    /// From now on there is no transaction.
    pub(super) fn stand_still(&mut self) {
        self.still = Some(0);
    }

    pub(super) fn forget_output(&mut self) {
        self.output.forget();
    }

    /// The lines written since the last time, with the level each is worth.
    pub(super) fn take_output(
        &mut self,
        line: impl FnMut(LogLevel, &str) -> Answer<()>,
    ) -> Answer<()> {
        self.output.take(line)
    }

    /// What was written to standard error last.
    pub(super) fn last_error_output(&self) -> Vec<u8> {
        self.output.last_errors()
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi.context, table: &mut self.wasi.table }
    }
}

struct HasIo;

impl HasData for HasIo {
    type Data<'a> = Io<'a>;
}

/// The interfaces that are linked, without their versions; all others are denied.
const LINKED: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Links what a component imports of WASI.
pub(super) fn link(linker: &mut Linker<Host>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    if !component.component_type().imports(engine).any(|(name, _)| is_wasi(name)) {
        return Ok(());
    }
    cli::environment::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, Host::cli)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, Host::filesystem)?;
    sync::filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, Host::filesystem)?;
    link_own(linker)?;
    denied::link(linker, component)
}

fn link_own(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let io: fn(&mut Host) -> Io<'_> = |host| Io(&mut host.wasi.table);
    wasi_io::error::add_to_linker::<_, HasIo>(linker, io)?;
    sync::io::poll::add_to_linker::<_, HasIo>(linker, io)?;
    sync::io::streams::add_to_linker::<_, HasIo>(linker, io)?;
    let host: fn(&mut Host) -> &mut Host = |host| host;
    cli::exit::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    wasi_clocks::monotonic_clock::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    wasi_clocks::wall_clock::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    wasi_random::random::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    wasi_random::insecure::add_to_linker::<_, HasSelf<_>>(linker, host)?;
    wasi_random::insecure_seed::add_to_linker::<_, HasSelf<_>>(linker, host)
}

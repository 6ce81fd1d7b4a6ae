//! Runs the built command, on guests that are built at most once.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The command with arguments, without input, away from the operator's cache.
pub(crate) fn host<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfos-host"));
    command.args(arguments).stdin(Stdio::null()).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// The file of a guest, `firewall` or `test/traps` for instance. The first call of a process
/// builds all guests if this one is not there.
pub(crate) fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let file = root().join("target/guests").join(name).with_extension("wasm");
    if !file.exists() {
        BUILT.get_or_init(build_guests);
    }
    assert!(file.exists(), "ci/guests.sh does not build {}", file.display());
    file
}

fn build_guests() {
    let status = Command::new("bash").arg("ci/guests.sh").current_dir(root()).status();
    assert!(status.expect("bash is there").success(), "ci/guests.sh failed");
}

/// A file of this test run with this content.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, content).expect("cargo made the directory");
    file
}

/// What a process wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

/// What a process wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("messages are text")
}

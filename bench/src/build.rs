//! Building network functions to WebAssembly when a bench starts, as `ci/guests.sh` does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the package `name` of this workspace and answers the core module it becomes.
///
/// # Panics
/// If it does not build; Cargo has then said why.
pub fn guest(name: &str) -> PathBuf {
    let target = target_directory();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ has a parent"))
        .args(["rustc", "--quiet", "--profile", "guest", "--target", "wasm32-unknown-unknown"])
        .args(["--package", name, "--lib", "--crate-type", "cdylib", "--target-dir"])
        .arg(&target)
        .status()
        .expect("Cargo, which built this bench, is there");
    assert!(built.success(), "the network function `{name}` does not build");
    target.join("wasm32-unknown-unknown/guest").join(format!("{}.wasm", name.replace('-', "_")))
}

/// Where this bench was built: it lies in `PROFILE/deps` there.
fn target_directory() -> PathBuf {
    let bench = std::env::current_exe().expect("a running program has a path");
    bench.ancestors().nth(3).expect("benches lie in the target directory").to_owned()
}

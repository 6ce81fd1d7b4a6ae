//! Building network functions to WebAssembly when a bench starts, as `ci/guests.sh` does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where guests are that need not be built.
const BUILT: &str = "NFOS_BENCH_GUESTS";

/// Builds the package `name` of this workspace and answers the core module it becomes; or answers
/// the component in the folder that the environment's `NFOS_BENCH_GUESTS` names.
///
/// # Panics
/// If it does not build; Cargo has then said why.
pub fn guest(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os(BUILT) {
        return Path::new(&folder).join(format!("{name}.wasm"));
    }
    let target = target_directory();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ has a parent");
    let home = |variable| std::env::var(variable).ok();
    let cargo_home = home("CARGO_HOME").or_else(|| home("HOME").map(|home| home + "/.cargo"));
    let names = format!(
        "--remap-path-prefix={}=.\x1f--remap-path-prefix={}=/cargo",
        root.canonicalize().unwrap_or_else(|_| root.to_owned()).display(),
        cargo_home.unwrap_or_default()
    );
    let built = Command::new(cargo)
        .current_dir(root)
        // As in the script, so that nothing is built twice.
        .env("CARGO_ENCODED_RUSTFLAGS", names)
        .args(["rustc", "--quiet", "--profile", "guest", "--target", "wasm32-unknown-unknown"])
        .args(["--package", name, "--lib", "--crate-type", "cdylib", "--target-dir"])
        .arg(&target)
        .status()
        .expect("Cargo, which built this bench, is there");
    assert!(built.success(), "the network function `{name}` does not build");
    target.join("wasm32-unknown-unknown/guest").join(format!("{}.wasm", name.replace('-', "_")))
}

/// Where this program was built: it lies in `PROFILE` or in `PROFILE/deps` there.
pub fn target_directory() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    let folder = program.parent().expect("a program lies in a folder");
    let is_deps = folder.file_name().is_some_and(|name| name == "deps");
    let above = if is_deps { 2 } else { 1 };
    folder.ancestors().nth(above).expect("programs lie in the target directory").to_owned()
}

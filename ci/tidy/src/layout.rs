//! What each crate, each network function and each script has.

use std::path::Path;

use crate::{File, Finding};

/// A crate says in a sentence what it is, and obeys the lints of all.
pub fn manifest(file: &File) -> Vec<Finding> {
    let is_crate = file.is(&["Cargo.toml"]) && file.text.contains("[package]");
    let wanted =
        [("\ndescription = \"", "no description"), ("\n[lints]\nworkspace = true", "no lints")];
    wanted
        .iter()
        .filter(|(text, _)| is_crate && !file.text.contains(text))
        .map(|(_, what)| file.finding(0, *what))
        .collect()
}

/// A network function is `lib.rs`, `README.md`, and captures that it is held to.
pub fn network_function(root: &Path, folder: &str) -> Vec<Finding> {
    ["src/lib.rs", "README.md", "golden", "tests/golden.rs"]
        .iter()
        .filter(|part| !root.join(folder).join(part).exists())
        .map(|part| File::new(folder, "").finding(0, format!("has no {part}")))
        .collect()
}

/// The folders of the network functions; those that misbehave are for tests and need no captures.
///
/// # Panics
/// If there is no folder `guests`.
pub fn network_functions(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root.join("guests")).expect("the tree has guests");
    let names = entries.flatten().filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut folders: Vec<String> =
        names.map(|entry| format!("guests/{}", entry.file_name().to_string_lossy())).collect();
    folders.sort();
    folders
}

/// A script begins alike: the interpreter, a sentence on what it does, and no way past an error.
pub fn script(file: &File) -> Vec<Finding> {
    if !file.is(&[".sh"]) {
        return Vec::new();
    }
    let is_right: [fn(&str) -> bool; 3] = [
        |line| line == "#!/usr/bin/env bash",
        |line| line.starts_with("# ") && line.ends_with(['.', ':']),
        |line| line == "set -euo pipefail",
    ];
    let mut lines = file.text.lines();
    is_right
        .iter()
        .enumerate()
        .filter(|(_, is_right)| !is_right(lines.next().unwrap_or_default()))
        .map(|(index, _)| file.finding(index + 1, "is not how a script begins"))
        .collect()
}

/// A script can be run as it is.
#[cfg(unix)]
pub fn executable(root: &Path, file: &File) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let is_script = file.is(&[".sh"]) || file.path == ".ci/run";
    let metadata = std::fs::metadata(root.join(&file.path)).ok()?;
    (is_script && metadata.permissions().mode() & 0o111 != 0o111)
        .then(|| file.finding(0, "is not executable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_without_description_or_lints_is_found() {
        let bare = File::new("x/Cargo.toml", "[package]\nname = \"x\"\n");
        assert_eq!(manifest(&bare).len(), 2);
        let whole = "[package]\ndescription = \"Is.\"\n\n[lints]\nworkspace = true\n";
        assert!(manifest(&File::new("x/Cargo.toml", whole)).is_empty());
        assert!(manifest(&File::new("Cargo.toml", "[workspace]\n")).is_empty());
    }

    #[test]
    fn a_script_that_goes_on_after_errors_is_found() {
        let right = "#!/usr/bin/env bash\n# Does it.\nset -euo pipefail\n";
        assert!(script(&File::new("a.sh", right)).is_empty());
        assert_eq!(script(&File::new("a.sh", &right.replace("-euo", "-e"))).len(), 1);
        assert_eq!(script(&File::new("a.sh", "true\n")).len(), 3);
    }

    #[test]
    fn a_network_function_without_its_files_is_found() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(network_function(here, "src").len(), 4);
        assert_eq!(network_function(here, ".").len(), 3);
    }
}

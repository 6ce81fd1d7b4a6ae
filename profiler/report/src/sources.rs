//! The network function's source.
//!
//! A profile names files as the compiler did. A network function is not trusted, so nothing is
//! opened under the name it gives: a file is one that lies in a folder the user named, found by
//! the longest end of its path.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use nfos_records::profile::Profile;

/// Larger files are not source.
const BYTES_MAX: u64 = 1 << 20;

/// Lines by the name that the profile uses.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: BTreeMap<String, Source>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its lines, the first is number 1.
    pub lines: Vec<String>,
}

impl Sources {
    /// Looks for every file of a profile.
    pub(crate) fn find(profile: &Profile, folders: &[PathBuf]) -> Self {
        let mut files = BTreeMap::new();
        for site in profile.sites.iter().filter(|site| !site.file.is_empty()) {
            if files.contains_key(&site.file) {
                continue;
            }
            if let Some(text) = folders.iter().find_map(|folder| below(folder, &site.file)) {
                let lines = text.lines().map(str::to_owned).collect();
                files.insert(site.file.clone(), Source { lines });
            }
        }
        Self { files }
    }

    /// A line, without the space around it.
    pub(crate) fn line(&self, file: &str, number: u32) -> Option<&str> {
        let source = self.files.get(file)?;
        source.lines.get(number.checked_sub(1)? as usize).map(|line| line.trim())
    }

    /// A file.
    pub(crate) fn file(&self, file: &str) -> Option<&Source> {
        self.files.get(file)
    }
}

/// The content of the file below `folder` with the longest end of `name` for its path.
fn below(folder: &Path, name: &str) -> Option<String> {
    let root = folder.canonicalize().ok()?;
    let parts: Vec<_> = Path::new(name)
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part),
            _ => None,
        })
        .collect();
    (0..parts.len()).find_map(|from| {
        let path = root.join(parts[from..].iter().collect::<PathBuf>()).canonicalize().ok()?;
        let metadata = path.metadata().ok()?;
        let fits = path.starts_with(&root) && metadata.is_file() && metadata.len() <= BYTES_MAX;
        fits.then(|| std::fs::read_to_string(path).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_records::profile::Site;

    fn find(file: &str) -> Sources {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let site = Site { file: file.to_owned(), line: 1, ..Site::default() };
        Sources::find(&Profile { sites: vec![site], ..Profile::default() }, &[folder])
    }

    #[test]
    fn a_file_is_found_by_the_end_of_its_path() {
        for name in ["/somewhere/else/src/sources.rs", "src/sources.rs"] {
            let found = find(name);
            let first = found.line(name, 1);
            assert_eq!(first, Some("//! The network function's source."), "{name}");
            assert_eq!(found.line(name, 0), None);
            assert_eq!(found.line(name, 100_000), None);
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_opened() {
        for name in ["/etc/hostname", "../../Cargo.toml/../README.md", "../records/src/run.rs"] {
            assert!(find(name).file(name).is_none(), "{name}");
        }
    }
}

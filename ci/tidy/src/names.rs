//! Words that name nothing.

use crate::{File, Finding};

/// Modules that would collect what belongs elsewhere.
const MODULES: [&str; 7] = ["utils", "util", "helper", "helpers", "common", "misc", "manager"];

/// Types that say what they do not know.
const TYPES: [&str; 3] = ["Helper", "Manager", "Utils"];

/// No file or folder has a name without meaning.
pub fn files(file: &File) -> Option<Finding> {
    let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let banned = parts.into_iter().find(|part| MODULES.contains(part))?;
    Some(file.finding(0, format!("{banned} names nothing: say what is in it")))
}

/// No type has one either.
pub fn types(file: &File) -> Vec<Finding> {
    if !file.is(&[".rs"]) {
        return Vec::new();
    }
    file.lines()
        .filter_map(|(number, line)| Some((number, type_name(line)?)))
        .filter(|(_, name)| TYPES.iter().any(|ending| name.ends_with(ending)))
        .map(|(number, name)| file.finding(number, format!("{name} names nothing")))
        .collect()
}

/// The type that is defined in this line.
fn type_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let keyword = words.next()?;
    let name = words.next()?;
    let name = name.split(|c: char| !c.is_alphanumeric()).next()?;
    ["struct", "enum", "trait", "type", "union"].contains(&keyword).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_meaning_are_found() {
        assert!(files(&File::new("host/utils/src/lib.rs", "")).is_some());
        assert!(files(&File::new("host/src/misc.rs", "")).is_some());
        assert!(files(&File::new("host/src/commonly.rs", "")).is_none());
        assert_eq!(types(&File::new("a.rs", "pub(crate) struct PortManager<T>;")).len(), 1);
        assert_eq!(types(&File::new("a.rs", "enum Helper {")).len(), 1);
        assert!(types(&File::new("a.rs", "struct Managed(u8);")).is_empty());
    }
}

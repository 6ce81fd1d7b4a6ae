//! From places in a guest's code to lines of its source.
//!
//! Wasmtime could look lines up while it takes a backtrace, and would parse the debug information
//! anew for each frame. Here a backtrace is a few positions in the file, cheap to take within a
//! transaction, and the debug information is read when somebody asks: for a profile at the end of a
//! run, and for a trap.

use std::collections::HashMap;
use std::ops::Range;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

use crate::site::{CallSite, Site, demangled, is_own, is_plumbing};

/// What a file says of where its code came from. Positions are bytes from its start.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    modules: Vec<CoreModule>,
}

/// One core module of the file.
#[derive(Debug, Default)]
struct CoreModule {
    /// The content of its code section, which addresses of its debug information begin at.
    code: Range<usize>,
    /// Where its functions end, in order, without the imported ones.
    function_ends: Vec<usize>,
    imported: u32,
    names: HashMap<u32, String>,
    /// Its sections of debug information.
    debug: HashMap<String, Vec<u8>>,
}

/// A function in the source, inlined or not, innermost first.
#[derive(Debug, Default)]
struct Frame {
    file: Option<String>,
    line: u32,
    column: u32,
    function: String,
}

impl Lines {
    /// Of a component or a core module. What cannot be read is left out: Wasmtime judges the file.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut lines = Self::default();
        // Modules lie in components, and components in components; no module in a module.
        let mut current = CoreModule::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            match payload {
                Payload::Version { encoding: wasmparser::Encoding::Module, .. } => {
                    lines.keep(std::mem::take(&mut current));
                }
                payload => current.note(&payload),
            }
        }
        lines.keep(current);
        lines
    }

    fn keep(&mut self, module: CoreModule) {
        if !module.code.is_empty() {
            self.modules.push(module);
        }
    }

    /// The places in the source of some calls.
    pub(crate) fn sites(&self, calls: &[CallSite]) -> Vec<Site> {
        let contexts: Vec<_> = self.modules.iter().map(CoreModule::context).collect();
        calls.iter().map(|call| self.site(&contexts, call)).collect()
    }

    /// The innermost place of the author's own source, and else the innermost that is not of the
    /// compiler's own library, as `file:line`.
    pub(crate) fn place(&self, call: &CallSite) -> Option<String> {
        let contexts: Vec<_> = self.modules.iter().map(CoreModule::context).collect();
        let frames: Vec<_> =
            call.positions().flat_map(|position| self.frames(&contexts, position)).collect();
        let in_file = |fits: fn(&str) -> bool| {
            frames.iter().find(|frame| frame.file.as_deref().is_some_and(fits))
        };
        let found = in_file(is_own).or_else(|| in_file(|file| !file.starts_with("/rustc/")))?;
        Some(format!("{}:{}", found.file.as_ref()?, found.line))
    }

    /// The innermost place of the author's own source. Without debug information: the innermost
    /// function that has a name. Inlined functions count as called.
    fn site(&self, contexts: &[Option<Dwarves<'_>>], call: &CallSite) -> Site {
        let mut frames = call.positions().flat_map(|position| self.frames(contexts, position));
        let own = frames.find(|frame| frame.file.as_deref().is_some_and(is_own));
        if let Some(Frame { file, line, column, function }) = own {
            return Site { file: file.unwrap_or_default(), line, column, function };
        }
        let names = || call.positions().filter_map(|position| self.name(position));
        let own = names().find(|name| !is_plumbing(name)).or_else(|| names().next());
        Site { function: own.map(demangled).unwrap_or_default(), ..Site::default() }
    }

    fn module_at(&self, position: usize) -> Option<(usize, &CoreModule)> {
        self.modules.iter().enumerate().find(|(_, module)| module.code.contains(&position))
    }

    fn name(&self, position: usize) -> Option<&str> {
        let (_, module) = self.module_at(position)?;
        let function = module.function_ends.partition_point(|end| *end <= position);
        module.names.get(&(module.imported + function as u32)).map(String::as_str)
    }

    fn frames(&self, contexts: &[Option<Dwarves<'_>>], position: usize) -> Vec<Frame> {
        let look = || {
            let (number, module) = self.module_at(position)?;
            let address = (position - module.code.start) as u64;
            let mut found =
                contexts[number].as_ref()?.find_frames(address).skip_all_loads().ok()?;
            let mut frames = Vec::new();
            while let Ok(Some(frame)) = found.next() {
                let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
                let function = name.map(|name| demangled(&name)).unwrap_or_default();
                let at = frame.location;
                frames.push(Frame {
                    file: at.as_ref().and_then(|at| at.file).map(relative),
                    line: at.as_ref().and_then(|at| at.line).unwrap_or(0),
                    column: at.as_ref().and_then(|at| at.column).unwrap_or(0),
                    function,
                });
            }
            Some(frames)
        };
        look().unwrap_or_default()
    }
}

/// A name without the folder in which everything was compiled, if that was called `.`.
fn relative(file: &str) -> String {
    file.trim_start_matches("./").to_owned()
}

/// Debug information, ready to be asked.
type Dwarves<'a> = Context<EndianSlice<'a, LittleEndian>>;

impl CoreModule {
    fn note(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::ImportSection(section) => {
                let imports = section.clone().into_imports().flatten();
                let is_function =
                    |ty: &TypeRef| matches!(ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                self.imported = imports.filter(|import| is_function(&import.ty)).count() as u32;
            }
            Payload::CodeSectionStart { range, .. } => self.code = range.clone(),
            Payload::CodeSectionEntry(body) => self.function_ends.push(body.range().end),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names.flatten() {
                        self.note_names(name);
                    }
                } else if section.name().starts_with(".debug_") {
                    self.debug.insert(section.name().to_owned(), section.data().to_vec());
                }
            }
            _ => {}
        }
    }

    fn note_names(&mut self, names: Name<'_>) {
        if let Name::Function(functions) = names {
            for naming in functions.into_iter().flatten() {
                self.names.insert(naming.index, naming.name.to_owned());
            }
        }
    }

    fn context(&self) -> Option<Dwarves<'_>> {
        let section = |id: SectionId| {
            let bytes = self.debug.get(id.name()).map_or(&[][..], Vec::as_slice);
            Ok::<_, addr2line::gimli::Error>(EndianSlice::new(bytes, LittleEndian))
        };
        self.debug.get(".debug_line")?;
        Context::from_dwarf(Dwarf::load(section).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module
        (import "m" "f" (func $imported))
        (func $outer call $imported)
        (func $nfos::structures::get call $outer call $imported))"#;

    fn position(lines: &Lines, function: usize) -> u32 {
        lines.modules[0].function_ends[function] as u32 - 1
    }

    #[test]
    fn without_debug_information_the_innermost_function_that_is_no_plumbing_counts() {
        let lines = Lines::of(&wat::parse_str(MODULE).expect("a module"));
        let [outer, plumbing] = [0, 1].map(|function| position(&lines, function));
        let site = |positions: &[u32]| lines.sites(&[CallSite::at(positions)]).remove(0);
        let named = |function: &str| Site { function: function.to_owned(), ..Site::default() };
        assert_eq!(site(&[plumbing, outer]), named("outer"));
        assert_eq!(site(&[plumbing]), named("nfos::structures::get"));
        assert_eq!(site(&[]), Site::default());
        assert_eq!(site(&[1, u32::MAX]), Site::default());
        assert_eq!(lines.place(&CallSite::at(&[outer])), None);
    }

    #[test]
    fn positions_in_a_component_are_those_in_its_file() {
        let module = wat::parse_str(MODULE).expect("a module");
        // A component of one section, that of a core module.
        let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
        assert!(module.len() < 1 << 14, "two bytes of length are enough");
        component.extend([module.len() as u8 | 0x80, (module.len() >> 7) as u8]);
        component.extend(&module);
        let alone = Lines::of(&module);
        let inside = Lines::of(&component);
        let site = |lines: &Lines| lines.sites(&[CallSite::at(&[position(lines, 0)])]);
        assert_eq!(site(&alone), site(&inside));
        assert!(position(&inside, 0) > position(&alone, 0));
    }

    #[test]
    fn a_file_that_ends_early_or_lies_is_no_matter() {
        let mut lying = wat::parse_str(MODULE).expect("a module");
        for (name, byte) in [(".debug_line", 0xff), (".debug_info", 0x7f), (".debug_abbrev", 1)] {
            lying.extend([0, 1 + name.len() as u8 + 64, name.len() as u8]);
            lying.extend(name.bytes().chain(std::iter::repeat_n(byte, 64)));
        }
        for end in 0..=lying.len() {
            let lines = Lines::of(&lying[..end]);
            let calls: Vec<_> = (0..lying.len() as u32).map(|at| CallSite::at(&[at])).collect();
            assert_eq!(lines.sites(&calls).len(), calls.len());
        }
    }
}

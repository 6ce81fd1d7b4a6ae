//! `nfos-host new`: a network function to begin with, in the language of one's choice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::terminal::{plain, print};

/// Make the project of a network function that builds and runs as it is
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Its name, and that of its folder: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    name: String,

    /// The language that it is written in
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    lang: Language,

    /// Where the SDKs are [default: the folder guest-sdk above this program]
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    C,
    Python,
    Js,
}

/// A file of a project.
struct Template {
    path: String,
    text: &'static str,
}

impl Language {
    /// The folder of its SDK, and the name of its page in `docs/languages/`.
    fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Python => "python",
            Self::Js => "js",
        }
    }

    fn source(self, module: &str) -> Template {
        let (path, text) = match self {
            Self::Rust => ("src/lib.rs".to_owned(), include_str!("../../templates/lib.rs")),
            Self::C => (format!("{module}.c"), include_str!("../../templates/nf.c")),
            Self::Python => (format!("{module}.py"), include_str!("../../templates/nf.py")),
            Self::Js => (format!("{module}.js"), include_str!("../../templates/nf.js")),
        };
        Template { path, text }
    }

    fn templates(self, module: &str) -> Vec<Template> {
        let of = |path: &str, text| Template { path: path.to_owned(), text };
        let mut templates = vec![
            self.source(module),
            of("README.md", include_str!("../../templates/README.md.txt")),
        ];
        if self == Self::Rust {
            templates.push(of("Cargo.toml", include_str!("../../templates/Cargo.toml.txt")));
            templates.push(of("build.sh", include_str!("../../templates/build-rust.txt")));
            templates.push(of(".gitignore", "/target\n*.wasm\n"));
        } else {
            templates.push(of("build.sh", include_str!("../../templates/build-sdk.txt")));
            templates.push(of(".gitignore", "*.wasm\n__pycache__/\n"));
        }
        templates
    }
}

/// # Errors
/// A name that is none, a folder that is there already, SDKs that are not: input; a file that
/// cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { name, lang, sdk } = arguments;
    check_name(name)?;
    let sdk = find_sdk(sdk.as_deref(), *lang)?;
    let folder = Path::new(name);
    if folder.exists() {
        return Err(Failure::input(format!("{name}: is there already; nothing is overwritten")));
    }
    let module = name.replace('-', "_");
    let source = lang.source(&module).path;
    for template in lang.templates(&module) {
        let text = template
            .text
            .replace("{name}", name)
            .replace("{module}", &module)
            .replace("{source}", &source)
            .replace("{language}", lang.folder())
            .replace("{sdk}", &sdk.to_string_lossy());
        write(&folder.join(&template.path), &text)?;
    }
    if *lang == Language::Rust {
        // The versions that the SDK is tested with; without them cargo would choose.
        _ = fs::copy(sdk.join("../Cargo.lock"), folder.join("Cargo.lock"));
    }
    print(&plain(&format!(
        "{name}: a network function in {name}/{source}; next: {name}/build.sh, then nfos-host run \
         --nf {name}/{name}.wasm --duration 2s"
    )))?;
    print("\n")
}

/// The rule of the contract for the names of network functions; and modules begin with a letter.
fn check_name(name: &str) -> Result<(), Failure> {
    let may_be = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(may_be);
    // Modules of the SDKs, or crates that a library cannot be called like.
    let is_taken = ["nfos", "test", "core", "std", "alloc", "wit-world", "nfos-entry"];
    match is_name && !is_taken.contains(&name) {
        true => Ok(()),
        false => Err(Failure::input(format!(
            "`{name}` is no name for a network function: lower-case letters, digits and hyphens, \
             a letter first, at most 64, and not {}",
            is_taken.join(", ")
        ))),
    }
}

/// The folder that was named, or the one above this program, or the one that it was built beside.
fn find_sdk(named: Option<&Path>, language: Language) -> Result<PathBuf, Failure> {
    let has = |folder: &Path| folder.join(language.folder()).is_dir();
    if let Some(named) = named {
        let folder = named.canonicalize().ok().filter(|folder| has(folder));
        let wanted = language.folder();
        return folder.ok_or_else(|| {
            Failure::input(format!("{}: has no folder `{wanted}` of an SDK", named.display()))
        });
    }
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|program| program.ancestors());
    let built_beside = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk"));
    above
        .map(|folder| folder.join("guest-sdk"))
        .chain([built_beside.to_owned()])
        .filter_map(|folder| folder.canonicalize().ok())
        .find(|folder| has(folder))
        .ok_or_else(|| {
            Failure::input(
                "the SDKs are not above this program; name their folder, `guest-sdk` of nfos, with \
                 --sdk",
            )
        })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("{}: cannot be written: {error}", path.display()));
    let folder = path.parent().expect("a file of a project lies in its folder");
    fs::create_dir_all(folder).map_err(cannot)?;
    fs::write(path, text).map_err(cannot)?;
    if text.starts_with("#!") {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(cannot)?;
    }
    Ok(())
}

//! Projects that `new` makes, and what it refuses. That each builds and runs is shown by
//! ci/languages.sh, which needs the toolchains.

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use support::{host, stderr, stdout};

/// An empty folder of a test.
fn empty(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("new-{name}"));
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder of temporary files is writable");
    folder
}

fn new(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = host(["new"]);
    command.args(arguments).current_dir(folder).output().expect("the command is built")
}

#[test]
fn a_project_has_a_source_and_a_script_that_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = empty("project");
    for (language, source) in
        [("rust", "src/lib.rs"), ("c", "my_nf.c"), ("python", "my_nf.py"), ("js", "my_nf.js")]
    {
        let inside = folder.join(language);
        std::fs::create_dir(&inside).expect("the folder is writable");
        let output = new(&inside, &["my-nf", "--lang", language]);
        assert!(output.status.success(), "{language}: {}", stderr(&output));
        assert!(stdout(&output).contains("my-nf/build.sh"), "{}", stdout(&output));
        let project = inside.join("my-nf");
        let text = std::fs::read_to_string(project.join(source)).expect("there is a source");
        assert!(language == "rust" || text.contains("\"my-nf\""), "{language}: {text}");
        let script = project.join("build.sh");
        let mode = script.metadata().expect("there is a script").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{language}");
        let text = std::fs::read_to_string(script).expect("the script is text");
        assert!(!text.contains("{name}") && !text.contains("{sdk}"), "{language}: {text}");
    }
}

#[test]
fn what_is_no_name_no_language_or_no_sdk_is_refused() {
    let folder = empty("refused");
    for (arguments, named) in [
        (&["My", "--lang", "c"][..], "lower-case"),
        (&["../x", "--lang", "c"], "lower-case"),
        (&["9nf", "--lang", "c"], "letter first"),
        (&["nfos", "--lang", "python"], "not nfos"),
        (&["x", "--lang", "cobol"], "python"),
        (&["x"], "--lang"),
        (&["x", "--lang", "c", "--sdk", "."], "has no folder `c`"),
    ] {
        let output = new(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(named), "{arguments:?}: {}", stderr(&output));
    }
    let left = std::fs::read_dir(&folder).expect("the folder is there").count();
    assert_eq!(left, 0, "something was made");
}

#[test]
fn what_is_there_is_not_overwritten() {
    let folder = empty("there");
    assert!(new(&folder, &["x", "--lang", "c"]).status.success());
    std::fs::write(folder.join("x/x.c"), "mine").expect("the folder is writable");
    let output = new(&folder, &["x", "--lang", "js"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("there already"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(folder.join("x/x.c")).expect("it is there"), "mine");
}

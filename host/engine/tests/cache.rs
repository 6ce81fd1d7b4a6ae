//! Compiled guests are kept where only this user can write, and believed only if whole.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nfos_engine::guest::Guest as _;
use nfos_engine::{Engine, Settings};
use support::Guest;
use support::burst::Burst;
use support::recorder::Recorder;

/// An empty directory of this test's own.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    directory
}

fn engine(cache: &Path) -> Engine {
    let cache = Some(cache.to_owned());
    Engine::new(Settings { cache, ..Settings::default() }).unwrap()
}

fn run(engine: &Engine) {
    let nf = engine.load_bytes(&Guest::default().module()).unwrap();
    let mut burst = Burst::of(1);
    nf.instantiate(Recorder::default()).unwrap().handle(&mut burst).unwrap();
    assert_eq!(burst.frame(0)[0], 1);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn modified(files: &[PathBuf]) -> Vec<std::time::SystemTime> {
    files.iter().map(|file| fs::metadata(file).unwrap().modified().unwrap()).collect()
}

#[test]
fn a_second_load_takes_what_the_first_compiled() {
    let directory = directory("second-load");
    run(&engine(&directory));
    let kept = files(&directory);
    assert_eq!(kept.len(), 2);
    for file in &kept {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let before = modified(&kept);
    run(&engine(&directory));
    assert_eq!(files(&directory), kept);
    assert_eq!(modified(&kept), before);
}

#[test]
fn damaged_files_are_compiled_anew() {
    let directory = directory("damaged");
    run(&engine(&directory));
    let kept = files(&directory);
    let whole: Vec<_> = kept.iter().map(|file| fs::read(file).unwrap()).collect();
    for damage in [
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2),
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
    ] {
        for (file, whole) in kept.iter().zip(&whole) {
            let mut bytes = whole.clone();
            damage(&mut bytes);
            fs::write(file, bytes).unwrap();
        }
        run(&engine(&directory));
        assert_eq!(files(&directory), kept);
        for (file, whole) in kept.iter().zip(&whole) {
            assert_eq!(fs::read(file).unwrap().len(), whole.len());
        }
    }
}

#[test]
fn a_file_that_others_may_read_or_write_is_not_believed() {
    let directory = directory("loose-file");
    run(&engine(&directory));
    let kept = files(&directory);
    for file in &kept {
        fs::set_permissions(file, Permissions::from_mode(0o620)).unwrap();
    }
    run(&engine(&directory));
    for file in &kept {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_directory_that_others_may_enter_is_refused_and_not_used() {
    let directory = directory("loose-directory");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    let engine = engine(&directory);
    let refusal = engine.cache_refusal().unwrap();
    assert!(refusal.ends_with("as a cache of code has to be"), "{refusal}");
    run(&engine);
    assert_eq!(files(&directory), [] as [PathBuf; 0]);
}

#[test]
fn a_cache_that_cannot_be_is_refused() {
    let refused = engine(Path::new("/dev/null/cache"));
    assert!(refused.cache_refusal().unwrap().starts_with("/dev/null/cache: "));
    run(&refused);
}

#[test]
fn no_cache_is_no_refusal() {
    assert_eq!(Engine::new(Settings::default()).unwrap().cache_refusal(), None);
}

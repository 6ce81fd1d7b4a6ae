//! After start-up a worker makes no system call of its own: in two runs that differ only in how
//! many packets they handle, its thread makes exactly as many.
//!
//! Needs `strace` and the right to trace; without either the test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{guest, host};

/// Runs the command under `strace`, one file a thread; none if there is no tracing here.
fn trace(rounds: u64) -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("system-calls-{rounds}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the traces");
    let spec = format!("synthetic:flows=512,packets=4096,repeat={rounds}");
    let nf = guest("firewall");
    let run = host(["run", "--packet-sets", "4096", "--port", &spec, "--port", &spec, "--nf"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-ff", "-o"]).arg(folder.join("thread")).arg(run.get_program());
    strace.args(run.get_args()).arg(nf);
    let output = strace.output().ok()?;
    if !output.status.success() {
        return None;
    }
    let entries = std::fs::read_dir(&folder).expect("the folder made above");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let read = |file| std::fs::read_to_string(file).expect("a trace that strace has written");
    Some(files.iter().map(read).collect())
}

/// System calls of the worker's thread, but for memory given back: that happens when it ends, as
/// often as the allocator likes, and can't happen more often than memory was taken.
fn worker_calls(threads: &[String]) -> Vec<&str> {
    let worker = threads.iter().find(|thread| thread.contains("nfos-worker-0"));
    let lines = worker.expect("the worker's thread says its name").lines();
    let calls = lines.map(|line| match line.split('(').next().unwrap_or(line) {
        "mmap" if line.contains("MAP_NORESERVE") => HEAP,
        call => call,
    });
    calls.filter(|call| *call != "munmap").collect()
}

/// Address space for the thread's heap, of which the allocator asks for more where what it got does
/// not lie on the boundary that it needs.
const HEAP: &str = "mmap of a heap";

/// Asked for when an epoch of the engine ends within a burst: so often as time goes by, and not as
/// packets come; on a machine that does other things it happens now and then.
const CPU_TIME: &str = "clock_gettime";

#[test]
fn a_worker_makes_no_system_call_after_start_up() {
    let (Some(few), Some(many)) = (trace(10), trace(200)) else {
        println!("skipped: strace is not here, or may not trace");
        return;
    };
    let (few, many) = (worker_calls(&few), worker_calls(&many));
    assert!(!few.is_empty());
    let count = |calls: &[&str], name: &str| calls.iter().filter(|call| **call == name).count();
    let others = |calls: &[&str]| -> Vec<String> {
        let are_others = calls.iter().filter(|call| !["futex", CPU_TIME, HEAP].contains(call));
        are_others.map(ToString::to_string).collect()
    };
    assert_eq!(others(&few), others(&many), "20 times the packets, other system calls");
    let more = |name| count(&many, name).saturating_sub(count(&few, name));
    // A lock that another thread holds just then, at the start or at the end, costs a call or two.
    // One call for each round of the traffic would be 190 more, one for each burst ten thousand.
    let locks = more("futex");
    assert!(locks < 16, "20 times the packets, {locks} more waits for a lock");
    let looks = more(CPU_TIME);
    assert!(looks < 64, "20 times the packets, {looks} more looks at the thread's time");
    let heaps = more(HEAP);
    assert!(heaps <= 1, "20 times the packets, {heaps} more heaps");
}

//! Histories of real threads, judged by a checker that shares no code with this project.
//!
//! The checker, `adya`, knows nothing of cells or timestamps. From what transactions appended and
//! read it infers which must have come before which, adds what it knows of real time, and looks for
//! circles. Before it is believed it has to find what is wrong with histories that are known to be.
//!
//! `NFOS_TRANSACTIONS` says how many transactions are judged in each of two workloads, `NFOS_SEED`
//! the first seed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "the figures, and how to see a failure again")]

mod known;
#[path = "../plain/mod.rs"]
mod plain;
mod record;
#[path = "../oracle/watch.rs"]
mod watch;

use adya::{Opts, Report, Valid, Workload, check};
use nfos_sync::{Bug, seeded};

use record::{Config, record};

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn judge(history: &adya::History, workload: Workload) -> Report {
    // A register's earlier values are hidden. That a run reads before it writes is so here, and
    // that each register by itself is linearizable is what a strict order would give.
    let registers = workload == Workload::RwRegister;
    let options = Opts { wfr_keys: registers, linearizable_keys: registers, ..Opts::default() };
    check(history, workload, &options)
}

/// Histories until `wanted` transactions are judged: how many were, how many failed, and what was
/// found.
fn judge_until(wanted: u64, workload: Workload) -> (u64, u64, Vec<String>) {
    let first = from_environment("NFOS_SEED", 1);
    let (mut stood, mut failed, mut found) = (0, 0, Vec::new());
    for seed in first.. {
        let shapes = [(2, 8, 4), (4, 3, 3), (8, 1, 5), (6, 16, 12)];
        let (threads, burst_max, slots) = shapes[seed as usize % shapes.len()];
        // What is found of registers takes time in the square of their transactions.
        let bursts = if workload == Workload::RwRegister { 1_500 } else { 6_000 } / threads;
        let config = Config { threads, burst_max, slots, seed, bursts, workload };
        let recorded = record(config);
        let report = judge(&recorded.history, workload);
        if report.valid != Valid::True {
            eprintln!("{config:?}: {:?}; again with NFOS_SEED={seed}", report.anomaly_types);
            for anomaly in report.anomalies.values().filter_map(|found| found.first()) {
                eprintln!("{}", anomaly.explanation);
            }
            found.extend(report.anomaly_types);
        }
        (stood, failed) = (stood + recorded.stood, failed + recorded.failed);
        let judged = stood >= wanted && seed + 1 >= first + shapes.len() as u64;
        if judged || (!found.is_empty() && !seeded(Bug::OriginalProtocol)) {
            break;
        }
    }
    eprintln!(
        "adya: {workload:?}: {stood} transactions and {failed} failed attempts judged; found: \
         {found:?}"
    );
    (stood, failed, found)
}

#[test]
fn list_histories_are_strictly_serializable_in_the_eyes_of_another() {
    let wanted = from_environment("NFOS_TRANSACTIONS", 10_000);
    let (stood, failed, found) = judge_until(wanted, Workload::ListAppend);
    assert_eq!(found, Vec::<String>::new());
    assert!(stood >= wanted && failed > 0, "{stood} stood, {failed} failed");
}

#[test]
fn register_histories_are_strictly_serializable_in_the_eyes_of_another() {
    let wanted = from_environment("NFOS_TRANSACTIONS", 10_000);
    let (stood, failed, found) = judge_until(wanted, Workload::RwRegister);
    assert_eq!(found, Vec::<String>::new());
    assert!(stood >= wanted && failed > 0, "{stood} stood, {failed} failed");
}

/// Run in a process of its own, with the protocol of the NFOS prototype in place of ours.
#[cfg(nfos_mutant)]
#[test]
#[ignore = "run by the test below"]
fn histories_of_the_original_protocol() {
    let (_, _, found) = judge_until(20_000, Workload::ListAppend);
    assert!(!found.is_empty(), "nothing was found");
}

#[cfg(nfos_mutant)]
#[test]
fn the_original_protocol_is_caught() {
    let tests = std::env::current_exe().unwrap();
    let run = std::process::Command::new(tests)
        .args(["histories_of_the_original_protocol", "--ignored", "--exact", "--nocapture"])
        .env("NFOS_MUTANT", (Bug::OriginalProtocol as u8).to_string())
        .output()
        .unwrap();
    eprintln!("{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "the checker passes the original protocol");
}

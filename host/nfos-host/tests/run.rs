//! A whole run from the outside: its summary, its signals, its configuration file.

mod support;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{file, guest, host, stderr, stdout};

/// The summary that a run printed as JSON.
fn summary(output: &std::process::Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_str(&stdout(output)).expect("--json prints one JSON value and nothing else")
}

fn assert_accounted(summary: &serde_json::Value) {
    let count = |name: &str| summary[name].as_u64().expect("counters are numbers");
    assert!(count("received") > 0, "{summary}");
    assert_eq!(
        count("received"),
        count("sent") + count("consumed") + count("dropped"),
        "{summary}"
    );
    assert_eq!(count("in_flight"), 0, "{summary}");
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("kill is there").success());
}

#[test]
fn json_is_the_summary_and_accounts_for_every_packet() {
    let arguments = ["run", "--json", "--duration", "300ms", "--cores", "2", "--nf"];
    let output = host(arguments).arg(guest("firewall")).output().expect("the command is built");
    let summary = summary(&output);
    assert_accounted(&summary);
    assert_eq!(summary["nf"], "firewall");
    assert_eq!(summary["workers"].as_array().map(Vec::len), Some(3), "two and the control loop");
}

#[test]
fn either_signal_drains_and_ends_well() {
    for name in ["INT", "TERM"] {
        let mut command = host(["run", "--json", "--duration", "10m", "--nf"]);
        command.arg(guest("firewall")).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the command is built");
        // A signal before the handlers are there would end the process, which the status shows.
        std::thread::sleep(Duration::from_secs(3));
        signal(&child, name);
        assert_accounted(&summary(&child.wait_with_output().expect("it ends")));
    }
}

#[test]
fn a_human_is_told_what_runs_and_what_came_of_it() {
    let arguments = ["run", "--duration", "1200ms", "--nf"];
    let output = host(arguments).arg(guest("firewall")).output().expect("the command is built");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("firewall on 1 worker, direct engine, "), "{text}");
    for line in ["2 synthetic ports", "  received ", "= sent ", "+ consumed ", "+ dropped "] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line:?} in\n{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("1.") && line.contains("pps")), "{text}");
    assert!(!text.contains('\x1b'), "no terminal, no control sequences: {text}");
}

#[test]
fn more_workers_than_cores_are_warned_about_and_run() {
    let arguments = ["run", "--json", "--cores", "23", "--duration", "300ms", "--nf"];
    let output = host(arguments).arg(guest("firewall")).output().expect("the command is built");
    assert_accounted(&summary(&output));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    assert_eq!(stderr(&output).starts_with("warning: --cores 23"), cores < 23);
}

#[test]
fn a_configuration_file_is_obeyed_and_the_command_line_wins() {
    let config = file("run.toml", "cores = 1\nduration = '300ms'\npacket-sets = 1000\n");
    let run = |cores: &[&str]| {
        let mut command = host(["run", "--json", "--config"]);
        command.arg(&config).args(cores).arg("--nf").arg(guest("firewall"));
        summary(&command.output().expect("the command is built"))
    };
    let from_file = run(&[]);
    assert_eq!(from_file["workers"].as_array().map(Vec::len), Some(2));
    assert_eq!(from_file["packet_sets"]["capacity"], 1000);
    assert_eq!(run(&["--cores", "3"])["workers"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_good_network_function_passes_its_check() {
    for name in ["firewall", "policer", "counter"] {
        let output =
            host(["check", "--nf"]).arg(guest(name)).output().expect("the command is built");
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{name}: {text}{}", stderr(&output));
        assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
        assert!(text.lines().any(|line| line.contains("no fault")), "{text}");
    }
}

#[test]
fn a_network_function_is_described() {
    let mut command = host(["describe", "--nf"]);
    let output = command.arg(guest("firewall")).output().expect("the command is built");
    assert!(stdout(&output).starts_with("firewall: "), "{}", stderr(&output));
    let output = command.arg("--json").output().expect("the command is built");
    assert_eq!(summary(&output)["name"], "firewall");
}

#[test]
fn a_check_that_fails_names_what_is_wrong() {
    let module = file("empty.wasm", b"\0asm\x01\0\0\0");
    let output = host(["check", "--nf"]).arg(module).output().expect("the command is built");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("wrong  contract "), "{}", stdout(&output));
}

#[test]
fn check_finds_state_that_a_handler_keeps_in_memory_of_its_own() {
    let keeps = host(["check", "--nf"]).arg(guest("test/remembers-in-memory")).output();
    let keeps = keeps.expect("the command is built");
    assert_eq!(keeps.status.code(), Some(1));
    let text = stdout(&keeps);
    let last = text.lines().last().expect("a line for each check");
    assert!(last.starts_with("wrong  memory"), "{text}");
    assert!(last.contains("orphan-packet of ") && last.contains("it answered "), "{text}");

    let right = host(["check", "--nf"]).arg(guest("firewall")).output();
    let right = right.expect("the command is built");
    assert_eq!(right.status.code(), Some(0), "{}", stdout(&right));
    assert!(stdout(&right).lines().last().is_some_and(|line| line.starts_with("ok     memory")));
}

#[test]
fn what_a_burst_has_allocated_is_forgotten_with_it() {
    for engine in ["direct", "component"] {
        // There is room for what few packets allocate; a burst that takes more runs in parts.
        let arguments = ["run", "--json", "--memory-limit", "4M", "--engine", engine];
        let traffic = ["--port", "synthetic:flows=1,packets=512,repeat=1"].repeat(2);
        let mut command = host(arguments);
        command.args(traffic).arg("--nf").arg(guest("test/forgets-to-free"));
        let summary = summary(&command.output().expect("the command is built"));
        assert_accounted(&summary);
        assert_eq!(summary["dropped"], 0, "{summary}");
    }
}

#[test]
fn either_engine_runs_it_and_describe_says_why() {
    for (engine, line) in [
        ("direct", "engine: direct (one core module that imports nothing but nfos:nf)"),
        ("component", "engine: component (asked for)"),
    ] {
        let described =
            host(["describe", "--engine", engine, "--nf"]).arg(guest("firewall")).output();
        let text = stdout(&described.expect("the command is built"));
        assert!(text.lines().any(|of_text| of_text == line), "{text}");
        let arguments = ["run", "--json", "--duration", "300ms", "--engine", engine, "--nf"];
        let output = host(arguments).arg(guest("firewall")).output().expect("the command is built");
        let summary = summary(&output);
        assert_accounted(&summary);
        assert_eq!(summary["engine"], engine);
    }
}

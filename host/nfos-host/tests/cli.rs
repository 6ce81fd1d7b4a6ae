//! Wrong usage and input: one line that names the thing, exit status 2, nothing on standard
//! output.

mod support;

use std::ffi::OsString;
use std::fs::File;
use std::process::Stdio;

use support::{file, guest, host, stderr, stdout};

/// Runs the command, expects that it is refused, and returns the line.
fn refused(arguments: &[&str]) -> String {
    let output = host(arguments).output().expect("the command is built");
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
    assert!(message.starts_with("error: "), "{arguments:?}: {message}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    message
}

fn text(path: std::path::PathBuf) -> String {
    OsString::from(path).into_string().expect("paths of this test are text")
}

#[test]
fn usage_that_is_none_is_refused_in_one_line() {
    for (arguments, named) in [
        (&[][..], "--help"),
        (&["fly"], "'fly'"),
        (&["run"], "--nf"),
        (&["describe"], "--nf"),
        (&["check"], "--nf"),
        (&["component", "in"], "<OUT>"),
        (&["run", "--nf", "x", "--colour"], "'--colour'"),
        (&["run", "--nf", "x", "--set", "novalue"], "name=value"),
        (&["run", "--nf", "x", "--duration", "soon"], "10s"),
        (&["run", "--nf", "x", "--duration", "0"], "greater than 0"),
        (&["run", "--nf", "x", "--quantum", "0ms"], "--quantum"),
        (&["run", "--nf", "x", "--packet-sets", "0"], "--packet-sets"),
        (&["run", "--nf", "x", "--memory-limit", "much"], "64M"),
        (&["run", "--nf", "x", "--seed", "-1"], "-1"),
        (&["run", "--nf", "x", "--engine", "fast"], "direct"),
    ] {
        let message = refused(arguments);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}

#[test]
fn a_number_of_cores_outside_its_range_is_refused() {
    for cores in ["0", "64", "1000000", "-1", "two", ""] {
        let message = refused(&["run", "--nf", "x", &format!("--cores={cores}")]);
        assert!(message.contains("--cores"), "{message}");
        assert!(message.contains("from 1 to 63"), "{message}");
    }
}

#[test]
fn a_bad_port_is_refused_before_anything_is_loaded() {
    for spec in ["", "token-ring:0", "pcap:", "pcap:rx", "synthetic:flows=many", "synthetic:x=1"] {
        let message = refused(&["run", "--nf", "missing.wasm", "--port", spec]);
        assert!(message.contains(&format!("port `{spec}`: ")), "{message}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    for command in ["run", "describe", "check"] {
        let message = refused(&[command, "--nf", "no/such.wasm"]);
        assert!(message.contains("no/such.wasm"), "{message}");
    }
    assert!(refused(&["component", "no/such.wasm", "out"]).contains("no/such.wasm"));
}

#[test]
fn a_file_that_is_no_wasm_is_named() {
    let junk = text(file("junk.wasm", "this is no module"));
    for command in ["run", "describe"] {
        let message = refused(&[command, "--nf", &junk]);
        assert!(message.contains(&junk), "{message}");
    }
    let out = text(file("unused.wasm", ""));
    assert!(refused(&["component", &junk, &out]).contains(&junk));
}

#[test]
fn a_bad_configuration_file_is_refused_with_the_line() {
    for (content, named) in [
        ("corse = 2\n", "`corse`"),
        ("seed = 1\ncores = 0\n", "line 2"),
        ("cores = 'two'\n", "from 1 to 63"),
        ("ports = [1]\n", "line 1"),
        ("cores = \n", "line 1"),
        ("[parameters\n", "line 1"),
        ("[unknown]\nx = 1\n", "`unknown`"),
    ] {
        let config = text(file("bad.toml", content));
        let message = refused(&["run", "--nf", "x", "--config", &config]);
        assert!(message.contains(&config) && message.contains(named), "{content:?}: {message}");
    }
    let message = refused(&["run", "--nf", "x", "--config", "no/such.toml"]);
    assert!(message.contains("no/such.toml"), "{message}");
}

#[test]
fn a_parameter_that_the_network_function_lacks_or_cannot_take_is_refused() {
    let firewall = text(guest("firewall"));
    for command in ["run", "describe", "check"] {
        let message = refused(&[command, "--nf", &firewall, "--set", "no_such_thing=1"]);
        assert!(message.contains("no parameter \"no_such_thing\""), "{message}");
    }
    let config = text(file("parameters.toml", "[parameters]\nno_such_thing = 1\n"));
    let message = refused(&["run", "--nf", &firewall, "--config", &config]);
    assert!(message.contains("no parameter \"no_such_thing\""), "{message}");
}

#[test]
fn a_capture_that_cannot_be_used_is_named() {
    let firewall = text(guest("firewall"));
    let junk = text(file("junk.pcap", "this is no capture"));
    let empty = text(file(
        "empty.pcap",
        b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
    ));
    for capture in ["no/such.pcap", &junk, &empty] {
        let port = format!("pcap:rx={capture}");
        let message =
            refused(&["run", "--nf", &firewall, "--port", &port, "--port", "pcap:tx=/dev/null"]);
        assert!(message.contains(capture), "{message}");
    }
}

#[test]
fn fewer_ports_than_the_network_function_needs_are_refused() {
    let firewall = text(guest("firewall"));
    let message = refused(&["run", "--nf", &firewall, "--port", "synthetic:"]);
    assert!(message.contains("2 ports or more"), "{message}");
}

#[test]
fn what_an_operator_writes_cannot_steer_the_terminal() {
    let message = refused(&["run", "--nf", "\x1b[2J\nno.wasm"]);
    assert!(!message.trim_end().contains(char::is_control), "{message:?}");
}

#[test]
fn help_and_version_are_output() {
    for (argument, named) in [("--help", "Exit status"), ("--version", "nfos-host ")] {
        let output = host([argument]).output().expect("the command is built");
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(named));
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn a_reader_who_has_gone_is_no_failure() {
    let (reader, writer) = std::io::pipe().expect("pipes are there");
    drop(reader);
    let output = host(["run", "--help"]).stdout(writer).output().expect("the command is built");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = host(["--help"]).stdout(Stdio::from(full)).output().expect("the command is built");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: the output cannot be written"));
}

#[test]
fn check_tells_whether_packet_sets_suit_a_card() {
    let checked = |nf: &str, card: &str| {
        let output = host(["check", "--nic", card, "--nf"]).arg(guest(nf)).output();
        let output = output.expect("the command is built");
        (output.status.code(), stdout(&output), stderr(&output))
    };
    let (status, found, _) = checked("firewall", "x710");
    assert_eq!(status, Some(0), "{found}");
    let line =
        "ok     nic          port 1: x710 spreads packets: ipv4-tcp, ipv4-udp, symmetric key";
    assert!(found.contains(line), "{found}");

    let (status, found, why) = checked("bridge", "E810");
    assert_eq!(status, Some(1), "{found}");
    assert!(found.contains("wrong  nic          port 0: "), "{found}");
    assert!(why.contains("steered in software"), "{why}");

    let message = refused(&["check", "--nf", &text(guest("firewall")), "--nic", "X999"]);
    assert!(message.contains("write E810, ConnectX-5, ConnectX-6, X710 or dpdk:DEVARGS"));
}

//! The command: files that are written and read back, and words that it refuses.

use std::path::Path;
use std::process::{Command, Output};

use nfos_netio::capture::Reader;

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nfos-traffic"));
    command.args(arguments).output().expect("the command is there")
}

/// Times and lengths of a capture.
fn read(path: &Path) -> Vec<(u64, usize)> {
    let mut reader = Reader::open(path).expect("a capture");
    let mut packets = Vec::new();
    while let Some(record) = reader.read().expect("a whole capture") {
        packets.push((record.timestamp_ns, record.bytes.len()));
    }
    packets
}

#[test]
fn each_port_gets_a_file_and_time_is_shared() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile-of-the-command");
    let out = folder.display().to_string();
    let output = run(&["hostile", "--out", &out, "--packets", "5000"]);
    assert!(output.status.success(), "{output:?}");
    let mut all = Vec::new();
    for port in 0..2 {
        let packets = read(&folder.join(format!("hostile.{port}.pcap")));
        assert!(packets.len() > 2_000);
        all.extend(packets);
    }
    all.sort_unstable();
    assert_eq!(all.len(), 5_000);
    assert!(all.iter().any(|(_, length)| *length == 0), "a frame without bytes");
    assert!(all.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1_000));
}

#[test]
fn what_it_cannot_do_is_refused_in_a_line() {
    for (arguments, right) in [
        (vec!["caida", "--exponent", "1"], "the workload caida takes no --exponent"),
        (vec!["caida", "--size", "63"], "--size should be bytes from 64 to 9018, or imix"),
        (vec!["cida"], "there is no workload `cida`; there are caida, agh"),
        (vec!["flows=0"], "there is no workload `flows=0`"),
    ] {
        let output = run(&[&arguments[..], &["--out", "nowhere/it/is/x.pcap"]].concat());
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(right), "{said}");
    }
    assert!(!Path::new("nowhere").exists());
}

//! Histories whose faults are known, and some that have none: what the checker is worth.

use adya::{History, Valid, Workload};

use crate::judge;

/// A history line by line: process, whether it ends, the transaction.
fn history(lines: &[(u32, &str, &str)]) -> History {
    let line = |&(process, kind, value): &(u32, &str, &str)| {
        format!("{{\"type\":\"{kind}\",\"process\":{process},\"value\":{value}}}\n")
    };
    History::from_json(&lines.iter().map(line).collect::<String>()).unwrap()
}

/// What the checker calls each of these.
fn found(lines: &[(u32, &str, &str)]) -> Vec<String> {
    let report = judge(&history(lines), Workload::ListAppend);
    assert_eq!(report.valid == Valid::True, report.anomaly_types.is_empty());
    report.anomaly_types
}

#[test]
fn write_skew_is_found() {
    let (left, right) = (
        r#"[["r","x",[]],["r","y",[]],["append","x",1]]"#,
        r#"[["r","x",[]],["r","y",[]],["append","y",1]]"#,
    );
    let read = r#"[["r","x",[1]],["r","y",[1]]]"#;
    let lines = [
        (0, "invoke", left),
        (1, "invoke", right),
        (0, "ok", left),
        (1, "ok", right),
        (0, "invoke", read),
        (0, "ok", read),
    ];
    assert_eq!(found(&lines), ["G2-item"]);
}

#[test]
fn a_read_only_anomaly_is_found() {
    // Two writers, of which the second read before the first wrote; a reader sees the first's write
    // and not the second's, which came before it.
    let first = r#"[["append","x",1]]"#;
    let second = r#"[["r","x",[]],["append","y",1]]"#;
    let reader = r#"[["r","x",[1]],["r","y",[]]]"#;
    let last = r#"[["r","x",[1]],["r","y",[1]]]"#;
    let lines = [
        (0, "invoke", first),
        (1, "invoke", second),
        (2, "invoke", reader),
        (0, "ok", first),
        (2, "ok", reader),
        (1, "ok", second),
        (0, "invoke", last),
        (0, "ok", last),
    ];
    assert_eq!(found(&lines), ["G2-item"]);
}

#[test]
fn half_a_commit_is_found() {
    let commit = r#"[["append","x",1],["append","y",1]]"#;
    let reader = r#"[["r","x",[1]],["r","y",[]]]"#;
    let last = r#"[["r","y",[1]]]"#;
    let lines = [
        (0, "invoke", commit),
        (1, "invoke", reader),
        (1, "ok", reader),
        (0, "ok", commit),
        (0, "invoke", last),
        (0, "ok", last),
    ];
    assert_eq!(found(&lines), ["G-single-item"]);
}

#[test]
fn a_lost_update_is_found() {
    let each = |value: u32| format!("[[\"r\",\"x\",[]],[\"append\",\"x\",{value}]]");
    let (first, second) = (each(1), each(2));
    let last = r#"[["r","x",[2]]]"#;
    let lines = [
        (0, "invoke", &first[..]),
        (1, "invoke", &second),
        (0, "ok", &first),
        (1, "ok", &second),
        (0, "invoke", last),
        (0, "ok", last),
    ];
    assert!(!found(&lines).is_empty());
}

#[test]
fn a_read_of_what_failed_is_found() {
    let failed = r#"[["append","x",1]]"#;
    let reader = r#"[["r","x",[1]]]"#;
    let lines =
        [(0, "invoke", failed), (1, "invoke", reader), (0, "fail", failed), (1, "ok", reader)];
    assert!(found(&lines).contains(&"G1a".to_string()));
}

#[test]
fn a_read_that_comes_late_and_sees_what_was_is_found() {
    let writer = r#"[["append","x",1]]"#;
    let (late, last) = (r#"[["r","x",[]]]"#, r#"[["r","x",[1]]]"#);
    let lines = [
        (0, "invoke", writer),
        (0, "ok", writer),
        (1, "invoke", late),
        (1, "ok", late),
        (1, "invoke", last),
        (1, "ok", last),
    ];
    assert_eq!(found(&lines), ["G-single-item-realtime"]);
}

#[test]
fn a_history_in_order_is_passed() {
    let (writer, reader) =
        (r#"[["append","x",1],["append","y",1]]"#, r#"[["r","x",[1]],["r","y",[1]]]"#);
    let lines =
        [(0, "invoke", writer), (1, "invoke", reader), (0, "ok", writer), (1, "ok", reader)];
    assert_eq!(found(&lines), Vec::<String>::new());
}

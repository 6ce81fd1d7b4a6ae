//! The page `docs/conflicts.md`, made of the table.

use std::fmt::Write;

use super::text::{Particulars, Setting};
use super::{CAUSES, Cause, OPERATIONS, Operation, StructureKind, Subject};

const HEAD: &str = "\
# Conflicts

Generated from the table in `host/state/src/rules/table.rs`; a test fails when it is out of date.

An event runs again only if it **writes**, and something that it **observed** was changed by a
commit in between. So a pair has an observing operation on the left and a changing one above, and
either never conflicts (`–`) or has a cause. Operations that observe nothing never run again,
whatever others do, and an event that only reads never does.

Operations on different elements, keys or leases never conflict either, nor do those on different
structures: the tables are about the same one. Where an observation still holds, of a lease that is
live and refreshed for instance, or of a key that is there and overwritten, nothing runs again: a
cell names the cause that it has when it does not hold any more. A map looks an absent key up again
when its bucket has changed; if it is still absent, that is counted as *avoided*.
";

/// The whole page.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for (kind, title) in [
        (StructureKind::Vector, "Vector"),
        (StructureKind::Map, "Map"),
        (StructureKind::Allocator, "Allocator"),
        (StructureKind::Distributed, "Distributed object"),
    ] {
        let _ = write!(page, "\n## {title}\n\n");
        matrix(&mut page, kind);
    }
    page.push_str(
        "\n## Causes and recipes\n\n| id | what happened | what relaxes it |\n|---|---|---|\n",
    );
    let of = Particulars { object: "the structure", ..Particulars::default() };
    for cause in CAUSES {
        let (told, advised) = (cause.told(&of, &()), cause.advised(&of, &()));
        let _ = writeln!(page, "| {} | {told} | {advised} |", cause.id());
    }
    page.push_str(
        "\nA report puts the structure's name, the element, key or lease and the other worker into \
         these\ntexts, and behind a setting the parameter that the network function says sets it, \
         with its value\nand another one to try: `#[relaxes(…)]` in the Rust SDK, \
         `parameter.relaxes` in the contract.\n\n| setting | causes whose recipe changes it \
         |\n|---|---|\n",
    );
    for setting in [
        Setting::Capacity,
        Setting::Duration,
        Setting::RefreshInterval,
        Setting::Staleness,
        Setting::WriteInterval,
        Setting::Method,
    ] {
        let changes = |cause: &&Cause| cause.levers().iter().any(|l| l.setting == setting);
        let ids: Vec<_> = CAUSES.iter().filter(changes).map(|cause| cause.id()).collect();
        let _ = writeln!(page, "| `{}` | {} |", setting.name(), ids.join(", "));
    }
    page
}

fn matrix(page: &mut String, kind: StructureKind) {
    let of_kind = || OPERATIONS.iter().filter(move |operation| operation.structure == kind);
    let changing: Vec<_> = of_kind().filter(|operation| !operation.changes.is_empty()).collect();
    page.push_str("| observes, below; changes, right |");
    for operation in &changing {
        let _ = write!(page, " {} |", operation.name);
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(changing.len()));
    page.push('\n');
    for operation in of_kind() {
        let _ = write!(page, "| {}{} |", operation.name, subject(operation));
        for other in &changing {
            let ids: Vec<_> = operation.conflicts_with(other).map(Cause::id).collect();
            let _ = match ids.as_slice() {
                [] => write!(page, " – |"),
                ids => write!(page, " {} |", ids.join(", ")),
            };
        }
        page.push('\n');
    }
}

fn subject(operation: &Operation) -> &'static str {
    match operation.observes.first().map(|observer| observer.subject()) {
        Some(Subject::Whole) => " (all of it)",
        _ => "",
    }
}

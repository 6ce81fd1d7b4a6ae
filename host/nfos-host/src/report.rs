//! The summary at the end of a run, as a human reads it.
//!
//! Its first table is the account of all packets: received = sent + consumed + dropped.

use std::fmt::Write as _;

use nfos_records::{DropCount, PortCounters, Summary};

use crate::numbers::{bytes, counted, grouped, percent, rate, span};
use crate::terminal::{Style, plain};
use crate::view::runs;

/// Why the account of a run is not in order; a fault of the host.
pub(crate) fn unaccounted(summary: &Summary) -> Option<String> {
    let Summary { received, sent, consumed, dropped, in_flight, .. } = *summary;
    let by_reason: u64 = summary.drops.iter().map(|drop| drop.packets).sum();
    if received != sent + consumed + dropped + in_flight {
        Some(format!(
            "the account does not add up: {received} received, but {sent} sent + {consumed} \
             consumed + {dropped} dropped + {in_flight} inside"
        ))
    } else if in_flight > 0 {
        Some(format!("{} stayed inside at the end", counted(in_flight, "packet")))
    } else if by_reason != dropped {
        Some(format!("the account does not add up: {dropped} dropped, but {by_reason} by reason"))
    } else {
        None
    }
}

/// The whole report; ends with a newline.
pub(crate) fn report(summary: &Summary, style: Style) -> String {
    let mut lines = vec![heading(summary, style)];
    lines.extend(packets(summary));
    lines.extend(frames(summary));
    lines.extend(summary.ports.iter().enumerate().map(|(number, port)| port_line(number, port)));
    lines.push(packet_sets(summary));
    lines.extend(steering(summary));
    lines.push(aborts(summary));
    lines.extend(causes(summary, style));
    lines.extend(faults(summary, style));
    lines.extend(events(summary));
    lines.push(String::new());
    lines.join("\n")
}

fn heading(summary: &Summary, style: Style) -> String {
    let workers = summary.workers.len().saturating_sub(1) as u64;
    let mut text = format!(
        "{}: {} on {}",
        style.strong(&plain(&summary.nf)),
        span(summary.elapsed_ns),
        counted(workers, "worker")
    );
    if let Some(ns) = summary.trace_ns {
        let _ = write!(text, ", {} of trace", span(ns));
    }
    let _ = write!(text, ", {}", rate(summary.received, summary.elapsed_ns));
    text
}

fn packets(summary: &Summary) -> Vec<String> {
    let row = |what: &str, packets| format!("{what:<14}{:>20}", grouped(packets));
    let mut lines = vec![
        row("  received", summary.received),
        row("= sent", summary.sent),
        row("+ consumed", summary.consumed),
        row("+ dropped", summary.dropped),
    ];
    if summary.in_flight > 0 {
        lines.push(row("+ inside", summary.in_flight));
    }
    lines.extend(summary.drops.iter().map(reason_line));
    lines
}

fn reason_line(drop: &DropCount) -> String {
    let by = if drop.by_nf { "network function" } else { "host" };
    format!("{:>34}  {} ({by})", grouped(drop.packets), plain(&drop.reason))
}

fn frames(summary: &Summary) -> Vec<String> {
    let frames = &summary.frames;
    let made = [("copies", frames.copies), ("generated", frames.generated)]
        .map(
            |(what, count)| {
                if count > 0 { format!(" + {} {what}", grouped(count)) } else { String::new() }
            },
        )
        .concat();
    let refused = match frames.refused {
        0 => String::new(),
        refused => format!(" + {} refused", grouped(refused)),
    };
    let total = format!(
        "frames: {} forwarded{made} = {} transmitted{refused}",
        grouped(frames.forwarded),
        grouped(frames.transmitted)
    );
    std::iter::once(total).chain(frames.refusals.iter().map(reason_line)).collect()
}

fn port_line(number: usize, port: &PortCounters) -> String {
    let lost = [("missed", port.missed), ("refused", port.refused)]
        .map(|(what, count)| match count {
            0 => String::new(),
            count => format!(", {what} {}", grouped(count)),
        })
        .concat();
    let losses = port.losses.iter().map(|loss| format!("{} {}", loss.reason, grouped(loss.frames)));
    let why = match losses.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        losses => format!(" (lost: {losses})"),
    };
    format!(
        "port {number}: in {} ({}), out {} ({}){lost}{why}  {}",
        grouped(port.received),
        bytes(port.received_bytes),
        grouped(port.transmitted),
        bytes(port.transmitted_bytes),
        plain(&port.spec)
    )
}

fn packet_sets(summary: &Summary) -> String {
    let sets = &summary.packet_sets;
    let refused = match sets.refused {
        0 => String::new(),
        refused => format!(", {} refused", grouped(refused)),
    };
    format!(
        "packet sets: {} registered, {} expired{refused}, {} live of {}",
        grouped(sets.registered),
        grouped(sets.expired),
        grouped(sets.live),
        grouped(sets.capacity)
    )
}

fn steering(summary: &Summary) -> Option<String> {
    let moved = &summary.steering;
    (moved.moves > 0).then(|| {
        format!(
            "steering: {} moved to other workers in {}, {} kept back meanwhile",
            counted(moved.packet_sets, "packet set"),
            counted(moved.moves, "move"),
            counted(moved.packets_kept_back, "packet"),
        )
    })
}

fn aborts(summary: &Summary) -> String {
    let aborts = summary.workers.iter().map(|worker| worker.aborts).sum();
    let all = summary.workers.iter().map(runs).sum();
    let longest = summary.workers.iter().map(|worker| worker.runs_per_event_max).max();
    match (aborts, longest) {
        (0, _) => "aborts: none".to_owned(),
        (_, longest) => format!(
            "aborts: {}, {} of all runs; no event ran more than {}",
            grouped(aborts),
            percent(aborts, all),
            counted(longest.unwrap_or(0), "time")
        ),
    }
}

fn causes(summary: &Summary, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for cause in &summary.causes {
        let text =
            format!("{} on {}: {}", plain(&cause.id), plain(&cause.object), plain(&cause.cause));
        lines.push(format!("{:>20}  {}", grouped(cause.aborts), style.notice(&text)));
        if !cause.recipe.is_empty() {
            lines.push(format!("{:>20}  recipe: {}", "", plain(&cause.recipe)));
        }
    }
    lines
}

fn faults(summary: &Summary, style: Style) -> Option<String> {
    let faults: u64 = summary.workers.iter().map(|worker| worker.faults).sum();
    let replaced = summary.workers.iter().map(|worker| worker.instances_replaced).sum();
    (faults > 0).then(|| {
        let text = format!(
            "faults: {} of the network function, {} replaced",
            grouped(faults),
            counted(replaced, "instance")
        );
        style.alarm(&text)
    })
}

fn events(summary: &Summary) -> Vec<String> {
    let line = |event: &nfos_records::EventCount| {
        let count = counted(event.count, "time");
        format!("event {}: {count}, last value {}", plain(&event.name), grouped(event.last_value))
    };
    summary.events.iter().filter(|event| event.count > 0).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_records::{
        CauseCount, EventCount, FrameCounters, LossCount, SetCounters, SteeringCounters,
        WorkerCounters,
    };

    fn summary() -> Summary {
        Summary {
            nf: "firewall".to_owned(),
            engine: "direct".to_owned(),
            elapsed_ns: 2_000_000_000,
            trace_ns: Some(20_000_000),
            received: 1_000_000,
            sent: 998_000,
            consumed: 500,
            dropped: 1_500,
            drops: vec![
                DropCount { reason: "no_session".to_owned(), by_nf: true, packets: 1_400 },
                DropCount { reason: "guest_trap".to_owned(), by_nf: false, packets: 100 },
            ],
            frames: FrameCounters {
                forwarded: 998_000,
                copies: 2,
                generated: 3,
                transmitted: 998_004,
                refused: 1,
                refusals: vec![DropCount {
                    reason: "no_such_port".to_owned(),
                    by_nf: false,
                    packets: 1,
                }],
            },
            ports: vec![PortCounters {
                spec: "memory:a".to_owned(),
                received: 1_000_000,
                received_bytes: 64_000_000,
                transmitted: 998_004,
                transmitted_bytes: 512,
                refused: 1,
                missed: 2,
                losses: vec![LossCount { reason: "full".to_owned(), frames: 2 }],
            }],
            workers: vec![
                WorkerCounters {
                    events: 999_000,
                    aborts: 1_000,
                    faults: 100,
                    instances_replaced: 1,
                    runs_per_event_max: 3,
                    ..WorkerCounters::default()
                },
                WorkerCounters::default(),
            ],
            packet_sets: SetCounters {
                capacity: 65_536,
                live: 10,
                registered: 1_234,
                expired: 1_224,
                refused: 7,
            },
            steering: moved(),
            causes: vec![CauseCount {
                id: "V1".to_owned(),
                object: "counters".to_owned(),
                cause: "a read met a write".to_owned(),
                recipe: "use add".to_owned(),
                relaxed_by: Vec::new(),
                aborts: 1_000,
            }],
            events: vec![
                EventCount { name: "blocked".to_owned(), count: 2, last_value: 1_000 },
                EventCount { name: "never".to_owned(), ..EventCount::default() },
            ],
            ..Summary::default()
        }
    }

    fn moved() -> SteeringCounters {
        SteeringCounters { moves: 2, entries: 12, packet_sets: 345, packets_kept_back: 1 }
    }

    #[test]
    fn the_whole_report() {
        assert_eq!(
            report(&summary(), Style::PLAIN),
            "\
firewall: 2.0 s on 1 worker, 20 ms of trace, 500.00 kpps
  received               1,000,000
= sent                     998,000
+ consumed                     500
+ dropped                    1,500
                             1,400  no_session (network function)
                               100  guest_trap (host)
frames: 998,000 forwarded + 2 copies + 3 generated = 998,004 transmitted + 1 refused
                                 1  no_such_port (host)
port 0: in 1,000,000 (61.04 MiB), out 998,004 (512 B), missed 2, refused 1 (lost: full 2)  memory:a
packet sets: 1,234 registered, 1,224 expired, 7 refused, 10 live of 65,536
steering: 345 packet sets moved to other workers in 2 moves, 1 packet kept back meanwhile
aborts: 1,000, <0.1 % of all runs; no event ran more than 3 times
               1,000  V1 on counters: a read met a write
                      recipe: use add
faults: 100 of the network function, 1 instance replaced
event blocked: 2 times, last value 1,000
"
        );
    }

    #[test]
    fn a_quiet_run_reports_no_more_than_it_has() {
        let quiet = Summary { nf: "counter".to_owned(), ..Summary::default() };
        let text = report(&quiet, Style::PLAIN);
        assert!(text.contains("aborts: none"));
        assert!(!text.contains("faults") && !text.contains("refused") && !text.contains("inside"));
    }

    #[test]
    fn an_account_that_does_not_add_up_is_told() {
        let mut summary = summary();
        assert_eq!(unaccounted(&summary), None);
        summary.in_flight = 1;
        assert!(unaccounted(&summary).unwrap().contains("does not add up"));
        summary.received += 1;
        assert_eq!(unaccounted(&summary).unwrap(), "1 packet stayed inside at the end");
        summary.in_flight = 0;
        summary.received -= 1;
        summary.drops.pop();
        assert!(unaccounted(&summary).unwrap().contains("1400 by reason"));
    }

    #[test]
    fn a_guest_cannot_forge_lines() {
        let mut summary = summary();
        summary.drops[0].reason = "x\n= sent 5".to_owned();
        summary.events[0].name = "\x1b[1A".to_owned();
        let lines = report(&summary, Style::PLAIN);
        assert_eq!(lines.lines().count(), 17);
        assert!(!lines.contains('\x1b'));
    }
}

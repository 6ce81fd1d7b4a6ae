//! What a run looks like while it goes on: a page that is refreshed in place, or one line.
//!
//! Both are made from two summaries, the newest and the one before: rates, burst sizes and busy
//! shares are those of the time between them, counts are since the start.

use nfos_records::{Summary, WorkerCounters};

use crate::numbers::{counted, grouped, percent, rate, span};
use crate::terminal::{Style, plain};

/// More workers than this are shown as their busiest, median and least busy.
const WORKER_ROWS_MAX: usize = 8;
/// Drop reasons shown; a page has to fit a small terminal.
const DROP_ROWS_MAX: usize = 5;

/// The page: at most 20 lines, none of which has a control character but those of `style`.
pub(crate) fn page(now: &Summary, before: &Summary, style: Style) -> Vec<String> {
    let mut lines = vec![heading(now, style), totals(now, before), String::new()];
    lines.extend(worker_rows(now, before, style));
    lines.extend(drop_rows(now, style));
    lines.extend(top_cause(now, style));
    lines
}

/// One line for a stream that is not a terminal.
pub(crate) fn line(now: &Summary, before: &Summary) -> String {
    format!(
        "{}  {}  received {}  sent {}  consumed {}  dropped {}  aborts {}  sets {}",
        span(now.elapsed_ns),
        rate(now.received.saturating_sub(before.received), between(now, before)),
        grouped(now.received),
        grouped(now.sent),
        grouped(now.consumed),
        grouped(now.dropped),
        grouped(now.workers.iter().map(|worker| worker.aborts).sum()),
        grouped(now.packet_sets.live),
    )
}

fn between(now: &Summary, before: &Summary) -> u64 {
    now.elapsed_ns.saturating_sub(before.elapsed_ns)
}

fn heading(now: &Summary, style: Style) -> String {
    let workers = now.workers.len().saturating_sub(1) as u64;
    let trace = now.trace_ns.map_or_else(String::new, |ns| format!(", {} of trace", span(ns)));
    let name = style.strong(&plain(&now.nf));
    let engine = plain(&now.engine);
    format!(
        "{name}  {}, {engine} engine, {}{trace}",
        counted(workers, "worker"),
        span(now.elapsed_ns)
    )
}

fn totals(now: &Summary, before: &Summary) -> String {
    format!(
        "{}  received {}  sent {}  consumed {}  dropped {}",
        rate(now.received.saturating_sub(before.received), between(now, before)),
        grouped(now.received),
        grouped(now.sent),
        grouped(now.consumed),
        grouped(now.dropped),
    )
}

/// What one worker did between two summaries, and what it has by now.
struct Row {
    name: String,
    packets: u64,
    runs: u64,
    bursts: u64,
    busy_ns: u64,
    aborts: u64,
    packet_sets: u64,
}

impl Row {
    fn new(name: String, now: &WorkerCounters, before: &WorkerCounters) -> Self {
        Self {
            name,
            packets: now.packets.saturating_sub(before.packets),
            runs: runs(now).saturating_sub(runs(before)),
            bursts: now.bursts.saturating_sub(before.bursts),
            busy_ns: now.busy_ns.saturating_sub(before.busy_ns),
            aborts: now.aborts,
            packet_sets: now.packet_sets,
        }
    }

    fn text(&self, span_ns: u64) -> String {
        format!(
            "{:>9}  {:>12}  {:>6.1}  {:>12}  {:>12}  {:>8}",
            self.name,
            rate(self.packets, span_ns),
            self.runs as f64 / self.bursts.max(1) as f64,
            grouped(self.aborts),
            grouped(self.packet_sets),
            percent(self.busy_ns.min(span_ns), span_ns),
        )
    }
}

/// Events run, whether or not the run stood.
pub(crate) fn runs(worker: &WorkerCounters) -> u64 {
    worker.events + worker.aborts + worker.faults
}

fn worker_rows(now: &Summary, before: &Summary, style: Style) -> Vec<String> {
    let Some(workers) = now.workers.len().checked_sub(1) else { return Vec::new() };
    let idle = WorkerCounters::default();
    let row = |index: usize, name: String| {
        Row::new(name, &now.workers[index], before.workers.get(index).unwrap_or(&idle))
    };
    let mut rows: Vec<Row> = (0..workers).map(|index| row(index, index.to_string())).collect();
    if workers > WORKER_ROWS_MAX {
        rows = spread(rows);
    }
    rows.push(row(workers, "control".to_owned()));
    let head = format!(
        "{:>9}  {:>12}  {:>6}  {:>12}  {:>12}  {:>8}",
        "worker", "rate", "burst", "aborts", "packet sets", "busy"
    );
    let span_ns = between(now, before);
    std::iter::once(style.strong(&head)).chain(rows.iter().map(|row| row.text(span_ns))).collect()
}

/// The worker with the most packets, the one in the middle and the one with the fewest.
fn spread(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.packets));
    let picks = [(0, "most"), (rows.len() / 2, "median"), (rows.len() - 1, "least")];
    let pick = |(index, which): (usize, &str)| {
        let row = &rows[index];
        Row { name: format!("{which} {}", row.name), ..*row }
    };
    picks.map(pick).into()
}

fn drop_rows(now: &Summary, style: Style) -> Vec<String> {
    if now.drops.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), style.strong("drops")];
    for drop in now.drops.iter().take(DROP_ROWS_MAX) {
        let reason = plain(&drop.reason);
        let by = if drop.by_nf { "network function" } else { "host" };
        lines.push(format!("{:>20}  {reason} ({by})", grouped(drop.packets)));
    }
    let rest: u64 = now.drops.iter().skip(DROP_ROWS_MAX).map(|drop| drop.packets).sum();
    if rest > 0 {
        lines.push(format!("{:>20}  other reasons", grouped(rest)));
    }
    lines
}

fn top_cause(now: &Summary, style: Style) -> Vec<String> {
    let Some(top) = now.causes.first() else { return Vec::new() };
    let total = now.causes.iter().map(|cause| cause.aborts).sum();
    let head = format!(
        "{} of {}: {} on {}: {}",
        percent(top.aborts, total),
        counted(total, "abort"),
        plain(&top.id),
        plain(&top.object),
        plain(&top.cause)
    );
    let mut lines = vec![String::new(), style.notice(&head)];
    if !top.recipe.is_empty() {
        lines.push(format!("recipe: {}", plain(&top.recipe)));
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nfos_records::{CauseCount, DropCount};

    fn worker(packets: u64) -> WorkerCounters {
        WorkerCounters {
            packets,
            events: packets,
            bursts: packets / 20,
            aborts: packets / 1_000,
            packet_sets: 2_048,
            busy_ns: 450_000_000,
            ..WorkerCounters::default()
        }
    }

    fn summary(workers: usize) -> Summary {
        Summary {
            nf: "firewall".to_owned(),
            engine: "direct".to_owned(),
            elapsed_ns: 500_000_000,
            received: 6_000_000,
            sent: 5_900_000,
            consumed: 1_000,
            dropped: 99_000,
            drops: vec![
                DropCount { reason: "no_session".to_owned(), by_nf: true, packets: 98_000 },
                DropCount { reason: "guest_trap".to_owned(), by_nf: false, packets: 1_000 },
            ],
            workers: (0..workers)
                .map(|index| worker(3_000_000 + 1_000 * index as u64))
                .chain([WorkerCounters::default()])
                .collect(),
            causes: vec![CauseCount {
                id: "V1".to_owned(),
                object: "counters".to_owned(),
                cause: "a read met a write".to_owned(),
                recipe: "use add".to_owned(),
                relaxed_by: Vec::new(),
                aborts: 6_000,
            }],
            ..Summary::default()
        }
    }

    #[test]
    fn the_page_of_two_workers() {
        let page = page(&summary(2), &Summary::default(), Style::PLAIN).join("\n");
        assert_eq!(
            page,
            "\
firewall  2 workers, direct engine, 500 ms
12.00 Mpps  received 6,000,000  sent 5,900,000  consumed 1,000  dropped 99,000

   worker          rate   burst        aborts   packet sets      busy
        0     6.00 Mpps    20.0         3,000         2,048    90.0 %
        1     6.00 Mpps    20.0         3,001         2,048    90.0 %
  control         0 pps     0.0             0             0     0.0 %

drops
              98,000  no_session (network function)
               1,000  guest_trap (host)

100.0 % of 6,000 aborts: V1 on counters: a read met a write
recipe: use add"
        );
    }

    #[test]
    fn a_page_never_outgrows_a_small_terminal() {
        for workers in [1, 2, 8, 9, 23, 63] {
            let mut now = summary(workers);
            now.drops = vec![now.drops[0].clone(); 40];
            now.causes = vec![now.causes[0].clone(); 40];
            assert!(page(&now, &Summary::default(), Style::PLAIN).len() <= 24, "{workers}");
        }
    }

    #[test]
    fn many_workers_are_shown_by_their_extremes() {
        let page = page(&summary(23), &Summary::default(), Style::PLAIN).join("\n");
        for row in [" most 22 ", "median 11 ", "least 0 ", "control "] {
            assert!(page.contains(row), "{row:?} in\n{page}");
        }
    }

    #[test]
    fn rates_are_those_of_the_time_between() {
        let before = summary(2);
        let mut now = before.clone();
        now.elapsed_ns += 1_000_000_000;
        now.received += 3;
        assert!(
            line(&now, &before).starts_with("1.5 s  3 pps  received 6,000,003  sent 5,900,000")
        );
    }

    #[test]
    fn a_guest_cannot_steer_the_terminal() {
        let mut now = summary(2);
        now.nf = "\x1b[2Jevil".to_owned();
        now.drops[0].reason = "a\nb".to_owned();
        now.causes[0].object = "\u{9b}31m".to_owned();
        now.causes[0].recipe = "\x07".to_owned();
        for line in page(&now, &Summary::default(), Style::PLAIN) {
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

//! The report for a terminal.

use nfos_records::ParameterAdvice;

use crate::load::Heavy;
use crate::numbers::{counted, grouped, percent, rate, span};
use crate::report::{Cause, Pair, Report, Side};

/// Pairs of one cause, lines of one side, places and lines of source that are shown.
const PAIRS_MAX: usize = 3;
const PLACES_MAX: usize = 4;
const LINES_MAX: usize = 12;
const REMARKS_MAX: usize = 8;
/// Causes below this share are told in one line.
const MINOR_PERCENT: f64 = 1.0;

/// The whole report.
pub(crate) fn text(report: &Report) -> String {
    let mut lines = heading(report);
    let minor = |cause: &&Cause| cause.percent < MINOR_PERCENT;
    for (rank, cause) in report.causes.iter().filter(|cause| !minor(cause)).enumerate() {
        lines.push(String::new());
        lines.extend(cause_lines(rank + 1, cause));
    }
    for cause in report.causes.iter().filter(minor) {
        let Cause { id, object, conflicts, .. } = cause;
        lines.push(format!("   below 1 %: {id} on {object}, {}", grouped(*conflicts)));
    }
    lines.extend(rest(report));
    lines.extend(source_lines(report));
    lines.extend(remark_lines(report));
    lines.extend(handler_lines(report));
    lines.extend(worker_lines(report));
    lines.extend(method_lines(report));
    lines.push(String::new());
    lines.join("\n")
}

fn heading(report: &Report) -> Vec<String> {
    let workers = counted(report.workers.len() as u64, "worker");
    let mut lines = vec![format!(
        "{}: {workers}, {} engine, {}, {} packets, {}",
        report.nf,
        report.engine,
        span(report.elapsed_ns),
        grouped(report.received),
        rate(report.per_second)
    )];
    if !report.parameters.is_empty() {
        lines.push(format!("parameters: {}", report.parameters.join(", ")));
    }
    lines.push(match report.aborts {
        0 => "no run of an event was thrown away: nothing to relax".to_owned(),
        aborts => format!(
            "{} of {} runs of events were thrown away and repeated: {}, {} of the workers' time",
            grouped(aborts),
            grouped(report.runs),
            percent(report.aborts_percent),
            percent(report.wasted_percent)
        ),
    });
    lines
}

fn cause_lines(rank: usize, cause: &Cause) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{rank}. {} of conflicts ({}), {} of the time wasted: {} on {} ({})",
            percent(cause.percent),
            grouped(cause.conflicts),
            percent(cause.wasted_percent),
            cause.id,
            cause.object,
            cause.object_kind
        ),
        format!("   {}", cause.text),
    ];
    let shown = cause.pairs.len().min(PAIRS_MAX);
    lines.extend(cause.pairs[..shown].iter().flat_map(|pair| pair_lines(cause, pair, shown > 1)));
    if cause.pairs.len() > PAIRS_MAX {
        lines.push(format!("   and {} more pairs", cause.pairs.len() - PAIRS_MAX));
    }
    if !cause.places.is_empty() && cause.places[0].place != "unknown" {
        let places = cause.places.iter().take(PLACES_MAX);
        let places: Vec<_> =
            places.map(|place| format!("{} {}", place.place, percent(place.percent))).collect();
        lines.push(format!("   where      {}", places.join(", ")));
    }
    lines.push(format!("   recipe     {}", cause.recipe));
    for advice in &cause.relaxed_by {
        if let Some(suggested) = &advice.suggested {
            let ParameterAdvice { name, current, .. } = advice;
            lines.push(format!("   try        --set {name}={suggested}"));
            lines.push(format!(
                "   foresee    nfos-host simulate --nf FILE --what-if {name}={current},{suggested}"
            ));
        }
    }
    lines
}

fn pair_lines(cause: &Cause, pair: &Pair, with_share: bool) -> Vec<String> {
    let share = if with_share { format!("{}: ", percent(pair.percent)) } else { String::new() };
    let mut lines = side_lines("run again", &pair.observer, &share);
    match &pair.mutator {
        Some(mutator) => lines.extend(side_lines("because", mutator, "")),
        None => lines.push(format!("   because    {}", cause.without_mutator())),
    }
    lines
}

fn side_lines(role: &str, side: &Side, share: &str) -> Vec<String> {
    let mut lines = vec![format!("   {role:<10} {share}{} in {}", side.operation, side.handler)];
    for at in side.lines.iter().take(PAIRS_MAX) {
        let part =
            if side.lines.len() > 1 { format!("{} ", percent(at.percent)) } else { String::new() };
        lines.push(format!("              {part}{}", at.place()));
        if let Some(source) = &at.source {
            lines.push(format!("                  {source}"));
        }
    }
    lines
}

fn rest(report: &Report) -> Option<String> {
    (report.conflicts_rest > 0).then(|| {
        let rest = grouped(report.conflicts_rest);
        format!("   rest: {rest} conflicts of kinds for which there was no room")
    })
}

fn source_lines(report: &Report) -> Vec<String> {
    if report.lines.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "lines         run again     in the way".to_owned()];
    for line in report.lines.iter().take(LINES_MAX) {
        lines.push(format!(
            "  {:>20}  {:>13}  {}",
            grouped(line.observed.round() as u64),
            grouped(line.changed.round() as u64),
            line.at.place()
        ));
    }
    if report.unattributed > 0 {
        let unknown = grouped(report.unattributed);
        lines.push(format!("  {unknown:>20}  {:>13}  of unknown lines", ""));
    }
    lines
}

fn remark_lines(report: &Report) -> Vec<String> {
    if report.remarks.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "slower, though nothing ran again for it".to_owned()];
    for remark in report.remarks.iter().take(REMARKS_MAX) {
        lines.push(format!("  {:>20}  {}", grouped(remark.times), remark.text));
        if !remark.recipe.is_empty() {
            lines.push(format!("  {:>20}  recipe: {}", "", remark.recipe));
        }
    }
    lines
}

fn handler_lines(report: &Report) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.push(format!(
        "{:<20}{:>14}{:>12}  {:>9} {:>9} {:>9} {:>9}",
        "handler", "stood", "run again", "p50", "p99", "p99.9", "longest"
    ));
    for handler in &report.handlers {
        let mut row =
            |name: &str, times: &nfos_records::profile::Histogram, counts: [String; 2]| {
                lines.push(format!(
                    "{name:<20}{:>14}{:>12}  {:>9} {:>9} {:>9} {:>9}",
                    counts[0],
                    counts[1],
                    span(times.p50_ns),
                    span(times.p99_ns),
                    span(times.p999_ns),
                    span(times.max_ns)
                ));
            };
        row(&handler.name, &handler.time, [grouped(handler.commits), grouped(handler.retries)]);
        if let Some(latency) = &handler.latency {
            row("  since arrival", latency, Default::default());
        }
    }
    lines
}

fn worker_lines(report: &Report) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.push(format!(
        "{:<10}{:>14}{:>9}{:>12}{:>10}{:>10}{:>8}",
        "worker", "packets", "share", "busy", "wasted", "aborts", "burst"
    ));
    for (number, worker) in report.workers.iter().enumerate() {
        lines.push(format!(
            "{number:<10}{:>14}{:>9}{:>12}{:>10}{:>10}{:>8.1}",
            grouped(worker.packets),
            percent(worker.percent),
            span(worker.busy_ns),
            span(worker.wasted_ns),
            grouped(worker.aborts),
            worker.burst
        ));
    }
    if let Some(recipe) = &report.imbalance_recipe {
        let imbalance = report.imbalance;
        lines.push(format!("the busiest worker has {imbalance:.1} times the mean: {recipe}"));
    }
    if !report.heaviest.is_empty() {
        lines.extend([String::new(), "heaviest packet sets".to_owned()]);
    }
    for Heavy { worker, set, key, of_worker_percent, percent: of_all } in &report.heaviest {
        lines.push(format!(
            "  {:>20}  {} of worker {worker}'s packets: {set}: {key}",
            percent(*of_all),
            percent(*of_worker_percent)
        ));
    }
    lines
}

fn method_lines(report: &Report) -> Vec<String> {
    let method = &report.method;
    let mut lines = vec![
        String::new(),
        format!(
            "conflicts are counted one by one; {} say where, {} were looked up",
            counted(method.samples, "sample"),
            counted(method.sites_captured, "call site")
        ),
    ];
    if !report.has_lines && report.conflicts > 0 {
        lines.push(
            "no lines: build the network function with debug = \"line-tables-only\" (Python and \
             JavaScript have none)"
                .to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::sources::Sources;

    #[test]
    fn a_cause_is_told_with_pair_place_and_recipe() {
        let report = Report::new(&example::profile(), &Sources::default());
        let text = text(&report);
        for line in [
            "quota: 2 workers, direct engine, 1.00 s, 9,000 packets, 9.00 kpps",
            "1,000 of 10,000 runs of events were thrown away and repeated: 10.0 %, 15.0 % of the \
             workers' time",
            "1. 60.0 % of conflicts (60), 40.0 % of the time wasted: M1 on flows (hash-map)",
            "   run again  get in packet",
            "   because    set in packet",
            "   where      key 0a000001 60.0 %, key 0a000002 20.0 %",
            "   recipe     set less often (`update_interval_ms`, now 0: try 1000)",
            "   try        --set update_interval_ms=1000",
            "   foresee    nfos-host simulate --nf FILE --what-if update_interval_ms=0,1000",
            "   rest: 10 conflicts of kinds for which there was no room",
            "                    77  a commit waited for a cell of flows",
            "                44.4 %  50.0 % of worker 0's packets: flow: from 10.0.0.1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} in\n{text}");
        }
    }

    #[test]
    fn a_network_function_cannot_forge_lines() {
        let mut profile = example::profile();
        profile.function.name = "x\n\x1b[2Jy".to_owned();
        profile.conflicts[0].text = "a\nb".to_owned();
        profile.sites[0].function = "f\r".to_owned();
        let text = text(&Report::new(&profile, &Sources::default()));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.contains("a\nb"));
    }

    #[test]
    fn a_quiet_run_says_that_there_is_nothing_to_relax() {
        let quiet = nfos_records::profile::Profile::default();
        assert!(text(&Report::new(&quiet, &Sources::default())).contains("nothing to relax"));
    }
}

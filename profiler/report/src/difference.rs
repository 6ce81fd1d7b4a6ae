//! What a change between two runs did.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nfos_records::profile::Profile;

use crate::numbers::{grouped, percent, plain, rate, share, span};
use crate::report::Report;

/// A report and the profile it was made of.
type Run<'a> = (&'a Report, &'a Profile);

/// The whole comparison; ends with a newline.
pub(crate) fn difference(before: Run<'_>, after: Run<'_>) -> String {
    let mut text = String::new();
    for line in heading(before, after) {
        let _ = writeln!(text, "{line}");
    }
    let (old, new) = (before.0, after.0);
    let mut row = |name: &str, old: String, new: String, change: String| {
        let _ = writeln!(text, "{name:<28}{old:>14}{new:>14}{change:>12}");
    };
    row("", "before".into(), "after".into(), "change".into());
    let rates = (old.per_second, new.per_second);
    row("throughput", rate(rates.0), rate(rates.1), times(rates.0, rates.1));
    let aborts = (old.aborts_percent, new.aborts_percent);
    row("runs repeated", percent(aborts.0), percent(aborts.1), points(aborts.0, aborts.1));
    let wasted = (old.wasted_percent, new.wasted_percent);
    row("time lost to that", percent(wasted.0), percent(wasted.1), points(wasted.0, wasted.1));
    let (a, b) = (old.imbalance, new.imbalance);
    row("busiest worker / mean", format!("{a:.2}"), format!("{b:.2}"), times(a, b));
    row("behind the gate", grouped(old.gate_entries), grouped(new.gate_entries), String::new());
    for (name, old, new) in latencies(old, new) {
        row(&format!("{name}, 99 %"), span(old), span(new), times(old as f64, new as f64));
    }
    text.push_str(&causes(old, new));
    text
}

fn heading((_, before): Run<'_>, (_, after): Run<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let (old, new) = (&before.function, &after.function);
    if old.name != new.name {
        lines.push(format!("two network functions: {} and {}", plain(&old.name), plain(&new.name)));
    } else if old.digest != new.digest {
        lines.push(format!("{}, built anew in between", plain(&new.name)));
    } else {
        lines.push(plain(&new.name));
    }
    let workers = |profile: &Profile| profile.summary.workers.len().saturating_sub(1);
    if workers(before) != workers(after) {
        lines.push(format!("workers: {} → {}", workers(before), workers(after)));
    }
    for parameter in &new.parameters {
        let was = old.parameters.iter().find(|known| known.name == parameter.name);
        if let Some(was) = was.filter(|was| was.value != parameter.value) {
            let change = format!("{}: {} → {}", parameter.name, was.value, parameter.value);
            lines.push(plain(&change));
        }
    }
    lines
}

fn times(old: f64, new: f64) -> String {
    if old > 0.0 { format!("{:.2} ×", new / old) } else { String::new() }
}

fn points(old: f64, new: f64) -> String {
    format!("{:+.1} pt", new - old)
}

/// Handlers that both have, with their 99th percentiles: since arrival if both know that.
fn latencies(old: &Report, new: &Report) -> Vec<(String, u64, u64)> {
    let of_both = old.handlers.iter().filter_map(|old| {
        let new = new.handlers.iter().find(|new| new.name == old.name)?;
        Some(match (&old.latency, &new.latency) {
            (Some(before), Some(after)) => (old.name.clone(), before.p99_ns, after.p99_ns),
            _ => (old.name.clone(), old.time.p99_ns, new.time.p99_ns),
        })
    });
    of_both.collect()
}

/// Conflicts for a million events that stood, by cause: runs differ in length.
fn causes(old: &Report, new: &Report) -> String {
    let mut both = BTreeMap::<(&str, &str), (f64, f64)>::new();
    let each = |report: &Report, count: u64| {
        share(count as f64, report.runs.saturating_sub(report.aborts) as f64) * 10_000.0
    };
    for cause in &old.causes {
        both.entry((&cause.id, &cause.object)).or_default().0 = each(old, cause.conflicts);
    }
    for cause in &new.causes {
        both.entry((&cause.id, &cause.object)).or_default().1 = each(new, cause.conflicts);
    }
    if both.is_empty() {
        return "no conflicts before or after\n".to_owned();
    }
    let mut rows: Vec<_> = both.into_iter().collect();
    rows.sort_by(|a, b| (b.1.0.max(b.1.1)).total_cmp(&a.1.0.max(a.1.1)));
    let mut text = "\nconflicts in a million events\n".to_owned();
    for ((id, object), (old, new)) in rows {
        let name = format!("{id} on {object}");
        let change = match (old, new) {
            (_, 0.0) => "gone".to_owned(),
            (0.0, _) => "new".to_owned(),
            (old, new) => times(old, new),
        };
        let (old, new) = (grouped(old.round() as u64), grouped(new.round() as u64));
        let _ = writeln!(text, "{name:<28}{old:>14}{new:>14}{change:>12}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::sources::Sources;
    use nfos_records::profile::Parameter;

    #[test]
    fn what_a_parameter_did_is_told() {
        let with = |value: &str| {
            let mut profile = example::profile();
            let parameter =
                Parameter { name: "interval".into(), value: value.into(), ..Parameter::default() };
            profile.function.parameters = vec![parameter];
            profile
        };
        let (before, mut after) = (with("0"), with("1000"));
        after.conflicts.remove(0);
        after.summary.received *= 2;
        let reports = [&before, &after].map(|profile| Report::new(profile, &Sources::default()));
        let text = difference((&reports[0], &before), (&reports[1], &after));
        assert!(text.starts_with("quota\ninterval: 0 → 1000\n"), "{text}");
        let row = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(row("throughput"), "throughput 9.00 kpps 18.0 kpps 2.00 ×");
        assert_eq!(row("M1 on flows"), "M1 on flows 6,667 0 gone");
        assert_eq!(row("M3 on flows"), "M3 on flows 3,333 3,333 1.00 ×");
    }
}

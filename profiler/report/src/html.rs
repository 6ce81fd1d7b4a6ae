//! The report as one page: everything is in the file, and nothing is fetched or run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nfos_records::ParameterAdvice;

use crate::charts::{Bar, bars, course, escaped, percentiles};
use crate::load::Heavy;
use crate::numbers::{counted, grouped, percent, rate, span};
use crate::report::{Cause, Line, Pair, Point, Report, Side};
use crate::sources::Sources;

/// Pairs of one cause that are shown at once, and causes.
const PAIRS_MAX: usize = 3;
const CAUSES_MAX: usize = 12;
/// Places of one cause.
const PLACES_MAX: usize = 6;
/// Remarks beside the causes.
const REMARKS_MAX: usize = 8;
/// Lines of source around a hot one.
const AROUND: usize = 5;

/// The page.
pub(crate) fn page(report: &Report, sources: &Sources) -> String {
    let workers = counted(report.workers.len() as u64, "worker");
    let title = format!("{} on {workers}", escaped(&report.nf));
    let mut body = String::new();
    body.push_str(&heading(report));
    body.push_str(&causes(report));
    body.push_str(&heat(report, sources));
    body.push_str(&remarks(report));
    body.push_str(&over_time(report));
    body.push_str(&load(report));
    body.push_str(&times(report));
    body.push_str(&attempts(report));
    body.push_str(&structures(report));
    body.push_str(&method(report));
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}: profile</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{body}\
         </main>\n</body>\n</html>\n",
        include_str!("page.css")
    )
}

fn heading(report: &Report) -> String {
    let workers = counted(report.workers.len() as u64, "worker");
    let parameters = match report.parameters.as_slice() {
        [] => "all parameters at their defaults".to_owned(),
        changed => format!("with <code>{}</code>", escaped(&changed.join(" "))),
    };
    let figure = |name: &str, value: String| {
        format!("<div class=card><b>{value}</b><span class=soft>{name}</span></div>")
    };
    format!(
        "<h1>{}</h1>\n<p class=soft>{workers}, {} engine, {}, {parameters}</p>\n\
         <p class=verdict>{}</p>\n<div class=figures>{}{}{}{}</div>\n",
        escaped(&report.nf),
        escaped(&report.engine),
        span(report.elapsed_ns),
        verdict(report),
        figure("packets a second", rate(report.per_second)),
        figure("of all runs were repeated", percent(report.aborts_percent)),
        figure("of the workers' time was lost to that", percent(report.wasted_percent)),
        figure("busiest worker over the mean", format!("{:.2} ×", report.imbalance)),
    )
}

/// In words for someone who has never heard of transactions.
fn verdict(report: &Report) -> String {
    let Some(top) = report.causes.first() else {
        if report.imbalance_recipe.is_some() {
            return format!(
                "No two packets got into each other's way, but one worker had {:.1} times as many \
                 as there are for each: see what is said of the workers.",
                report.imbalance
            );
        }
        return "No two packets got into each other's way: nothing here keeps this network \
                function from using more cores."
            .to_owned();
    };
    let share = match report.aborts_percent {
        share if share < 1.0 => "Few packets had",
        share if share < 10.0 => "Some packets had",
        _ => "Many packets had",
    };
    format!(
        "{share} to be handled again, because another worker changed what they had read. {} of \
         the time it was about <b>{}</b>: {}.",
        percent(top.percent),
        escaped(&top.object),
        marked(&top.text)
    )
}

fn causes(report: &Report) -> String {
    if report.causes.is_empty() {
        return String::new();
    }
    let mut html = "<h2>Why packets were handled again, and what to change</h2>\n".to_owned();
    for (rank, cause) in report.causes.iter().take(CAUSES_MAX).enumerate() {
        html.push_str(&cause_card(rank + 1, cause));
    }
    let more = report.causes.len().saturating_sub(CAUSES_MAX);
    let more: Vec<_> = report.causes[report.causes.len() - more..].iter().collect();
    if !more.is_empty() {
        let sum: u64 = more.iter().map(|cause| cause.conflicts).sum();
        let _ = writeln!(html, "<p class=soft>{} more causes: {}</p>", more.len(), grouped(sum));
    }
    if report.conflicts_rest > 0 {
        let rest = grouped(report.conflicts_rest);
        let _ =
            writeln!(html, "<p class=soft>Rest: {rest} of kinds for which there was no room</p>");
    }
    html
}

fn cause_card(rank: usize, cause: &Cause) -> String {
    let mut html = format!(
        "<section class=\"card cause\"><header><span class=share>{}</span><div><h3>{rank}. {}</h3>\
         <p class=soft>{} on {} <b>{}</b>, {} times, {} of the time lost</p></div></header>\
         <div class=meter><i style=\"width:{:.1}%\"></i></div>",
        percent(cause.percent),
        marked(&cause.text),
        escaped(&cause.id),
        escaped(&cause.object_kind),
        escaped(&cause.object),
        grouped(cause.conflicts),
        percent(cause.wasted_percent),
        cause.percent
    );
    let shown = cause.pairs.len().min(PAIRS_MAX);
    for pair in &cause.pairs[..shown] {
        html.push_str(&pair_of_sides(cause, pair, cause.pairs.len() > 1));
    }
    let hidden = &cause.pairs[shown..];
    if !hidden.is_empty() {
        let _ = write!(html, "<details><summary>{} more pairs</summary>", hidden.len());
        hidden.iter().for_each(|pair| html.push_str(&pair_of_sides(cause, pair, true)));
        html.push_str("</details>");
    }
    html.push_str(&places(cause));
    let _ = write!(html, "<div class=recipe><b>What to do:</b> {}", marked(&cause.recipe));
    for advice in &cause.relaxed_by {
        if let Some(suggested) = &advice.suggested {
            let set = escaped(&format!("--set {}={suggested}", advice.name));
            let ParameterAdvice { name, current, .. } = advice;
            let foresee = escaped(&format!("--what-if {name}={current},{suggested}"));
            let _ = write!(
                html,
                "<br>Run it with <code>{set}</code>, or foresee it on other numbers of cores: \
                 <code>nfos-host simulate --nf FILE {foresee}</code>"
            );
        }
    }
    html.push_str("</div></section>\n");
    html
}

/// Names between back quotes as code.
fn marked(text: &str) -> String {
    let parts = text.split('`').map(escaped).enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part })
        .collect()
}

fn pair_of_sides(cause: &Cause, pair: &Pair, with_share: bool) -> String {
    let share = match with_share {
        true => format!("<p class=soft>{} of these</p>", percent(pair.percent)),
        false => String::new(),
    };
    let other = match &pair.mutator {
        Some(mutator) => side("What was in its way", mutator),
        None => format!(
            "<div class=side><h4>What was in its way</h4><p>{}</p></div>",
            cause.without_mutator()
        ),
    };
    format!(
        "{share}<div class=sides>{}{other}</div>",
        side("What was handled again", &pair.observer)
    )
}

fn side(role: &str, side: &Side) -> String {
    let mut html = format!(
        "<div class=side><h4>{role}</h4><p><code>{}</code> in <code>{}</code></p>",
        escaped(&side.operation),
        escaped(&side.handler)
    );
    for at in side.lines.iter().take(PAIRS_MAX) {
        let part = match side.lines.len() {
            1 => String::new(),
            _ => format!("{} ", percent(at.percent)),
        };
        let _ = write!(html, "<div class=\"soft place\">{part}{}</div>", escaped(&at.place()));
        if let Some(source) = &at.source {
            let _ = write!(html, "<pre>{}</pre>", escaped(source));
        }
    }
    html.push_str("</div>");
    html
}

fn places(cause: &Cause) -> String {
    let known: Vec<_> = cause.places.iter().filter(|place| place.place != "unknown").collect();
    let Some(hottest) = known.first() else { return String::new() };
    let rows: String = known
        .iter()
        .take(PLACES_MAX)
        .map(|place| {
            format!(
                "<li><span class=mono>{}</span><span>{}</span><i style=\"width:{:.1}%\"></i></li>",
                escaped(&place.place),
                percent(place.percent),
                100.0 * place.percent / hottest.percent.max(0.001)
            )
        })
        .collect();
    format!("<h4>Where in <b>{}</b></h4><ul class=places>{rows}</ul>", escaped(&cause.object))
}

/// The network function's source, each line as warm as it is in the way.
fn heat(report: &Report, sources: &Sources) -> String {
    let mut by_file = BTreeMap::<&str, Vec<&Line>>::new();
    for line in report.lines.iter().filter(|line| line.at.line > 0) {
        by_file.entry(&line.full_name).or_default().push(line);
    }
    let mut html = String::new();
    let hottest = report.lines.iter().map(Line::weight).fold(1.0, f64::max);
    for (name, lines) in &by_file {
        let Some(source) = sources.file(name) else { continue };
        let _ = write!(html, "<div class=card><h3 class=mono>{}</h3>", escaped(&lines[0].at.file));
        html.push_str(&listing(&source.lines, lines, hottest));
        html.push_str("</div>\n");
    }
    if by_file.is_empty() {
        return match report.conflicts {
            0 => String::new(),
            _ => "<h2>Source</h2><p>The network function was built without line tables: build it \
                  with <code>debug = \"line-tables-only\"</code> to see the lines. (What is \
                  written in Python or JavaScript has none.)</p>\n"
                .to_owned(),
        };
    }
    let unfound: Vec<_> = by_file.keys().filter(|name| sources.file(name).is_none()).collect();
    if !unfound.is_empty() {
        html.push_str("<p class=soft>Not found below the folders of <code>--source</code>: ");
        let names: Vec<_> = unfound.iter().map(|name| escaped(name)).collect();
        let _ = writeln!(html, "{}</p>", names.join(", "));
    }
    format!(
        "<h2>The lines</h2>\n<p class=soft>How often a line was handled again (↻) or was in the \
         way of another (→).</p>\n{html}"
    )
}

fn listing(source: &[String], lines: &[&Line], hottest: f64) -> String {
    let mut html = "<pre class=source>".to_owned();
    let mut last = 0;
    let near =
        |number: usize| lines.iter().any(|line| (line.at.line as usize).abs_diff(number) <= AROUND);
    for (at, text) in source.iter().enumerate().filter(|(at, _)| near(at + 1)) {
        let number = at + 1;
        if number > last + 1 {
            html.push_str("<div class=gap>⋮</div>");
        }
        last = number;
        let here = || lines.iter().filter(move |line| line.at.line as usize == number);
        let (observed, changed): (f64, f64) =
            (here().map(|line| line.observed).sum(), here().map(|line| line.changed).sum());
        let count = match (observed.round() as u64, changed.round() as u64) {
            (0, 0) => String::new(),
            (0, changed) => format!("→ {}", grouped(changed)),
            (observed, _) => format!("↻ {}", grouped(observed)),
        };
        let heat = ((observed + changed) / hottest).sqrt().min(1.0) * 0.45;
        let class = match heat {
            0.0 => String::new(),
            heat => format!(" class=hot style=\"--h:{heat:.2}\""),
        };
        let _ = write!(
            html,
            "<div{class} title=\"{}\"><span class=n>{count}</span><span>{number}</span>{}</div>",
            title(observed, changed),
            escaped(text)
        );
    }
    html.push_str("</pre>");
    html
}

fn title(observed: f64, changed: f64) -> String {
    match observed + changed {
        0.0 => String::new(),
        _ => format!(
            "handled again {} times, in the way {} times",
            grouped(observed.round() as u64),
            grouped(changed.round() as u64)
        ),
    }
}

/// What made nothing run again and still took time.
fn remarks(report: &Report) -> String {
    if report.remarks.is_empty() {
        return String::new();
    }
    let mut table = "<div class=wide><table><tr><th>what happened<th>how often</tr>".to_owned();
    for remark in report.remarks.iter().take(REMARKS_MAX) {
        let recipe = match remark.recipe.as_str() {
            "" => String::new(),
            recipe => format!("<br><span class=soft>What to do: {}</span>", marked(recipe)),
        };
        let (text, times) = (marked(&remark.text), grouped(remark.times));
        let _ = write!(table, "<tr><td>{text}{recipe}<td>{times}</tr>");
    }
    format!(
        "<h2>What took time though nothing was handled again</h2>\n<div class=card>{table}\
         </table></div></div>\n"
    )
}

fn over_time(report: &Report) -> String {
    let points = |of: fn(&Point) -> f64| -> Vec<(u64, f64)> {
        // A stretch cut short by the end of the run says little.
        let longest = report.course.iter().map(|point| point.span_ns).max().unwrap_or(0);
        let whole = report.course.iter().filter(|point| point.span_ns * 2 >= longest);
        whole.map(|point| (point.start_ns + point.span_ns / 2, of(point))).collect()
    };
    let charts = [
        (
            "Packets a second",
            course("Packets a second", &points(|p| p.per_second), "packets", &rate),
        ),
        (
            "Runs that were repeated",
            course("Runs that were repeated", &points(|p| p.aborts_percent), "again", &percent),
        ),
        (
            "Events handled in one go",
            course("Events handled in one go", &points(|p| p.burst), "time", &|v| {
                format!("{v:.1}")
            }),
        ),
        (
            "Packets waiting when workers looked",
            course(
                "Packets waiting when workers looked",
                &points(|p| p.queue as f64),
                "time",
                &|v| format!("{v:.0}"),
            ),
        ),
    ];
    let drawn = charts.iter().filter(|(_, svg)| !svg.is_empty());
    let cards: String =
        drawn.map(|(name, svg)| format!("<div class=card><h4>{name}</h4>{svg}</div>")).collect();
    if cards.is_empty() {
        return String::new();
    }
    format!("<h2>Over time</h2>\n<div class=two>{cards}</div>\n")
}

fn load(report: &Report) -> String {
    let busy = |of: u64| of as f64;
    let rows: Vec<_> = report
        .workers
        .iter()
        .enumerate()
        .map(|(number, worker)| Bar {
            name: number.to_string(),
            label: format!("{} packets", grouped(worker.packets)),
            parts: vec![
                (
                    "packets",
                    busy(worker.busy_ns.saturating_sub(worker.wasted_ns)),
                    format!(
                        "{} on runs that stood",
                        span(worker.busy_ns - worker.wasted_ns.min(worker.busy_ns))
                    ),
                ),
                (
                    "again",
                    busy(worker.wasted_ns),
                    format!("{} on repeated runs", span(worker.wasted_ns)),
                ),
            ],
        })
        .collect();
    let recipe = report.imbalance_recipe.as_ref().map_or_else(String::new, |recipe| {
        format!(
            "<div class=recipe><b>What to do:</b> the busiest worker has {:.1} times the mean: \
             {}</div>",
            report.imbalance,
            escaped(recipe)
        )
    });
    let heaviest = heaviest(report);
    format!(
        "<h2>Workers</h2>\n<div class=card><h4>Time <i class=\"key packets\"></i>on runs that \
         stood <i class=\"key again\"></i>on runs that were repeated</h4>{}{recipe}\
         </div>\n{heaviest}",
        bars("Time of each worker", &rows)
    )
}

/// All packets of a set are one worker's, so these show how fine the load can be spread.
fn heaviest(report: &Report) -> String {
    if report.heaviest.is_empty() {
        return String::new();
    }
    let mut table = "<div class=wide><table><tr><th>packet set<th>worker<th>of its packets\
                     <th>of all packets</tr>"
        .to_owned();
    for Heavy { worker, set, key, of_worker_percent, percent: of_all } in &report.heaviest {
        let _ = write!(
            table,
            "<tr><td><b>{}</b> <span class=soft>{}</span><td>{worker}<td>{}<td>{}</tr>",
            escaped(set),
            escaped(key),
            percent(*of_worker_percent),
            percent(*of_all)
        );
    }
    format!("<div class=card><h4>Heaviest packet sets</h4>{table}</table></div></div>\n")
}

fn times(report: &Report) -> String {
    let row = |name: String, times: &nfos_records::profile::Histogram| {
        (name, [times.p50_ns, times.p90_ns, times.p99_ns, times.p999_ns, times.max_ns])
    };
    let mut rows = Vec::new();
    for handler in &report.handlers {
        rows.push(row(format!("{}: handling", handler.name), &handler.time));
        if let Some(latency) = &handler.latency {
            rows.push(row(format!("{}: since the packet's arrival", handler.name), latency));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut table = "<div class=wide><table><tr><th>handler<th>stood<th>repeated<th>half within\
                     <th>90 %<th>99 %<th>99.9 %<th>longest</tr>"
        .to_owned();
    for handler in &report.handlers {
        let times = handler.latency.as_ref().unwrap_or(&handler.time);
        let _ = write!(
            table,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&handler.name),
            grouped(handler.commits),
            grouped(handler.retries),
            span(times.p50_ns),
            span(times.p90_ns),
            span(times.p99_ns),
            span(times.p999_ns),
            span(times.max_ns)
        );
    }
    format!(
        "<h2>How long it takes</h2>\n<div class=card>{}<p class=soft>Half of the times are below \
         the first large dot and 99 % below the second; the small ones are 90 %, 99.9 % and the \
         longest.</p></div>\n<div class=card>{table}</table>\
         </div></div>\n",
        percentiles("Percentiles of times", &rows)
    )
}

fn attempts(report: &Report) -> String {
    if report.attempts.len() < 2 {
        return String::new();
    }
    let all: u64 = report.attempts.iter().sum();
    let rows: Vec<_> = report
        .attempts
        .iter()
        .enumerate()
        .filter(|(_, events)| **events > 0)
        .take(12)
        .map(|(at, events)| Bar {
            name: match at {
                0 => "once".to_owned(),
                at => format!("{} times", at + 1),
            },
            label: format!("{} of events", percent(100.0 * *events as f64 / all.max(1) as f64)),
            parts: vec![("packets", *events as f64, grouped(*events))],
        })
        .collect();
    let gate = match report.gate_entries {
        0 => String::new(),
        entries => format!(
            "<p class=soft>It happened {} times that an event had failed so often that it ran with \
             all others waiting.</p>",
            grouped(entries)
        ),
    };
    format!(
        "<h2>How often an event ran</h2>\n<div class=card>{}{gate}</div>\n",
        bars("How often an event ran", &rows)
    )
}

fn structures(report: &Report) -> String {
    if report.objects.is_empty() {
        return String::new();
    }
    let mut table = "<div class=wide><table><tr><th>structure<th>uses<th>conflicts</tr>".to_owned();
    for object in report.objects.iter().take(50) {
        let _ = write!(
            table,
            "<tr><td><b>{}</b> <span class=soft>{}</span><td>{}<td>{}</tr>",
            escaped(&object.name),
            escaped(&object.shape),
            grouped(object.operations),
            grouped(object.conflicts)
        );
    }
    format!("<h2>Structures</h2>\n<div class=card>{table}</table></div></div>\n")
}

fn method(report: &Report) -> String {
    let method = &report.method;
    format!(
        "<h2>How this was recorded</h2>\n<p class=soft>Conflicts are counted one by one; {} \
         weighted samples say where in a structure, and {} call sites were looked up in the \
         network function's debug information. The line that was handled again is that of the \
         conflict itself where it could be caught when the event ran again, and otherwise, like \
         the line in its way, one from which the handler uses the operation. Network function \
         <code>{}</code>.</p>\n",
        grouped(method.samples),
        grouped(method.sites_captured),
        escaped(report.digest.get(..16).unwrap_or(&report.digest))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use std::path::PathBuf;

    fn page_of(profile: &nfos_records::profile::Profile) -> String {
        let sources = Sources::find(profile, &[PathBuf::from(env!("CARGO_MANIFEST_DIR"))]);
        page(&Report::new(profile, &sources), &sources)
    }

    #[test]
    fn the_page_has_causes_lines_charts_and_fetches_nothing() {
        let page = page_of(&example::profile());
        for part in [
            "<h2>Why packets were handled again, and what to change</h2>",
            "--set update_interval_ms=1000",
            "--what-if update_interval_ms=0,1000",
            "key 0a000001",
            "report/src/example.rs",
            "use nfos_records::profile::{",
            "Packets a second",
            "Percentiles of times",
            "What to do:",
            "a commit waited for a cell of flows",
            "Heaviest packet sets",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        for foreign in ["<script", "http:", "https:", "url(", "@import", "src="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_network_function_cannot_put_markup_on_the_page() {
        let mut profile = example::profile();
        let evil = "<img onerror=alert(1)>";
        profile.function.name = evil.to_owned();
        profile.objects[0].name = evil.to_owned();
        profile.objects[0].shape = evil.to_owned();
        profile.handlers[0].name = evil.to_owned();
        for conflict in &mut profile.conflicts {
            (conflict.object, conflict.text) = (evil.to_owned(), evil.to_owned());
            (conflict.recipe, conflict.observer.operation) = (evil.to_owned(), evil.to_owned());
            conflict.places[0].place = evil.to_owned();
        }
        profile.sites[1].function = evil.to_owned();
        profile.sites[1].file = evil.to_owned();
        assert!(!page_of(&profile).contains("<img"));
    }
}

//! A simulation as a page of HTML: curves with bands as SVG, tables, causes; nothing is fetched.

use std::fmt::Write as _;

use nfos_records::simulation::{Curve, Point, Simulation, TimeShares};

use crate::chart::nice;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 36.0;
const TOP: f64 = 12.0;
const COLOURS: [&str; 6] = ["#1f6feb", "#d1440c", "#2da44e", "#8250df", "#bf8700", "#57606a"];
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;\
    padding:0 1em;color:#1f2328;background:#fff}table{border-collapse:collapse;\
    font-variant-numeric:tabular-nums}th,td{padding:.2em .6em;text-align:right;\
    border-bottom:1px solid #d0d7de}\
    td.t,th.t{text-align:left}.s{background:#fff8c5;padding:.1em .5em;border-radius:4px}\
    svg text{font:12px system-ui,sans-serif;fill:#57606a}.grid{stroke:#d0d7de}\
    @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}.s{color:#1f2328}\
    th,td{border-color:#30363d}.grid{stroke:#30363d}svg text{fill:#8b949e}}";

/// The whole page.
#[must_use]
pub fn page(simulation: &Simulation) -> String {
    let nf = escaped(&simulation.nf);
    let mut page = format!(
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>{nf}, simulated</title>\
         <style>{STYLE}</style>\n<h1>{nf} <span class=s>simulated</span></h1>\n"
    );
    page.push_str(&about(simulation));
    page.push_str(&chart(&simulation.curves));
    for (number, curve) in simulation.curves.iter().enumerate() {
        page.push_str(&section(curve, COLOURS[number % COLOURS.len()]));
    }
    page.push_str("</html>\n");
    page
}

fn about(simulation: &Simulation) -> String {
    let Simulation { protocol, seed, packets, costs, .. } = simulation;
    let protocol = match protocol.as_str() {
        "original" => "protocol and structures of the NFOS prototype",
        _ => "this host's protocol",
    };
    let mut lines = vec![format!("{protocol}, seed {seed}, {packets} packets a point")];
    lines.extend(simulation.ports.iter().enumerate().map(|(n, port)| format!("port {n}: {port}")));
    let set = |one: &nfos_records::simulation::Setting| format!("{} = {}", one.name, one.value);
    lines.extend(simulation.parameters.iter().map(set));
    lines.extend(simulation.port_limit_mpps.map(|limit| format!("{limit} Mpps a port at most")));
    lines.extend(simulation.ways());
    lines.push(format!(
        "costs of {}: {:.1} ns an event, {:.1} ns a burst, {:.1} ns a transfer of a cache line; \
         the band is from twice to half of that",
        costs.function.date,
        costs.function.event_ns[1],
        costs.function.burst_ns,
        costs.machine.transfer_ns
    ));
    let lines: String = lines.iter().map(|line| format!("{}<br>\n", escaped(line))).collect();
    format!("<p>{lines}</p>\n")
}

fn chart(curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let top = nice(points().map(|point| point.mpps_high.max(point.mpps)).fold(0.0, f64::max));
    let most = points().map(|point| point.cores).max().unwrap_or(1).max(1) as f64;
    let x = |point: &Point| LEFT + (WIDTH - LEFT - 12.0) * point.cores as f64 / most;
    let y = |mpps: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * mpps / top;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"Throughput by cores\">"
    );
    for value in [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| part * top) {
        let at = y(value);
        let _ = write!(
            svg,
            "<line class=grid x1={LEFT} x2={WIDTH} y1={at:.1} y2={at:.1} /><text x={:.0} y={:.1} \
             text-anchor=end>{value}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    if let Some(first) = curves.first() {
        for point in &first.points {
            let _ = write!(
                svg,
                "<text x={:.1} y={:.1} text-anchor=middle>{}</text>",
                x(point),
                HEIGHT - BOTTOM + 18.0,
                point.cores
            );
        }
    }
    let _ = write!(svg, "<text x={LEFT} y={:.1}>Mpps (simulated) by cores</text>", HEIGHT - 2.0);
    for (number, curve) in curves.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let place = |point: &Point, mpps: f64| format!("{:.1},{:.1} ", x(point), y(mpps));
        let line: String = curve.points.iter().map(|p| place(p, p.mpps)).collect();
        let upper = curve.points.iter().map(|p| place(p, p.mpps_high));
        let lower = curve.points.iter().rev().map(|p| place(p, p.mpps_low));
        let band: String = upper.chain(lower).collect();
        let _ = write!(
            svg,
            "<polygon points=\"{band}\" fill=\"{colour}\" opacity=.18 /><polyline \
             points=\"{line}\" fill=none stroke=\"{colour}\" stroke-width=2 />"
        );
        for point in &curve.points {
            let _ = write!(
                svg,
                "<circle cx={:.1} cy={:.1} r=3 fill=\"{colour}\"><title>{} cores: {:.2} Mpps, \
                 {:.1} % aborted</title></circle>",
                x(point),
                y(point.mpps),
                point.cores,
                point.mpps,
                100.0 * point.aborted_share
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn section(curve: &Curve, colour: &str) -> String {
    let mut html = String::new();
    if let Some(setting) = &curve.setting {
        let (name, value) = (escaped(&setting.name), escaped(&setting.value));
        let _ = writeln!(html, "<h2 style=\"color:{colour}\">{name} = {value}</h2>");
    }
    html.push_str(
        "<table><tr><th>cores<th>Mpps<th>band<th>aborted<th>bursts failing<th>runs/event<th>burst\
         <th>work<th>wasted<th>lines<th>locks<th>clock<th>rooms<th>gate<th>idle</tr>\n",
    );
    for point in &curve.points {
        let TimeShares { work, wasted, transfers, locks, clock, rooms, gate, idle } = point.time;
        let _ = write!(
            html,
            "<tr><td>{}<td>{:.2}<td>{:.2}–{:.2}<td>{:.1} %<td>{:.1} %<td>{:.2}<td>{:.1}",
            point.cores,
            point.mpps,
            point.mpps_low,
            point.mpps_high,
            100.0 * point.aborted_share,
            100.0 * point.failing_bursts_share,
            point.runs_per_event,
            point.burst_mean
        );
        for share in [work, wasted, transfers, locks, clock, rooms, gate, idle] {
            let _ = write!(html, "<td>{:.0} %", 100.0 * share);
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    html.push_str(&causes(curve.points.last()));
    html
}

fn causes(point: Option<&Point>) -> String {
    let Some(point) = point.filter(|point| !point.causes.is_empty()) else { return String::new() };
    let mut html = format!(
        "<h3>Why runs were thrown away on {} cores</h3>\n<table><tr><th>share<th \
         class=t>structure<th class=t>who ran in vain × who was first<th class=t>cause and \
         recipe</tr>\n",
        point.cores
    );
    for cause in &point.causes {
        let _ = writeln!(
            html,
            "<tr><td>{:.1} %<td class=t>{}<td class=t>{} × {}<td class=t>{}: {}<br>{}</tr>",
            100.0 * cause.share,
            escaped(&cause.object),
            escaped(&cause.observer),
            escaped(&cause.mutator),
            escaped(&cause.id),
            escaped(&cause.text),
            escaped(&cause.recipe)
        );
    }
    html.push_str("</table>\n");
    html
}

/// Text of a network function is a stranger's.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

//! A simulation on a terminal: a table, a chart and the causes.

use std::fmt::Write as _;

use nfos_records::simulation::{Curve, Point, Simulation, TimeShares};

use crate::chart::nice;

const CHART_ROWS: usize = 14;
const CAUSES_MAX: usize = 3;
/// One for each curve.
const MARKS: [char; 6] = ['●', '○', '▲', '△', '■', '□'];

/// The whole.
#[must_use]
pub fn text(simulation: &Simulation) -> String {
    let mut text = heading(simulation);
    for curve in &simulation.curves {
        text.push('\n');
        if let Some(setting) = &curve.setting {
            let _ = writeln!(text, "{} = {}", setting.name, setting.value);
        }
        text.push_str(&table(curve));
        text.push_str(&causes(curve));
    }
    text.push_str(&chart(&simulation.curves));
    text
}

fn heading(simulation: &Simulation) -> String {
    let Simulation { nf, seed, packets, costs, protocol, .. } = simulation;
    let mut text = format!("{nf}, SIMULATED, seed {seed}, {packets} packets a point\n");
    if protocol == "original" {
        text.push_str("protocol and structures of the NFOS prototype\n");
    }
    simulation.ports.iter().enumerate().for_each(|(number, port)| {
        let _ = writeln!(text, "port {number}: {port}");
    });
    for parameter in &simulation.parameters {
        let _ = writeln!(text, "{} = {}", parameter.name, parameter.value);
    }
    if let Some(limit) = simulation.port_limit_mpps {
        let _ = writeln!(text, "{limit} Mpps a port at most");
    }
    simulation.ways().for_each(|way| {
        let _ = writeln!(text, "{way}");
    });
    let _ = writeln!(
        text,
        "costs of {}: {:.0} ns an event, {:.0} ns a burst, {:.0} ns a transfer of a cache line",
        costs.function.date,
        costs.function.event_ns[1],
        costs.function.burst_ns,
        costs.machine.transfer_ns,
    );
    text
}

fn table(curve: &Curve) -> String {
    let mut text = String::from(
        "cores      Mpps         band   speed-up  aborted  bursts failing  runs/event  burst  \
         work wasted lines locks clock rooms  gate\n",
    );
    let first = curve.points.first().map_or(0.0, |point| point.mpps / point.cores.max(1) as f64);
    for point in &curve.points {
        let TimeShares { work, wasted, transfers, locks, clock, rooms, gate, .. } = point.time;
        let shares = [work, wasted, transfers, locks, clock, rooms, gate];
        let _ = write!(
            text,
            "{:5}  {:8.2}  {:>11}  {:7.1}x  {:6.1} %  {:12.1} %  {:10.2}  {:5.1}",
            point.cores,
            point.mpps,
            format!("{:.1}–{:.1}", point.mpps_low, point.mpps_high),
            if first > 0.0 { point.mpps / first } else { 0.0 },
            100.0 * point.aborted_share,
            100.0 * point.failing_bursts_share,
            point.runs_per_event,
            point.burst_mean,
        );
        for share in shares {
            let _ = write!(text, " {:4.0} %", 100.0 * share);
        }
        text.push('\n');
    }
    text
}

/// Why the point with the most cores is not faster.
fn causes(curve: &Curve) -> String {
    let Some(Point { cores, causes, .. }) = curve.points.last() else { return String::new() };
    let mut text = String::new();
    for (rank, cause) in causes.iter().take(CAUSES_MAX).enumerate() {
        let pair = match cause.mutator.as_str() {
            "" => cause.observer.clone(),
            mutator => format!("{} × {mutator}", cause.observer),
        };
        let _ = writeln!(
            text,
            "{}. {:.1} % of aborts on {cores} cores: {pair} on {} ({})",
            rank + 1,
            100.0 * cause.share,
            cause.object,
            cause.id
        );
        let told = [("cause", &cause.text), ("recipe", &cause.recipe)];
        for (what, said) in told.iter().filter(|(_, said)| !said.is_empty()) {
            let _ = writeln!(text, "   {what}: {said}");
        }
    }
    text
}

/// Throughput over cores, a column for each number of cores.
fn chart(curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let top = nice(points().map(|point| point.mpps_high.max(point.mpps)).fold(0.0, f64::max));
    let Some(first) = curves.first() else { return String::new() };
    let width = first.points.len();
    let row = |mpps: f64| ((mpps / top) * (CHART_ROWS - 1) as f64).round() as usize;
    let mut rows = vec![vec![' '; width]; CHART_ROWS];
    for (curve, mark) in curves.iter().zip(MARKS.iter().cycle()) {
        for (column, point) in curve.points.iter().enumerate() {
            if curves.len() == 1 {
                for row in &mut rows[row(point.mpps_low)..=row(point.mpps_high)] {
                    row[column] = '│';
                }
            }
            rows[row(point.mpps)][column] = *mark;
        }
    }
    let mut text = String::from("\nMpps, simulated\n");
    for (number, row) in rows.iter().enumerate().rev() {
        let value = top * number as f64 / (CHART_ROWS - 1) as f64;
        let columns: String = row.iter().map(|mark| format!("   {mark}  ")).collect();
        let _ = writeln!(text, "{value:7.1} ┤{}", columns.trim_end());
    }
    let cores: String = first.points.iter().map(|point| format!("{:4}  ", point.cores)).collect();
    let _ = writeln!(text, "        └{}\n         {} cores", "──────".repeat(width), cores);
    for (curve, mark) in curves.iter().zip(MARKS.iter().cycle()) {
        if let Some(setting) = &curve.setting {
            let _ = writeln!(text, "        {mark} {} = {}", setting.name, setting.value);
        }
    }
    text
}

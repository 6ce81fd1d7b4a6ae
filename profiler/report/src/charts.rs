//! Charts as SVG, drawn with the page's colours: no script, no font of their own.

use std::fmt::Write as _;

use crate::numbers::span;

/// Width of a chart in its own units; the page scales it.
const WIDTH: f64 = 640.0;
/// Room for the labels of the vertical axis and of the horizontal one.
const LEFT: f64 = 92.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 16.0;

/// A value over time, as an area below a line: points of (nanoseconds, value), not all 0.
pub(crate) fn course(
    title: &str,
    points: &[(u64, f64)],
    class: &str,
    label: &dyn Fn(f64) -> String,
) -> String {
    const HEIGHT: f64 = 150.0;
    let (from, to) = match (points.first(), points.last()) {
        (Some(first), Some(last)) if last.0 > first.0 => (first.0, last.0),
        _ => return String::new(),
    };
    let greatest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    if greatest <= 0.0 {
        return String::new();
    }
    let top = nice(greatest);
    let x = |ns: u64| LEFT + (WIDTH - LEFT - 8.0) * (ns - from) as f64 / (to - from) as f64;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top;
    let mut svg = opening(title, HEIGHT);
    for value in [0.0, top / 2.0, top] {
        let at = y(value);
        let _ = write!(
            svg,
            "<line class=grid x1={LEFT} x2={WIDTH} y1={at:.1} y2={at:.1} />\
             <text x={} y={:.1} text-anchor=end>{}</text>",
            LEFT - 8.0,
            at + 4.0,
            label(value)
        );
    }
    let line: String = points.iter().fold(String::new(), |mut line, (ns, value)| {
        let _ = write!(line, " {:.1},{:.1}", x(*ns), y(*value));
        line
    });
    let floor = y(0.0);
    let _ = write!(
        svg,
        "<polygon class=\"{class} area\" points=\"{:.1},{floor:.1}{line} {:.1},{floor:.1}\" />\
         <polyline class=\"{class} stroke\" points=\"{}\" />",
        x(from),
        x(to),
        line.trim_start()
    );
    for (ns, anchor) in [(from, "start"), (to, "end")] {
        let _ = write!(
            svg,
            "<text x={:.1} y={:.1} text-anchor={anchor}>{}</text>",
            x(ns),
            HEIGHT - 6.0,
            span(ns)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A bar with parts, each with its class and length; all bars together have one scale.
pub(crate) struct Bar {
    /// To its left.
    pub name: String,
    /// Behind it.
    pub label: String,
    /// Class, length, and what a pointer on it is told.
    pub parts: Vec<(&'static str, f64, String)>,
}

/// Horizontal bars.
pub(crate) fn bars(title: &str, bars: &[Bar]) -> String {
    const ROW: f64 = 26.0;
    let length = |bar: &Bar| bar.parts.iter().map(|part| part.1).sum::<f64>();
    let longest = bars.iter().map(length).fold(0.0, f64::max);
    if longest <= 0.0 {
        return String::new();
    }
    let room = WIDTH - LEFT - 170.0;
    let mut svg = opening(title, ROW * bars.len() as f64 + 4.0);
    for (row, bar) in bars.iter().enumerate() {
        let y = ROW * row as f64 + 4.0;
        let mut x = LEFT;
        let _ = write!(
            svg,
            "<text x={} y={:.1} text-anchor=end>{}</text>",
            LEFT - 8.0,
            y + 14.0,
            escaped(&bar.name)
        );
        for (class, length, tip) in &bar.parts {
            let width = room * length / longest;
            let _ = write!(
                svg,
                "<rect class=\"{class} fill\" x={x:.1} y={y:.1} width={:.1} height=18 rx=2>\
                 <title>{}</title></rect>",
                (width - 1.0).max(1.0),
                escaped(tip)
            );
            x += width;
        }
        let _ =
            write!(svg, "<text x={:.1} y={:.1}>{}</text>", x + 6.0, y + 14.0, escaped(&bar.label));
    }
    svg.push_str("</svg>");
    svg
}

/// Percentiles of times on a logarithmic scale, a row each: name and times, ascending.
pub(crate) fn percentiles(title: &str, rows: &[(String, [u64; 5])]) -> String {
    const ROW: f64 = 40.0;
    const NAMES: [&str; 5] = ["half", "90 %", "99 %", "99.9 %", "longest"];
    let times = || rows.iter().flat_map(|row| row.1).map(|ns| (ns.max(1) as f64).log10());
    let (least, greatest) =
        times().fold((f64::MAX, f64::MIN), |(a, b), log| (a.min(log), b.max(log)));
    if rows.is_empty() {
        return String::new();
    }
    let (least, greatest) = (least.floor(), greatest.ceil().max(least.floor() + 1.0));
    let height = ROW * rows.len() as f64 + BOTTOM + 4.0;
    let (left, right) = (16.0, WIDTH - 24.0);
    let x = |log: f64| left + (right - left) * (log - least) / (greatest - least);
    let mut svg = opening(title, height);
    let decades = (greatest - least) as u32;
    for decade in (0..=decades).step_by(if decades > 6 { 2 } else { 1 }) {
        let log = least + f64::from(decade);
        let at = x(log);
        // The first would be cut off.
        let anchor = if decade == 0 { "start" } else { "middle" };
        let _ = write!(
            svg,
            "<line class=grid x1={at:.1} x2={at:.1} y1=0 y2={:.1} />\
             <text x={at:.1} y={:.1} text-anchor={anchor}>{}</text>",
            height - BOTTOM,
            height - 6.0,
            power(log)
        );
    }
    for (row, (name, times)) in rows.iter().enumerate() {
        let y = ROW * row as f64 + 28.0;
        let logs = times.map(|ns| x((ns.max(1) as f64).log10()));
        let _ = write!(
            svg,
            "<text x={left} y={:.1}>{}</text>\
             <line class=\"packets stroke\" x1={:.1} x2={:.1} y1={y:.1} y2={y:.1} />",
            y - 12.0,
            escaped(name),
            logs[0],
            logs[4]
        );
        for (at, (x, ns)) in logs.iter().zip(times).enumerate() {
            let radius = if at == 0 || at == 2 { 5.0 } else { 3.0 };
            let _ = write!(
                svg,
                "<circle class=\"packets fill\" cx={x:.1} cy={y:.1} r={radius}>\
                 <title>{}: {}</title></circle>",
                NAMES[at],
                span(*ns)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn power(log: f64) -> String {
    let whole = log as i32;
    let (unit, zeros) = match whole {
        ..3 => ("ns", whole.max(0)),
        3..6 => ("µs", whole - 3),
        6..9 => ("ms", whole - 6),
        _ => ("s", whole - 9),
    };
    format!("1{} {unit}", "0".repeat(zeros as usize))
}

fn opening(title: &str, height: f64) -> String {
    let title = escaped(title);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=img aria-label=\"{title}\">\
         <title>{title}</title>"
    )
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.map(|step| step * power).into_iter().find(|step| *step >= value).unwrap_or(value)
}

/// As text and as an attribute of HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        assert_eq!([0.7, 12.0, 23.0, 430.0].map(nice), [1.0, 20.0, 25.0, 500.0]);
        assert_eq!([2.0, 3.0, 7.0, 9.0].map(power), ["100 ns", "1 µs", "10 ms", "1 s"]);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(course("t", &[], "c", &|v| v.to_string()), "");
        assert_eq!(course("t", &[(1, 2.0)], "c", &|v| v.to_string()), "");
        assert_eq!(course("t", &[(1, 0.0), (2, 0.0)], "c", &|v| v.to_string()), "");
        assert_eq!(bars("t", &[]), "");
        assert_eq!(percentiles("t", &[]), "");
    }

    #[test]
    fn every_point_of_a_course_lies_in_the_chart() {
        let points: Vec<_> = (0..50).map(|i| (i * 1_000, (i % 7) as f64)).collect();
        let svg = course("t", &points, "c", &|value| format!("{value}"));
        let list = svg.split("points=\"").nth(2).and_then(|rest| rest.split('"').next());
        let list: Vec<&str> = list.unwrap_or_default().split(' ').collect();
        assert_eq!(list.len(), 50);
        for point in list {
            let (x, y) = point.split_once(',').expect("a pair");
            let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
            assert!((LEFT..=WIDTH).contains(&x) && (0.0..=150.0).contains(&y), "{point}");
        }
    }

    #[test]
    fn text_of_a_network_function_cannot_become_markup() {
        let bar = Bar {
            name: "<script>".into(),
            label: "\"&".into(),
            parts: vec![("c", 1.0, "'".into())],
        };
        let svg = bars("t", &[bar]);
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"));
    }
}

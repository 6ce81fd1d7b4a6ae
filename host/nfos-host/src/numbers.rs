//! Numbers as a human reads them.

/// With thousands separators: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, `1 packet` or `2 packets`.
pub(crate) fn counted(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", grouped(number))
}

/// Packets in a span of time: `12.34 Mpps`, `12.34 kpps` or `12 pps`.
pub(crate) fn rate(packets: u64, span_ns: u64) -> String {
    let per_second = packets as f64 * 1e9 / span_ns.max(1) as f64;
    match per_second {
        rate if rate >= 999_995.0 => format!("{:.2} Mpps", rate / 1e6),
        rate if rate >= 999.5 => format!("{:.2} kpps", rate / 1e3),
        rate => format!("{rate:.0} pps"),
    }
}

/// A time span in the unit that keeps it short: `12.0 s`, `20 ms`, `1.5 us`, `7 ns`.
pub(crate) fn span(ns: u64) -> String {
    match ns {
        0 => "0".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} us", shortest(ns as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", shortest(ns as f64 / 1e6)),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

/// A number of bytes in the unit that keeps it short: `512 B`, `1.5 KiB`, `64 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{} KiB", shortest(number as f64 / 1_024.0)),
        1_048_576..1_073_741_824 => format!("{} MiB", shortest(number as f64 / 1_048_576.0)),
        _ => format!("{} GiB", shortest(number as f64 / 1_073_741_824.0)),
    }
}

/// `part` of `whole`: `12.3 %`; what is not quite all or nothing never reads as such.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = 100.0 * part as f64 / whole.max(1) as f64;
    match share {
        share if part > 0 && share < 0.1 => "<0.1 %".to_owned(),
        share if part < whole && share > 99.9 => ">99.9 %".to_owned(),
        share => format!("{share:.1} %"),
    }
}

/// At most two decimals, none that say nothing.
fn shortest(number: f64) -> String {
    format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let written = [0, 12, 999, 1_000, 12_345, 1_234_567, u64::MAX].map(grouped);
        let expected =
            ["0", "12", "999", "1,000", "12,345", "1,234,567", "18,446,744,073,709,551,615"];
        assert_eq!(written, expected);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "worker"), "1 worker");
        assert_eq!(counted(0, "worker"), "0 workers");
        assert_eq!(counted(2_000, "worker"), "2,000 workers");
    }

    #[test]
    fn rates_scale() {
        assert_eq!(rate(12_340_000, 1_000_000_000), "12.34 Mpps");
        assert_eq!(rate(999_999, 1_000_000_000), "1.00 Mpps");
        assert_eq!(rate(1_500, 1_000_000_000), "1.50 kpps");
        assert_eq!(rate(3, 2_000_000_000), "2 pps");
        assert_eq!(rate(0, 0), "0 pps");
    }

    #[test]
    fn spans_and_bytes_take_the_shortest_unit() {
        assert_eq!(
            [0, 7, 1_500, 20_000_000, 12_000_000_000].map(span),
            ["0", "7 ns", "1.5 us", "20 ms", "12.0 s"]
        );
        assert_eq!(
            [0, 1_023, 1_536, 64 << 20, 3 << 29].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "64 MiB", "1.5 GiB"]
        );
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 10), "0.0 %");
        assert_eq!(percent(10, 10), "100.0 %");
        assert_eq!(percent(1, 1_000_000), "<0.1 %");
        assert_eq!(percent(999_999, 1_000_000), ">99.9 %");
        assert_eq!(percent(0, 0), "0.0 %");
    }
}

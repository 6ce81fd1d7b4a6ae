//! Numbers as humans read them, and text from a network function made harmless.

/// With commas between thousands.
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

/// So many of what a word names.
pub(crate) fn counted(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {word}{plural}", grouped(number))
}

/// A share in per cent with its sign; what is not quite nothing or all is not shown as that.
pub(crate) fn percent(share: f64) -> String {
    match share {
        0.0 => "0 %".to_owned(),
        share if share < 0.1 => "<0.1 %".to_owned(),
        share if share >= 100.0 => "100 %".to_owned(),
        share if share > 99.9 => ">99.9 %".to_owned(),
        share => format!("{share:.1} %"),
    }
}

/// A time with three digits.
pub(crate) fn span(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// Packets per second.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate >= 1e6 => format!("{} Mpps", digits(rate / 1e6)),
        rate if rate >= 1e3 => format!("{} kpps", digits(rate / 1e3)),
        rate => format!("{rate:.0} pps"),
    }
}

fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// `part` of `all` in per cent; 0 of nothing.
pub(crate) fn share(part: f64, all: f64) -> f64 {
    if all > 0.0 { 100.0 * part / all } else { 0.0 }
}

/// Without control characters, which a network function could put into its names.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_honest() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!([counted(1, "line"), counted(0, "line")], ["1 line", "0 lines"]);
        let shares = [0.0, 0.04, 12.34, 99.99, 100.0].map(percent);
        assert_eq!(shares, ["0 %", "<0.1 %", "12.3 %", ">99.9 %", "100 %"]);
        let spans = [12, 1_500, 23_400_000, 120_000_000_000].map(span);
        assert_eq!(spans, ["12 ns", "1.50 µs", "23.4 ms", "120 s"]);
        assert_eq!([12.0, 1_500.0, 4.5e6].map(rate), ["12 pps", "1.50 kpps", "4.50 Mpps"]);
        assert_eq!(share(1.0, 0.0), 0.0);
        assert_eq!(plain("a\x1b[1A\n"), "a\u{fffd}[1A\u{fffd}");
    }
}

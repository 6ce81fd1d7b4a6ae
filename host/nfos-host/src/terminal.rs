//! What may reach a terminal: text of guests and files without its control characters, colours
//! only where they are wanted, and nothing after the reader has gone.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::failure::Failure;

/// The text with every character escaped that could move the cursor, change colours, reorder what
/// stands beside it or begin a new line.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if steers(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Control characters of ASCII and Latin-1, line separators, and the marks that set the direction
/// of text or have no width (Unicode TR 36, section 2.10).
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether and how text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// Plain text.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };

    /// Colours if `stream` is a terminal that has them, and `NO_COLOR` is unset or empty.
    pub(crate) fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self { colour: stream.is_terminal() && !refused }
    }

    /// A heading.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Something is wrong.
    pub(crate) fn alarm(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Something costs.
    pub(crate) fn notice(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes to standard output. A reader who has gone wanted no more of it: that is no failure.
///
/// # Errors
/// Any other reason for which it cannot be written, a full disk for instance.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write_all(&mut io::stdout().lock(), text)
}

/// As [`print()`], to standard error.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_aside(text: &str) -> Result<(), Failure> {
    write_all(&mut io::stderr().lock(), text)
}

fn write_all(stream: &mut impl Write, text: &str) -> Result<(), Failure> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("the output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        assert!(matches!(plain("Zürich → 10.0.0.1"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(plain("a\x1b[2J\nb\r\t\0"), "a\\u{1b}[2J\\nb\\r\\t\\u{0}");
        assert_eq!(plain("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(
            plain("a\u{202e}b\u{2066}c\u{200f}\u{2028}"),
            "a\\u{202e}b\\u{2066}c\\u{200f}\\u{2028}"
        );
    }

    #[test]
    fn plain_style_adds_nothing() {
        assert_eq!(Style::PLAIN.alarm("x"), "x");
        assert_eq!(Style { colour: true }.strong("x"), "\x1b[1mx\x1b[0m");
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_left_is_no_failure_but_a_full_disk_is() {
        assert_eq!(write_all(&mut Broken(ErrorKind::BrokenPipe), "x"), Ok(()));
        assert!(write_all(&mut Broken(ErrorKind::StorageFull), "x").is_err());
    }
}

//! Where a run's progress and the network function's log go while it goes on.

use std::io::{IsTerminal, stderr, stdout};

use nfos_engine::services::LogLevel;
use nfos_records::Summary;

use crate::failure::Failure;
use crate::launch::Observation;
use crate::terminal::{Style, plain, print, print_aside};
use crate::view;

/// Log lines shown between two refreshes of a page: a guest may not flood a terminal.
const LOG_LINES_MAX: u64 = 20;
/// Time between two lines, less what the observations may come early.
const LINE_INTERVAL_NS: u64 = 950_000_000;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A page on standard output, refreshed in place.
    Page,
    /// A page on standard error, since standard output is for the summary alone.
    PageAside,
    /// A line per second on standard output.
    Lines,
    /// Not at all.
    Silent,
}

/// Shows the observations of one run.
pub(crate) struct Progress {
    form: Form,
    style: Style,
    heading: Option<String>,
    /// The control loop has the number after the last worker's.
    workers: usize,
    log: Option<LogLevel>,
    before: Summary,
    lines_drawn: usize,
    log_lines: u64,
}

impl Progress {
    /// A page where there is a terminal to refresh it on. `log` is the least urgent level shown.
    /// `heading` is printed when something has happened: a run that does not begin says only why.
    pub(crate) fn new(
        heading: Option<String>,
        workers: usize,
        json: bool,
        log: Option<LogLevel>,
    ) -> Self {
        let form = match json {
            true if stderr().is_terminal() => Form::PageAside,
            true => Form::Silent,
            false if stdout().is_terminal() => Form::Page,
            false => Form::Lines,
        };
        let style = if json { Style::of(&stderr()) } else { Style::of(&stdout()) };
        Self {
            form,
            style,
            heading,
            workers,
            log,
            before: Summary::default(),
            lines_drawn: 0,
            log_lines: 0,
        }
    }

    /// Shows one observation.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub(crate) fn see(&mut self, observation: &Observation<'_>) -> Result<(), Failure> {
        self.head()?;
        match observation {
            Observation::Remark(remark) => self.remark(remark),
            Observation::Counters(summary) => self.counters(summary),
            Observation::Profile(_) => Ok(()),
            Observation::Log { level, worker, message } => self.log_line(*level, *worker, message),
        }
    }

    /// Takes the page away.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.unshown_log_lines()?;
        self.erase()
    }

    /// Prints the heading, if that has not been done.
    ///
    /// # Errors
    /// The stream cannot be written.
    pub(crate) fn head(&mut self) -> Result<(), Failure> {
        self.heading.take().map_or(Ok(()), |heading| print(&heading))
    }

    /// Continues the heading.
    fn remark(&self, remark: &str) -> Result<(), Failure> {
        match self.form {
            Form::Silent | Form::PageAside => Ok(()),
            Form::Page | Form::Lines => print(&format!("{}\n", plain(remark))),
        }
    }

    fn counters(&mut self, summary: &Summary) -> Result<(), Failure> {
        self.unshown_log_lines()?;
        match self.form {
            Form::Silent => return Ok(()),
            Form::Lines => {
                if summary.elapsed_ns < self.before.elapsed_ns + LINE_INTERVAL_NS {
                    return Ok(());
                }
                print(&format!("{}\n", view::line(summary, &self.before)))?;
            }
            Form::Page | Form::PageAside => {
                let lines = view::page(summary, &self.before, self.style);
                let text = redrawn(self.lines_drawn, &lines);
                self.lines_drawn = lines.len();
                self.draw(&text)?;
            }
        }
        self.before = summary.clone();
        Ok(())
    }

    fn log_line(&mut self, level: LogLevel, worker: usize, message: &str) -> Result<(), Failure> {
        if self.log.is_none_or(|least| level > least) {
            return Ok(());
        }
        self.log_lines += 1;
        if self.is_page() && self.log_lines > LOG_LINES_MAX {
            return Ok(());
        }
        self.erase()?;
        let speaker = match worker {
            control if control == self.workers => "control".to_owned(),
            worker => format!("worker {worker}"),
        };
        print_aside(&logged(level, &speaker, message))
    }

    fn unshown_log_lines(&mut self) -> Result<(), Failure> {
        let unshown = std::mem::take(&mut self.log_lines).saturating_sub(LOG_LINES_MAX);
        if unshown == 0 || !self.is_page() {
            return Ok(());
        }
        self.erase()?;
        print_aside(&format!(
            "({unshown} more lines of log; send standard error to a file for all)\n"
        ))
    }

    fn is_page(&self) -> bool {
        matches!(self.form, Form::Page | Form::PageAside)
    }

    fn erase(&mut self) -> Result<(), Failure> {
        match std::mem::take(&mut self.lines_drawn) {
            0 => Ok(()),
            lines => self.draw(&redrawn(lines, &[])),
        }
    }

    fn draw(&self, text: &str) -> Result<(), Failure> {
        if self.form == Form::PageAside { print_aside(text) } else { print(text) }
    }
}

/// One line of log.
fn logged(level: LogLevel, speaker: &str, message: &str) -> String {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Information => "information",
        LogLevel::Detail => "detail",
    };
    format!("log, {speaker}, {level}: {}\n", plain(message))
}

/// Control sequences (ECMA-48) that replace `lines_before` lines above the cursor by `lines`. While
/// they are written, lines do not wrap: each stays one row of the terminal, however narrow.
fn redrawn(lines_before: usize, lines: &[String]) -> String {
    let up = if lines_before > 0 { format!("\x1b[{lines_before}A") } else { String::new() };
    let rows: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    format!("\x1b[?7l{up}\r\x1b[J{rows}\x1b[?7h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_where_the_last_one_was() {
        assert_eq!(redrawn(0, &["a".to_owned()]), "\x1b[?7l\r\x1b[Ja\n\x1b[?7h");
        assert_eq!(redrawn(3, &[]), "\x1b[?7l\x1b[3A\r\x1b[J\x1b[?7h");
    }

    #[test]
    fn a_log_line_is_one_line() {
        assert_eq!(
            logged(LogLevel::Warning, "worker 1", "a\nb\x1b"),
            "log, worker 1, warning: a\\nb\\u{1b}\n"
        );
    }
}

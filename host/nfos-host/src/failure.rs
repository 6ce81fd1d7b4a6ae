//! Why a command did not end well, and the exit status that says so.

use std::io::Write as _;
use std::process::ExitCode;

use crate::terminal::plain;

/// Ends a command with one line on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The arguments, a file or a guest is not what it must be: status 2.
    Input(String),
    /// What was asked for was tried and did not work: status 1.
    Failed(String),
}

impl Failure {
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    fn status(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
        }
    }

    /// What is said of it.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Input(message) | Self::Failed(message) => message,
        }
    }
}

/// The one mapping from how a command ended to the exit status of the process: 0 done, 1 failed,
/// 2 wrong usage or input.
pub(crate) fn exit_code(outcome: &Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain("error", failure.message());
            ExitCode::from(failure.status())
        }
    }
}

/// Warns the operator of something that does not stop the command.
pub(crate) fn warn(message: &str) {
    complain("warning", message);
}

/// One line on standard error. Nobody is left to tell if that cannot be written.
fn complain(kind: &str, message: &str) {
    let _ = writeln!(std::io::stderr(), "{kind}: {}", plain(message));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_status() {
        assert_eq!(Failure::failed("x").status(), 1);
        assert_eq!(Failure::input("x").status(), 2);
        assert_eq!(format!("{:?}", exit_code(&Ok(()))), format!("{:?}", ExitCode::SUCCESS));
    }
}

//! Command lines that are not one: clap's errors, each as one line.

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::failure::Failure;
use crate::terminal::print;

/// The command line of this process; none if it asked for help or the version, which is printed.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse<C: Parser>() -> Result<Option<C>, Failure> {
    parse_from(std::env::args_os())
}

fn parse_from<C: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Option<C>, Failure> {
    match C::try_parse_from(arguments) {
        Ok(line) => Ok(Some(line)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                print(&error.render().to_string()).map(|()| None)
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Err(Failure::input("no command is given; see nfos-host --help"))
            }
            _ => Err(Failure::Input(one_line(&error.render().to_string()))),
        },
    }
}

/// Clap's message and its tips, without the synopsis that follows them.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let end = message.find("\n\nUsage:").or_else(|| message.find("\n\nFor more"));
    let parts: Vec<&str> = message[..end.unwrap_or(message.len())]
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    parts.join("; ").replace(":; ", ": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Parser, Debug)]
    #[command(name = "nfos-host", version)]
    struct Line {
        #[arg(long, value_name = "N")]
        cores: u8,
    }

    fn refused(arguments: &[&str]) -> String {
        let arguments = ["nfos-host"].iter().chain(arguments).map(OsString::from);
        match parse_from::<Line>(arguments) {
            Err(Failure::Input(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors_of_usage_are_one_line_that_names_the_option() {
        assert_eq!(refused(&[]), "the following required arguments were not provided: --cores <N>");
        assert_eq!(
            refused(&["--cores", "x"]),
            "invalid value 'x' for '--cores <N>': invalid digit found in string"
        );
        assert_eq!(
            refused(&["--core", "1"]),
            "unexpected argument '--core' found; tip: a similar argument exists: '--cores'"
        );
    }
}

//! Parameters of a network function: what the operator wrote, typed by what the function's
//! description says of each.

use std::collections::BTreeMap;
use std::str::FromStr;

use nfos_engine::description::{Constraint, Description, Parameter};
use nfos_engine::services::Value;

use crate::failure::Failure;

/// Values by parameter name.
pub(crate) type Parameters = BTreeMap<String, Value>;

/// `NAME=VALUE` of `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    name: String,
    value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err("write it like name=value".to_owned()),
        }
    }
}

/// A value as the operator gave it.
#[derive(Clone, Debug, PartialEq)]
enum Written {
    /// On the command line, where everything is text.
    Text(String),
    /// In a configuration file, where values have types.
    Toml(toml::Value),
}

/// All values that the operator gave, the later ones in place of the earlier.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Given(BTreeMap<String, Written>);

impl Given {
    /// What a configuration file says.
    pub(crate) fn from_file(table: BTreeMap<String, toml::Value>) -> Self {
        Self(table.into_iter().map(|(name, value)| (name, Written::Toml(value))).collect())
    }

    /// The same, with the assignments of the command line over it.
    pub(crate) fn overridden_by(mut self, assignments: &[Assignment]) -> Self {
        for Assignment { name, value } in assignments {
            self.0.insert(name.clone(), Written::Text(value.clone()));
        }
        self
    }

    /// A value for each parameter of the description: the operator's, or the default.
    ///
    /// # Errors
    /// A name that the description lacks, and a value that its parameter cannot take.
    pub(crate) fn resolve(&self, description: &Description) -> Result<Parameters, Failure> {
        let mut parameters: Parameters = description
            .parameters
            .iter()
            .map(|parameter| (parameter.name.clone(), parameter.default.clone()))
            .collect();
        for (name, written) in &self.0 {
            let Some(parameter) = description.parameters.iter().find(|known| known.name == *name)
            else {
                return Err(Failure::input(unknown(name, description)));
            };
            let value = written.typed(parameter).ok_or_else(|| {
                let right = admitted(parameter);
                Failure::input(format!("parameter {name} is {right}, not {written}"))
            })?;
            parameters.insert(name.clone(), value);
        }
        Ok(parameters)
    }
}

impl Written {
    /// The value, if the parameter takes it.
    fn typed(&self, parameter: &Parameter) -> Option<Value> {
        let value = match (&parameter.default, self) {
            (Value::Unsigned(_), Self::Text(text)) => Value::Unsigned(unsigned(text)?),
            (Value::Unsigned(_), Self::Toml(toml::Value::Integer(number))) => {
                Value::Unsigned(u64::try_from(*number).ok()?)
            }
            (Value::Boolean(_), Self::Text(text)) => Value::Boolean(boolean(text)?),
            (Value::Boolean(_), Self::Toml(toml::Value::Boolean(yes))) => Value::Boolean(*yes),
            (Value::Text(_), Self::Text(text) | Self::Toml(toml::Value::String(text))) => {
                Value::Text(text.clone())
            }
            _ => return None,
        };
        obeys(&value, &parameter.constraint).then_some(value)
    }
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Toml(toml::Value::String(text)) => write!(f, "{text:?}"),
            Self::Toml(toml::Value::Integer(number)) => write!(f, "{number}"),
            Self::Toml(toml::Value::Float(number)) => write!(f, "{number}"),
            Self::Toml(toml::Value::Boolean(yes)) => write!(f, "{yes}"),
            Self::Toml(value) => write!(f, "of the type {}", value.type_str()),
        }
    }
}

/// Decimal, or hexadecimal after `0x`; `_` may separate digits.
fn unsigned(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        _ if digits.starts_with('+') => None,
        _ => digits.parse().ok(),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" => Some(true),
        "false" | "off" | "no" => Some(false),
        _ => None,
    }
}

fn obeys(value: &Value, constraint: &Constraint) -> bool {
    match (constraint, value) {
        (Constraint::Range(least, most), Value::Unsigned(number)) => {
            (least..=most).contains(&number)
        }
        (Constraint::Choices(choices), Value::Text(text)) => choices.contains(text),
        _ => true,
    }
}

/// What a parameter takes, as a noun.
pub(crate) fn admitted(parameter: &Parameter) -> String {
    match (&parameter.constraint, &parameter.default) {
        (Constraint::Range(least, most), _) => format!("a number from {least} to {most}"),
        (Constraint::Choices(choices), _) => format!("one of {}", choices.join(", ")),
        (Constraint::Any, Value::Unsigned(_)) => "a number from 0 to 2^64 - 1".to_owned(),
        (Constraint::Any, Value::Boolean(_)) => "on or off".to_owned(),
        (Constraint::Any, Value::Text(_)) => "a text".to_owned(),
    }
}

/// A value as the operator would write it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Boolean(true) => "on".to_owned(),
        Value::Boolean(false) => "off".to_owned(),
        Value::Text(text) if text.is_empty() || text.contains(char::is_whitespace) => {
            format!("{text:?}")
        }
        Value::Text(text) => text.clone(),
    }
}

/// `name=value` of every parameter that is not at its default, in the description's order.
pub(crate) fn differing(parameters: &Parameters, description: &Description) -> Vec<String> {
    let differs =
        |parameter: &&Parameter| parameters.get(&parameter.name) != Some(&parameter.default);
    let assigned = |parameter: &Parameter| {
        let value = parameters.get(&parameter.name)?;
        Some(format!("{}={}", parameter.name, shown(value)))
    };
    description.parameters.iter().filter(differs).filter_map(assigned).collect()
}

fn unknown(name: &str, description: &Description) -> String {
    let names = || description.parameters.iter().map(|parameter| parameter.name.as_str());
    let nearest = names()
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.chars().count() / 4);
    let advice = match nearest {
        Some((_, known)) => format!("did you mean {known}?"),
        None if description.parameters.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
    };
    format!("{} has no parameter {name:?}: {advice}", description.name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn parameter(name: &str, default: Value, constraint: Constraint) -> Parameter {
        let (name, help) = (name.to_owned(), format!("What {name} does."));
        Parameter { name, help, default, constraint, relaxes: Vec::new() }
    }

    pub(crate) fn description() -> Description {
        Description {
            name: "firewall".to_owned(),
            summary: "Lets the inside open sessions.".to_owned(),
            ports: 2,
            handles: Vec::new(),
            packet_sets: Vec::new(),
            orphans: Vec::new(),
            state_size: 0,
            window: 128,
            headroom: 0,
            parameters: vec![
                parameter("idle_timeout", Value::Unsigned(30), Constraint::Range(1, 100)),
                parameter("strict", Value::Boolean(false), Constraint::Any),
                parameter(
                    "mode",
                    Value::Text("open".to_owned()),
                    Constraint::Choices(vec!["open".to_owned(), "closed".to_owned()]),
                ),
                parameter("mac", Value::Text(String::new()), Constraint::Any),
                parameter("limit", Value::Unsigned(0), Constraint::Any),
            ],
            drop_reasons: Vec::new(),
            events: Vec::new(),
        }
    }

    fn set(assignments: &[&str]) -> Result<Parameters, String> {
        let assignments: Vec<_> =
            assignments.iter().map(|text| text.parse::<Assignment>().unwrap()).collect();
        resolved(&Given::default().overridden_by(&assignments))
    }

    fn file(text: &str) -> Given {
        Given::from_file(toml::from_str(text).unwrap())
    }

    fn resolved(given: &Given) -> Result<Parameters, String> {
        given.resolve(&description()).map_err(|failure| match failure {
            Failure::Input(message) => message,
            Failure::Failed(message) => panic!("not an error of input: {message}"),
        })
    }

    #[test]
    fn what_is_not_given_has_its_default() {
        let parameters = set(&[]).unwrap();
        assert_eq!(parameters.len(), 5);
        assert_eq!(parameters["idle_timeout"], Value::Unsigned(30));
        assert!(differing(&parameters, &description()).is_empty());
    }

    #[test]
    fn values_of_the_command_line_are_typed_by_the_description() {
        let parameters =
            set(&["idle_timeout=100", "strict=on", "mode=closed", "mac=a=b", "limit=0xff"])
                .unwrap();
        assert_eq!(parameters["idle_timeout"], Value::Unsigned(100));
        assert_eq!(parameters["strict"], Value::Boolean(true));
        assert_eq!(parameters["mode"], Value::Text("closed".to_owned()));
        assert_eq!(parameters["mac"], Value::Text("a=b".to_owned()));
        assert_eq!(parameters["limit"], Value::Unsigned(255));
        assert_eq!(
            differing(&parameters, &description()),
            ["idle_timeout=100", "strict=on", "mode=closed", "mac=a=b", "limit=255"]
        );
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        assert_eq!(
            set(&["idle_timeuot=3"]).unwrap_err(),
            "firewall has no parameter \"idle_timeuot\": did you mean idle_timeout?"
        );
        assert_eq!(
            set(&["xyzzy=3"]).unwrap_err(),
            "firewall has no parameter \"xyzzy\": it has idle_timeout, strict, mode, mac, limit"
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        assert_eq!(
            set(&["idle_timeout=soon"]).unwrap_err(),
            "parameter idle_timeout is a number from 1 to 100, not \"soon\""
        );
        assert_eq!(
            set(&["strict=maybe"]).unwrap_err(),
            "parameter strict is on or off, not \"maybe\""
        );
        for number in ["", "-1", "+1", "0x", "0x+1", "1.5", "18446744073709551616"] {
            assert!(set(&[&format!("limit={number}")]).is_err(), "{number:?}");
        }
    }

    #[test]
    fn a_value_outside_its_constraint_is_refused() {
        assert!(set(&["idle_timeout=0"]).is_err());
        assert!(set(&["idle_timeout=101"]).is_err());
        assert_eq!(
            set(&["mode=ajar"]).unwrap_err(),
            "parameter mode is one of open, closed, not \"ajar\""
        );
    }

    #[test]
    fn a_file_has_types_of_its_own() {
        let parameters =
            resolved(&file("idle_timeout = 7\nstrict = true\nmode = 'closed'")).unwrap();
        assert_eq!(parameters["idle_timeout"], Value::Unsigned(7));
        assert_eq!(parameters["strict"], Value::Boolean(true));
        assert_eq!(
            resolved(&file("idle_timeout = '7'")).unwrap_err(),
            "parameter idle_timeout is a number from 1 to 100, not \"7\""
        );
        assert!(resolved(&file("limit = -1")).is_err());
        assert!(resolved(&file("mode = true")).is_err());
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let assignment = ["idle_timeout=9".parse().unwrap()];
        let given = file("idle_timeout = 7\nlimit = 1").overridden_by(&assignment);
        let parameters = resolved(&given).unwrap();
        assert_eq!(parameters["idle_timeout"], Value::Unsigned(9));
        assert_eq!(parameters["limit"], Value::Unsigned(1));
    }

    #[test]
    fn an_assignment_needs_a_name_and_an_equals_sign() {
        assert!("novalue".parse::<Assignment>().is_err());
        assert!("=3".parse::<Assignment>().is_err());
        assert!("name=".parse::<Assignment>().is_ok());
    }
}

//! Which parameter relaxes a conflict, what it is now, and what to try next.
//!
//! The network function ties its parameters to settings of its structures
//! (`parameter.relaxes` of the contract), and the rules table says which setting to change for a
//! cause and which way. A number is doubled or halved within its range; one that is 0 starts where
//! its unit, the end of its name, makes it large enough to matter. A choice goes back to its
//! default.

use nfos_engine::description::{Constraint, Description, Parameter};
use nfos_engine::services::Value;
use nfos_records::ParameterAdvice;
use nfos_state::rules::{Advisor, Change, Lever, Setting};
use std::collections::BTreeMap;

/// The parameters of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advice {
    tied: Vec<(Parameter, Value)>,
}

impl Advice {
    /// Of a network function whose parameters have these values.
    pub(crate) fn new(description: &Description, values: &BTreeMap<String, Value>) -> Self {
        let tied = description.parameters.iter().filter(|parameter| !parameter.relaxes.is_empty());
        let valued = |parameter: &Parameter| {
            let value = values.get(&parameter.name).unwrap_or(&parameter.default);
            (parameter.clone(), value.clone())
        };
        Self { tied: tied.map(valued).collect() }
    }

    fn about(&self, object: &str, setting: Setting) -> impl Iterator<Item = &(Parameter, Value)> {
        self.tied.iter().filter(move |(parameter, _)| {
            let mut relaxes = parameter.relaxes.iter();
            relaxes.any(|tie| setting_of(tie.setting) == setting && tie.is_about(object))
        })
    }
}

impl Advisor for Advice {
    fn parameters(&self, object: &str, lever: Lever) -> Vec<ParameterAdvice> {
        let advised = |(parameter, value): &(Parameter, Value)| ParameterAdvice {
            name: parameter.name.clone(),
            current: shown(value),
            suggested: suggested(parameter, value, lever).as_ref().map(shown),
        };
        // Of several ways the best may be the one that is taken: then there is nothing to say.
        let worth =
            |advice: &ParameterAdvice| lever.change != Change::Choose || advice.suggested.is_some();
        self.about(object, lever.setting).map(advised).filter(worth).collect()
    }

    fn set_by(&self, object: &str, setting: Setting) -> Vec<ParameterAdvice> {
        let named = |(parameter, value): &(Parameter, Value)| ParameterAdvice {
            name: parameter.name.clone(),
            current: shown(value),
            suggested: None,
        };
        self.about(object, setting).map(named).collect()
    }
}

fn setting_of(from: nfos_engine::description::Setting) -> Setting {
    use nfos_engine::description::Setting as From;
    match from {
        From::Capacity => Setting::Capacity,
        From::Duration => Setting::Duration,
        From::RefreshInterval => Setting::RefreshInterval,
        From::Staleness => Setting::Staleness,
        From::WriteInterval => Setting::WriteInterval,
        From::Method => Setting::Method,
    }
}

/// As the operator would write it.
fn shown(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Boolean(yes) => if *yes { "on" } else { "off" }.to_owned(),
        Value::Text(text) => text.clone(),
    }
}

fn suggested(parameter: &Parameter, value: &Value, lever: Lever) -> Option<Value> {
    let (least, most) = match parameter.constraint {
        Constraint::Range(least, most) => (least, most),
        _ => (0, u64::MAX),
    };
    match (lever.change, value) {
        (Change::Raise, Value::Unsigned(now)) => {
            let next = match now {
                0 => first(&parameter.name, lever.setting),
                now => now.saturating_mul(2),
            };
            let next = next.min(most);
            (next > *now).then_some(Value::Unsigned(next))
        }
        (Change::Lower, Value::Unsigned(now)) => {
            let next = (now / 2).max(least);
            (next < *now).then_some(Value::Unsigned(next))
        }
        (Change::Choose, value) => (*value != parameter.default).then(|| parameter.default.clone()),
        _ => None,
    }
}

/// Where a number that is 0 begins, in the unit of its name.
fn first(name: &str, setting: Setting) -> u64 {
    let nanoseconds: u64 = match setting {
        Setting::Staleness => 100_000,
        Setting::RefreshInterval | Setting::Duration => 1_000_000_000,
        Setting::WriteInterval => 1_000_000,
        Setting::Capacity | Setting::Method => return 1,
    };
    let units = [("_ns", 1), ("_us", 1_000), ("_ms", 1_000_000), ("_s", 1_000_000_000)];
    let unit = units.iter().find(|(end, _)| name.ends_with(end)).map(|(_, unit)| *unit);
    unit.map_or(1, |unit: u64| nanoseconds / unit).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nfos_engine::description::{Relaxation, Setting as Tied};
    use nfos_state::rules::{Cause, Particulars};

    fn parameter(
        name: &str,
        (default, constraint): (Value, Constraint),
        ties: &[(Tied, &str)],
    ) -> Parameter {
        let tie = |&(setting, structure): &(Tied, &str)| Relaxation {
            setting,
            structure: structure.to_owned(),
        };
        Parameter {
            name: name.to_owned(),
            help: String::new(),
            default,
            constraint,
            relaxes: ties.iter().map(tie).collect(),
        }
    }

    fn advice(values: &[(&str, Value)]) -> Advice {
        let number = |default| (Value::Unsigned(default), Constraint::Any);
        let parameters = vec![
            parameter("staleness_us", number(0), &[(Tied::Staleness, "counters")]),
            parameter("timeout_s", number(300), &[(Tied::Duration, "leases*")]),
            parameter(
                "addresses",
                (Value::Unsigned(1), Constraint::Range(1, 3)),
                &[(Tied::Capacity, "leases_tcp"), (Tied::Capacity, "leases_udp")],
            ),
            parameter(
                "refresh",
                (Value::Text("lease".to_owned()), Constraint::Any),
                &[(Tied::Method, "last_seen")],
            ),
            parameter("mac", (Value::Text(String::new()), Constraint::Any), &[]),
        ];
        let description = Description {
            name: "nf".to_owned(),
            summary: String::new(),
            ports: 1,
            handles: Vec::new(),
            packet_sets: Vec::new(),
            orphans: Vec::new(),
            state_size: 0,
            window: 0,
            headroom: 0,
            parameters,
            drop_reasons: Vec::new(),
            events: Vec::new(),
        };
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Advice::new(&description, &values.collect())
    }

    fn recipe(cause: Cause, object: &str, values: &[(&str, Value)]) -> String {
        cause.advised(&Particulars { object, ..Particulars::default() }, &advice(values))
    }

    #[test]
    fn a_number_grows_from_what_it_is() {
        let staleness = |now| recipe(Cause::D1, "counters", &[("staleness_us", now)]);
        assert_eq!(
            recipe(Cause::D1, "counters", &[]),
            "raise its staleness (`staleness_us`, now 0: try 100)"
        );
        assert!(staleness(Value::Unsigned(100)).ends_with("now 100: try 200)"));
        assert!(staleness(Value::Unsigned(u64::MAX)).ends_with(&format!("now {})", u64::MAX)));
        assert_eq!(recipe(Cause::D1, "others", &[]), "raise its staleness");
    }

    #[test]
    fn a_number_stays_within_its_range() {
        let advised = |addresses| {
            recipe(Cause::A1, "leases_udp", &[("addresses", Value::Unsigned(addresses))])
        };
        assert_eq!(
            advised(2),
            "overprovision: raise its capacity (`addresses`, now 2: try 3), or keep its entries \
             for less long (`timeout_s`, now 300: try 150)"
        );
        assert!(advised(3).contains("(`addresses`, now 3)"));
    }

    #[test]
    fn a_choice_goes_back_to_its_default_and_is_not_mentioned_there() {
        let refresh =
            |way: &str| recipe(Cause::V1, "last_seen", &[("refresh", Value::Text(way.to_owned()))]);
        assert!(refresh("write").ends_with("the way it is used (`refresh`, now write: try lease)"));
        assert!(refresh("lease").ends_with("change the way it is used"));
    }

    #[test]
    fn units_tell_where_a_number_begins() {
        let begins = |name: &str| first(name, Setting::Staleness);
        assert_eq!(["a_ns", "a_us", "a_ms", "a_s", "a"].map(begins), [100_000, 100, 1, 1, 1]);
        assert_eq!(first("refresh_interval_ms", Setting::RefreshInterval), 1_000);
        assert_eq!(first("addresses", Setting::Capacity), 1);
    }
}

//! What the contract asks of a description beyond its types.
//!
//! The first field that breaks a rule is named as the contract writes it, with indices from 0.
//! Lists that the contract leaves open have generous bounds here, so that nothing behind this
//! check is sized by a guest.

use std::collections::HashSet;
use std::hash::Hash;

use crate::description::{
    Constraint, Description, Field, HOST_REASONS, Layer, Parameter, Relaxation, Rule,
};
use crate::fault::FaultReason;
use crate::load::LoadError;
use crate::services::Value;

/// Ports of a host.
const PORTS_MAX: u16 = 64;
/// Bytes of a packet set's state.
const STATE_BYTES_MAX: u32 = 4096;
/// Bytes by which a frame may grow at its front.
const HEADROOM_BYTES_MAX: u32 = 128;
/// Items of a list, where the contract names no bound.
const ITEMS_MAX: usize = 255;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a sentence or a text value.
const TEXT_BYTES_MAX: usize = 1024;

type Check = Result<(), LoadError>;

/// Checks a description.
pub(super) fn check(description: &Description) -> Check {
    check_name("name", &description.name, "-")?;
    check_text("summary", &description.summary)?;
    if !(1..=PORTS_MAX).contains(&description.ports) {
        return broken("ports", format!("is {}; 1 to {PORTS_MAX}", description.ports));
    }
    check_distinct("handles", description.handles.iter().map(|&kind| kind as u8))?;
    check_packet_sets(description)?;
    check_rules("orphans", &description.orphans)?;
    check_most("state-size", description.state_size, STATE_BYTES_MAX)?;
    check_most("headroom", description.headroom, HEADROOM_BYTES_MAX)?;
    check_parameters(&description.parameters)?;
    check_names("drop-reasons", &description.drop_reasons, "_")?;
    check_names("events", &description.events, "_")?;
    let of_host = |name: &str| {
        HOST_REASONS.contains(&name) || FaultReason::ALL.iter().any(|reason| reason.name() == name)
    };
    match description.drop_reasons.iter().position(|name| of_host(name)) {
        Some(at) => broken(format!("drop-reasons[{at}]"), "is a reason of the host's own"),
        None => Ok(()),
    }
}

fn check_packet_sets(description: &Description) -> Check {
    let sets = &description.packet_sets;
    check_length("packet-sets", sets.len())?;
    check_distinct("packet-sets", sets.iter().map(|set| &set.name))?;
    for (at, set) in sets.iter().enumerate() {
        let field = format!("packet-sets[{at}]");
        check_name(&format!("{field}.name"), &set.name, "-_")?;
        if set.rules.is_empty() {
            return broken(format!("{field}.rules"), "is empty; at least one rule");
        }
        check_rules(&format!("{field}.rules"), &set.rules)?;
    }
    Ok(())
}

fn check_rules(field: &str, rules: &[Rule]) -> Check {
    check_length(field, rules.len())?;
    rules.iter().enumerate().try_for_each(|(at, rule)| check_rule(&format!("{field}[{at}]"), rule))
}

fn check_rule(field: &str, rule: &Rule) -> Check {
    let Rule { ports, layer, protocols, key, symmetric } = rule;
    check_distinct(&format!("{field}.ports"), ports)?;
    if let Some(port) = ports.iter().find(|port| **port >= PORTS_MAX) {
        return broken(format!("{field}.ports"), format!("has {port}; 0 to {}", PORTS_MAX - 1));
    }
    check_distinct(&format!("{field}.protocols"), protocols)?;
    if *layer == Layer::Ethernet && !protocols.is_empty() {
        return broken(format!("{field}.protocols"), "is for IP layers; none at `ethernet`");
    }
    let key_field = format!("{field}.key");
    if key.is_empty() {
        return broken(key_field, "is empty; at least one field");
    }
    check_distinct(&key_field, key.iter().map(|&field| field as u8))?;
    if *layer == Layer::Ethernet && !key.iter().all(|&field| is_mac(field)) {
        return broken(key_field, "has IP fields; only MAC addresses at `ethernet`");
    }
    if key.iter().any(|&field| is_port(field)) && !names_transports(protocols) {
        let rule = "names 6 (TCP), 17 (UDP) or both, and no other, in a rule that reads ports";
        return broken(format!("{field}.protocols"), rule);
    }
    if *symmetric && !key.iter().all(|&field| key.contains(&opposite(field))) {
        let rule = "lacks the other end of a field, which a symmetric rule needs";
        return broken(key_field, rule);
    }
    Ok(())
}

fn names_transports(protocols: &[u8]) -> bool {
    !protocols.is_empty() && protocols.iter().all(|protocol| matches!(protocol, 6 | 17))
}

fn is_mac(field: Field) -> bool {
    matches!(field, Field::SourceMac | Field::DestinationMac)
}

fn is_port(field: Field) -> bool {
    matches!(field, Field::SourcePort | Field::DestinationPort)
}

fn opposite(field: Field) -> Field {
    match field {
        Field::SourceMac => Field::DestinationMac,
        Field::DestinationMac => Field::SourceMac,
        Field::SourceAddress => Field::DestinationAddress,
        Field::DestinationAddress => Field::SourceAddress,
        Field::Protocol => Field::Protocol,
        Field::SourcePort => Field::DestinationPort,
        Field::DestinationPort => Field::SourcePort,
    }
}

fn check_parameters(parameters: &[Parameter]) -> Check {
    check_length("parameters", parameters.len())?;
    check_distinct("parameters", parameters.iter().map(|parameter| &parameter.name))?;
    for (at, parameter) in parameters.iter().enumerate() {
        let field = format!("parameters[{at}]");
        check_name(&format!("{field}.name"), &parameter.name, "-_")?;
        check_text(&format!("{field}.help"), &parameter.help)?;
        if let Value::Text(text) = &parameter.default {
            check_text(&format!("{field}.default"), text)?;
        }
        check_constraint(&field, parameter)?;
        check_length(&format!("{field}.relaxes"), parameter.relaxes.len())?;
        for (at, Relaxation { structure, .. }) in parameter.relaxes.iter().enumerate() {
            let field = format!("{field}.relaxes[{at}].structure");
            if structure.is_empty() {
                return broken(field, "is empty; the name of a structure");
            }
            check_text(&field, structure)?;
        }
    }
    Ok(())
}

fn check_constraint(field: &str, parameter: &Parameter) -> Check {
    let constraint = format!("{field}.constraint");
    let default = format!("{field}.default");
    match (&parameter.constraint, &parameter.default) {
        (Constraint::Any, _) => Ok(()),
        (Constraint::Range(least, greatest), _) if least > greatest => {
            broken(constraint, format!("is the range {least} to {greatest}; the least comes first"))
        }
        (Constraint::Range(least, greatest), Value::Unsigned(value)) => {
            if (least..=greatest).contains(&value) {
                return Ok(());
            }
            broken(default, format!("is {value}, outside its range {least} to {greatest}"))
        }
        (Constraint::Range(..), _) => broken(constraint, "is a range; only for `unsigned`"),
        (Constraint::Choices(choices), Value::Text(value)) => {
            check_length(&constraint, choices.len())?;
            check_distinct(&constraint, choices)?;
            choices.iter().try_for_each(|choice| check_text(&constraint, choice))?;
            if choices.contains(value) {
                return Ok(());
            }
            broken(default, "is none of its choices")
        }
        (Constraint::Choices(_), _) => broken(constraint, "are choices; only for `text`"),
    }
}

fn check_names(field: &str, names: &[String], punctuation: &str) -> Check {
    check_length(field, names.len())?;
    check_distinct(field, names)?;
    names
        .iter()
        .enumerate()
        .try_for_each(|(at, name)| check_name(&format!("{field}[{at}]"), name, punctuation))
}

/// Lower-case letters, digits and some punctuation, beginning with a letter.
fn check_name(field: &str, name: &str, punctuation: &str) -> Check {
    if name.len() > NAME_BYTES_MAX {
        return broken(field, format!("has {} bytes; at most {NAME_BYTES_MAX}", name.len()));
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || punctuation.contains(c);
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) {
        return Ok(());
    }
    let allowed = match punctuation {
        "-" => "digits and hyphens",
        "_" => "digits and underscores",
        _ => "digits, hyphens and underscores",
    };
    let rule = format!("is {name:?}; a lower-case letter, then lower-case letters, {allowed}");
    broken(field, rule)
}

fn check_text(field: &str, text: &str) -> Check {
    if text.len() > TEXT_BYTES_MAX {
        return broken(field, format!("has {} bytes; at most {TEXT_BYTES_MAX}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return broken(field, "has control characters; one line of text");
    }
    Ok(())
}

fn check_most(field: &str, value: u32, most: u32) -> Check {
    if value > most {
        return broken(field, format!("is {value}; at most {most}"));
    }
    Ok(())
}

fn check_length(field: &str, length: usize) -> Check {
    if length > ITEMS_MAX {
        return broken(field, format!("has {length} items; at most {ITEMS_MAX}"));
    }
    Ok(())
}

fn check_distinct<T: Hash + Eq>(field: &str, items: impl IntoIterator<Item = T>) -> Check {
    let mut seen = HashSet::new();
    match items.into_iter().position(|item| !seen.insert(item)) {
        Some(at) => broken(field, format!("has its item {at} twice")),
        None => Ok(()),
    }
}

fn broken(field: impl Into<String>, rule: impl Into<String>) -> Check {
    Err(LoadError::BadDescription { field: field.into(), rule: rule.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::{PacketSet, Setting};
    use crate::exchange::EventKind;

    fn rule() -> Rule {
        Rule {
            ports: vec![0],
            layer: Layer::Ipv4,
            protocols: vec![6, 17],
            key: vec![
                Field::SourceAddress,
                Field::DestinationAddress,
                Field::Protocol,
                Field::SourcePort,
                Field::DestinationPort,
            ],
            symmetric: true,
        }
    }

    fn parameter(default: Value, constraint: Constraint) -> Parameter {
        let (name, help) = ("p".to_owned(), "Help.".to_owned());
        let relaxes = vec![Relaxation { setting: Setting::Capacity, structure: "v*".to_owned() }];
        Parameter { name, help, default, constraint, relaxes }
    }

    fn good() -> Description {
        Description {
            name: "nf".to_owned(),
            summary: "Does a thing.".to_owned(),
            ports: 2,
            handles: vec![EventKind::Packet],
            packet_sets: vec![PacketSet { name: "set".to_owned(), rules: vec![rule()] }],
            orphans: vec![rule()],
            state_size: 4096,
            window: u32::MAX,
            headroom: 128,
            parameters: vec![parameter(Value::Unsigned(3), Constraint::Range(3, 3))],
            drop_reasons: vec!["no_luck".to_owned()],
            events: vec!["seen_2".to_owned()],
        }
    }

    /// What is said of a good description after `change`.
    fn said(change: impl FnOnce(&mut Description)) -> String {
        let mut description = good();
        change(&mut description);
        check(&description).expect_err("a broken rule").to_string()
    }

    #[track_caller]
    fn breaks(field: &str, rule: &str, change: impl FnOnce(&mut Description)) {
        assert_eq!(said(change), format!("its description is wrong: `{field}` {rule}"));
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_description_within_the_rules_passes() {
        check(&good()).unwrap();
    }

    #[test]
    fn numbers_have_their_ranges() {
        breaks("ports", "is 0; 1 to 64", |d| d.ports = 0);
        breaks("ports", "is 65; 1 to 64", |d| d.ports = 65);
        breaks("state-size", "is 4097; at most 4096", |d| d.state_size = 4097);
        breaks("headroom", "is 129; at most 128", |d| d.headroom = 129);
    }

    #[test]
    fn names_are_spelled_as_the_contract_says() {
        let hyphens = "a lower-case letter, then lower-case letters, digits and hyphens";
        for name in ["", "NF", "1nf", "-nf", "n_f", "nf\n", "n f", "größe"] {
            breaks("name", &format!("is {name:?}; {hyphens}"), |d| d.name = name.to_owned());
        }
        breaks("name", "has 65 bytes; at most 64", |d| d.name = "a".repeat(65));
        let underscores = "a lower-case letter, then lower-case letters, digits and underscores";
        for name in ["", "no-luck", "_x", "Full"] {
            let rule = format!("is {name:?}; {underscores}");
            breaks("drop-reasons[0]", &rule, |d| d.drop_reasons = names(&[name]));
            breaks("events[1]", &rule, |d| d.events = names(&["ok", name]));
        }
        let both = "a lower-case letter, then lower-case letters, digits, hyphens and underscores";
        breaks("parameters[0].name", &format!("is \"a=b\"; {both}"), |d| {
            d.parameters[0].name = "a=b".to_owned();
        });
        breaks("packet-sets[0].name", &format!("is \"a b\"; {both}"), |d| {
            d.packet_sets[0].name = "a b".to_owned();
        });
    }

    #[test]
    fn a_relaxation_names_a_structure() {
        let field = "parameters[0].relaxes[0].structure";
        let named = |name: &str| {
            let name = name.to_owned();
            move |d: &mut Description| d.parameters[0].relaxes[0].structure = name
        };
        breaks(field, "is empty; the name of a structure", named(""));
        breaks(field, "has control characters; one line of text", named("a\n"));
        breaks("parameters[0].relaxes", "has 256 items; at most 255", |d| {
            let relaxation = d.parameters[0].relaxes[0].clone();
            d.parameters[0].relaxes = vec![relaxation; 256];
        });
    }

    #[test]
    fn names_are_distinct() {
        breaks("drop-reasons", "has its item 1 twice", |d| d.drop_reasons = names(&["a", "a"]));
        breaks("events", "has its item 2 twice", |d| d.events = names(&["a", "b", "a"]));
        breaks("handles", "has its item 1 twice", |d| d.handles = vec![EventKind::Packet; 2]);
        breaks("parameters", "has its item 1 twice", |d| {
            d.parameters.extend(d.parameters.clone());
        });
        breaks("packet-sets", "has its item 1 twice", |d| {
            d.packet_sets.extend(d.packet_sets.clone());
        });
    }

    #[test]
    fn reasons_of_the_host_are_not_a_guests() {
        for name in ["no_handler", "packet_set_table_full", "guest_trap", "guest_limit"] {
            breaks("drop-reasons[1]", "is a reason of the host's own", |d| {
                d.drop_reasons = names(&["own", name]);
            });
        }
    }

    #[test]
    fn lists_are_bounded() {
        let many = |count| (0..count).map(|i| format!("n{i}")).collect::<Vec<_>>();
        check(&Description { events: many(255), ..good() }).unwrap();
        breaks("events", "has 256 items; at most 255", |d| d.events = many(256));
        breaks("drop-reasons", "has 256 items; at most 255", |d| d.drop_reasons = many(256));
        breaks("orphans", "has 256 items; at most 255", |d| d.orphans = vec![rule(); 256]);
        breaks("packet-sets[0].rules", "has 256 items; at most 255", |d| {
            d.packet_sets[0].rules = vec![rule(); 256];
        });
    }

    #[test]
    fn sentences_are_one_line() {
        let rule = "has control characters; one line of text";
        breaks("summary", rule, |d| d.summary = "a\nb".to_owned());
        breaks("parameters[0].help", rule, |d| d.parameters[0].help = "\u{1b}[2J".to_owned());
        breaks("summary", "has 1025 bytes; at most 1024", |d| d.summary = "a".repeat(1025));
    }

    #[test]
    fn rules_name_fields_that_their_layer_has() {
        let first = |d: &mut Description, change: fn(&mut Rule)| {
            change(&mut d.packet_sets[0].rules[0]);
        };
        let at = |field: &str| format!("packet-sets[0].rules[0].{field}");
        breaks("packet-sets[0].rules", "is empty; at least one rule", |d| {
            d.packet_sets[0].rules.clear();
        });
        breaks("orphans[0].key", "is empty; at least one field", |d| d.orphans[0].key.clear());
        breaks(&at("key"), "has its item 5 twice", |d| {
            first(d, |rule| rule.key.push(Field::Protocol));
        });
        breaks(&at("ports"), "has 64; 0 to 63", |d| first(d, |rule| rule.ports = vec![63, 64]));
        breaks(&at("ports"), "has its item 1 twice", |d| {
            first(d, |rule| rule.ports = vec![1, 1]);
        });
        breaks(&at("protocols"), "is for IP layers; none at `ethernet`", |d| {
            first(d, |rule| rule.layer = Layer::Ethernet);
        });
        breaks(&at("key"), "has IP fields; only MAC addresses at `ethernet`", |d| {
            first(d, |rule| {
                rule.layer = Layer::Ethernet;
                rule.protocols.clear();
            });
        });
        let transports =
            "names 6 (TCP), 17 (UDP) or both, and no other, in a rule that reads ports";
        for protocols in [&[][..], &[1], &[6, 1]] {
            breaks(&at("protocols"), transports, |d| {
                d.packet_sets[0].rules[0].protocols = protocols.to_vec();
            });
        }
        let other_end = "lacks the other end of a field, which a symmetric rule needs";
        breaks(&at("key"), other_end, |d| first(d, |rule| rule.key.truncate(4)));
    }

    #[test]
    fn defaults_obey_their_constraints() {
        let with = |default: Value, constraint: Constraint| {
            move |d: &mut Description| d.parameters = vec![parameter(default, constraint)]
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let choices = |choices: &[&str]| Constraint::Choices(names(choices));
        let (default, constraint) = ("parameters[0].default", "parameters[0].constraint");
        let range = Constraint::Range(3, 5);
        breaks(default, "is 2, outside its range 3 to 5", with(Value::Unsigned(2), range.clone()));
        breaks(default, "is 6, outside its range 3 to 5", with(Value::Unsigned(6), range.clone()));
        breaks(constraint, "is a range; only for `unsigned`", with(text("4"), range));
        let backwards = Constraint::Range(5, 3);
        let rule = "is the range 5 to 3; the least comes first";
        breaks(constraint, rule, with(Value::Unsigned(4), backwards));
        breaks(default, "is none of its choices", with(text("c"), choices(&["a", "b"])));
        breaks(default, "is none of its choices", with(text(""), choices(&[])));
        breaks(constraint, "has its item 1 twice", with(text("a"), choices(&["a", "a"])));
        let rule = "are choices; only for `text`";
        breaks(constraint, rule, with(Value::Boolean(true), choices(&["true"])));
        check(&Description {
            parameters: vec![parameter(text("b"), choices(&["a", "b"]))],
            ..good()
        })
        .unwrap();
    }
}

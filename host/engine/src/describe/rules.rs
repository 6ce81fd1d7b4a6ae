//! What the contract asks of a description beyond its types.
//!
//! The first field that breaks a rule is named as the contract writes it, with indices from 0.
//! Lists that the contract leaves open have generous bounds here, so that nothing behind this
//! check is sized by a guest.

use std::collections::HashSet;
use std::hash::Hash;

use crate::description::{Constraint, Description, Field, Layer, Parameter, Rule};
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

/// Drop reasons of the contract, which are the host's to give.
const HOST_REASONS: [&str; 2] = ["no_handler", "packet_set_table_full"];

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

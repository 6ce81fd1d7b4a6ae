//! What `describe` says of a network function, as text and as JSON.

use std::fmt::Display;

use nfos_engine::description::{
    Constraint, Description, Field, Layer, PacketSet, Parameter, Relaxation, Rule,
};
use nfos_engine::exchange::EventKind;
use nfos_engine::services::Value;
use serde_json::{Value as Json, json};

use crate::launch::{Configuration, Structure};
use crate::numbers::{bytes, grouped, span};
use crate::parameters::{admitted, shown};
use crate::terminal::{Style, plain};

/// All that is known of a network function before any packet.
pub(crate) struct Portrait<'a> {
    pub(crate) description: &'a Description,
    /// What runs it.
    pub(crate) engine: &'static str,
    /// Why that.
    pub(crate) engine_reason: &'a str,
    /// What `init` returned, with the operator's parameters.
    pub(crate) configuration: Configuration,
    /// What `init` opened.
    pub(crate) structures: Vec<Structure>,
}

impl Portrait<'_> {
    /// For a human; ends with a newline.
    pub(crate) fn text(&self, style: Style) -> String {
        let about = self.description;
        let mut lines = vec![
            format!("{}: {}", style.strong(&plain(&about.name)), plain(&about.summary)),
            format!("engine: {} ({})", self.engine, plain(self.engine_reason)),
            format!("ports: {} or more", about.ports),
            format!("handlers: {}", or_none(about.handles.iter().copied().map(handler))),
            format!("window: {}, headroom {}", window(about.window), bytes(about.headroom.into())),
        ];
        lines.extend(self.packet_set_lines());
        lines.push(format!(
            "periods: {}",
            or_none(self.configuration.periods_ns.iter().map(|ns| span(*ns)))
        ));
        lines.extend(parameter_lines(about));
        lines.push(format!("drop reasons: {}", or_none(&about.drop_reasons)));
        lines.push(format!("events: {}", or_none(&about.events)));
        lines.extend(self.structure_lines());
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    fn packet_set_lines(&self) -> Vec<String> {
        let Configuration { idle_timeout_ns, packet_sets, .. } = self.configuration;
        let definitions = &self.description.packet_sets;
        let mut lines = vec![match definitions.len() {
            0 => "packet sets: none".to_owned(),
            _ => format!(
                "packet sets: room for {}, {} of state each, {}",
                grouped(packet_sets.into()),
                bytes(self.description.state_size.into()),
                match idle_timeout_ns {
                    0 => "never expire".to_owned(),
                    ns => format!("expire after {} without a packet", span(ns)),
                }
            ),
        }];
        for PacketSet { name, rules } in definitions {
            lines.push(format!("  {}", plain(name)));
            lines.extend(rules.iter().map(|rule| format!("    {}", rule_text(rule))));
        }
        if self.description.orphans.is_empty() {
            lines.push("orphans: by 5-tuple, or else by the pair of MAC addresses".to_owned());
        } else {
            lines.push("orphans".to_owned());
            lines.extend(
                self.description.orphans.iter().map(|rule| format!("  {}", rule_text(rule))),
            );
        }
        lines
    }

    fn structure_lines(&self) -> Vec<String> {
        if self.structures.is_empty() {
            return vec!["structures: none".to_owned()];
        }
        let line = |structure: &Structure| {
            let Structure { kind, name, shape, bytes: size } = structure;
            format!("  {kind} {}: {shape}, {}", plain(name), bytes(*size))
        };
        std::iter::once("structures".to_owned()).chain(self.structures.iter().map(line)).collect()
    }

    /// For a program.
    pub(crate) fn json(&self) -> Json {
        let about = self.description;
        let handlers: Vec<_> = about.handles.iter().copied().map(handler).collect();
        let sets = about.packet_sets.iter().map(|set| {
            let rules: Vec<_> = set.rules.iter().map(rule_json).collect();
            json!({ "name": set.name, "rules": rules })
        });
        let structures = self.structures.iter().map(|structure| {
            let Structure { kind, name, shape, bytes } = structure;
            json!({ "kind": kind, "name": name, "shape": shape, "bytes": bytes })
        });
        json!({
            "name": about.name,
            "summary": about.summary,
            "engine": self.engine,
            "engine_reason": self.engine_reason,
            "ports": about.ports,
            "handlers": handlers,
            "window": about.window,
            "headroom": about.headroom,
            "packet_sets": sets.collect::<Vec<_>>(),
            "orphans": about.orphans.iter().map(rule_json).collect::<Vec<_>>(),
            "state_size": about.state_size,
            "packet_sets_capacity": self.configuration.packet_sets,
            "idle_timeout_ns": self.configuration.idle_timeout_ns,
            "periods_ns": self.configuration.periods_ns,
            "parameters": about.parameters.iter().map(parameter_json).collect::<Vec<_>>(),
            "drop_reasons": about.drop_reasons,
            "events": about.events,
            "structures": structures.collect::<Vec<_>>(),
        })
    }
}

fn parameter_lines(about: &Description) -> Vec<String> {
    if about.parameters.is_empty() {
        return vec!["parameters: none".to_owned()];
    }
    let mut lines = vec!["parameters".to_owned()];
    for parameter in &about.parameters {
        let default = format!("{}={}", parameter.name, shown(&parameter.default));
        lines.push(format!("  {}  {}", plain(&default), plain(&admitted(parameter))));
        lines.push(format!("      {}", plain(&parameter.help)));
        if !parameter.relaxes.is_empty() {
            let settings = parameter.relaxes.iter().map(relaxation_text);
            lines.push(format!("      relaxes conflicts: {}", plain(&joined(settings))));
        }
    }
    lines
}

fn relaxation_text(Relaxation { setting, structure }: &Relaxation) -> String {
    format!("{} of {structure}", setting.name())
}

fn parameter_json(parameter: &Parameter) -> Json {
    let (kind, default) = match &parameter.default {
        Value::Unsigned(number) => ("unsigned", json!(number)),
        Value::Boolean(yes) => ("boolean", json!(yes)),
        Value::Text(text) => ("text", json!(text)),
    };
    let constraint = match &parameter.constraint {
        Constraint::Any => Json::Null,
        Constraint::Range(least, most) => json!({ "range": [least, most] }),
        Constraint::Choices(choices) => json!({ "choices": choices }),
    };
    let relaxes = parameter.relaxes.iter().map(|Relaxation { setting, structure }| {
        json!({ "setting": setting.name(), "structure": structure })
    });
    json!({
        "name": parameter.name,
        "type": kind,
        "default": default,
        "constraint": constraint,
        "relaxes": relaxes.collect::<Vec<_>>(),
        "help": parameter.help,
    })
}

fn rule_text(rule: &Rule) -> String {
    let ports = match rule.ports.as_slice() {
        [] => "every port".to_owned(),
        [port] => format!("port {port}"),
        ports => format!("ports {}", joined(ports)),
    };
    let protocols = match rule.protocols.as_slice() {
        [] => String::new(),
        protocols => format!(" {}", joined(protocols.iter().map(|number| protocol(*number)))),
    };
    let symmetric = if rule.symmetric { ", both directions alike" } else { "" };
    let key = joined(rule.key.iter().copied().map(field));
    format!("{ports}, {}{protocols}: {key}{symmetric}", layer(rule.layer))
}

fn rule_json(rule: &Rule) -> Json {
    json!({
        "ports": rule.ports,
        "layer": layer(rule.layer),
        "protocols": rule.protocols,
        "key": rule.key.iter().copied().map(field).collect::<Vec<_>>(),
        "symmetric": rule.symmetric,
    })
}

fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        number => format!("protocol {number}"),
    }
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Ethernet => "ethernet",
        Layer::Ipv4 => "ipv4",
        Layer::Ipv6 => "ipv6",
    }
}

fn field(field: Field) -> &'static str {
    match field {
        Field::SourceMac => "source-mac",
        Field::DestinationMac => "destination-mac",
        Field::SourceAddress => "source-address",
        Field::DestinationAddress => "destination-address",
        Field::Protocol => "protocol",
        Field::SourcePort => "source-port",
        Field::DestinationPort => "destination-port",
    }
}

pub(crate) fn handler(kind: EventKind) -> &'static str {
    match kind {
        EventKind::InitPacketSet => "init-packet-set",
        EventKind::Packet => "packet",
        EventKind::ExpiredPacketSet => "expired-packet-set",
        EventKind::OrphanPacket => "orphan-packet",
        EventKind::Periodic => "periodic",
    }
}

fn window(leading_bytes: u32) -> String {
    match leading_bytes {
        0 => "whole frames".to_owned(),
        leading => format!("the first {}", bytes(leading.into())),
    }
}

fn joined(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn or_none(items: impl IntoIterator<Item = impl Display>) -> String {
    let text = joined(items);
    if text.is_empty() { "none".to_owned() } else { plain(&text).into_owned() }
}

#[cfg(test)]
mod tests {
    use nfos_engine::description::Setting;

    use super::*;

    fn described() -> Description {
        let rule = |port, source, destination| Rule {
            ports: vec![port],
            layer: Layer::Ipv4,
            protocols: vec![6, 17, 47],
            key: vec![source, destination],
            symmetric: port == 1,
        };
        let mut description = Description {
            handles: vec![EventKind::InitPacketSet, EventKind::Periodic],
            packet_sets: vec![PacketSet {
                name: "session".to_owned(),
                rules: vec![
                    rule(0, Field::SourceAddress, Field::DestinationAddress),
                    rule(1, Field::DestinationAddress, Field::SourceAddress),
                ],
            }],
            state_size: 16,
            drop_reasons: vec!["no_session".to_owned(), "ev\x1bil".to_owned()],
            ..crate::parameters::tests::description()
        };
        let setting = Setting::Capacity;
        let relaxation = |structure: &str| Relaxation { setting, structure: structure.to_owned() };
        description.parameters[4].relaxes = vec![relaxation("counters"), relaxation("flows*")];
        description
    }

    fn portrait(description: &Description) -> Portrait<'_> {
        Portrait {
            description,
            engine: "direct",
            engine_reason: "one core module that imports nothing but nfos:nf",
            configuration: Configuration {
                idle_timeout_ns: 30_000_000_000,
                packet_sets: 65_536,
                periods_ns: vec![1_000_000_000, 5_000_000],
            },
            structures: vec![Structure {
                kind: "vector",
                name: "counters".to_owned(),
                shape: "4 cells".to_owned(),
                bytes: 192,
            }],
        }
    }

    #[test]
    fn the_whole_portrait() {
        let text = portrait(&described()).text(Style::PLAIN);
        assert_eq!(
            text,
            "\
firewall: Lets the inside open sessions.
engine: direct (one core module that imports nothing but nfos:nf)
ports: 2 or more
handlers: init-packet-set, periodic
window: the first 128 B, headroom 0 B
packet sets: room for 65,536, 16 B of state each, expire after 30.0 s without a packet
  session
    port 0, ipv4 TCP, UDP, protocol 47: source-address, destination-address
    port 1, ipv4 TCP, UDP, protocol 47: destination-address, source-address, both directions alike
orphans: by 5-tuple, or else by the pair of MAC addresses
periods: 1.0 s, 5 ms
parameters
  idle_timeout=30  a number from 1 to 100
      What idle_timeout does.
  strict=off  on or off
      What strict does.
  mode=open  one of open, closed
      What mode does.
  mac=\"\"  a text
      What mac does.
  limit=0  a number from 0 to 2^64 - 1
      What limit does.
      relaxes conflicts: capacity of counters, capacity of flows*
drop reasons: no_session, ev\\u{1b}il
events: none
structures
  vector counters: 4 cells, 192 B
"
        );
    }

    #[test]
    fn json_has_every_field_with_its_type() {
        let json = portrait(&described()).json();
        assert_eq!(json["packet_sets"][0]["rules"][0]["key"][0], "source-address");
        assert_eq!(json["parameters"][0]["constraint"]["range"], json!([1, 100]));
        assert_eq!(json["parameters"][1]["default"], json!(false));
        let relaxes = json!({ "setting": "capacity", "structure": "flows*" });
        assert_eq!(json["parameters"][4]["relaxes"][1], relaxes);
        assert_eq!(json["idle_timeout_ns"], json!(30_000_000_000_u64));
        assert_eq!(json["structures"][0]["name"], "counters");
    }

    #[test]
    fn what_is_not_there_is_said_to_be_none() {
        let mut description = described();
        description.packet_sets.clear();
        description.parameters.clear();
        let mut portrait = portrait(&description);
        portrait.structures.clear();
        let text = portrait.text(Style::PLAIN);
        for line in ["packet sets: none\n", "parameters: none\n", "structures: none\n"] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
    }
}

//! Which packets meet, as the guests have it: the rules of their packet sets and orphans.

use nfos_netio::{Classifier, Field, KeyRule, Layer, SetRules, Steering};

use Field::{DestinationAddress, DestinationPort, Protocol, SourceAddress, SourcePort};

const FIVE_TUPLE: [Field; 5] =
    [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
const ANSWERING: [Field; 5] =
    [DestinationAddress, SourceAddress, DestinationPort, SourcePort, Protocol];
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

fn rule(ports: &[u16], protocols: &[u8], key: &[Field]) -> KeyRule {
    KeyRule {
        ports: ports.to_vec(),
        layer: Layer::Ipv4,
        protocols: protocols.to_vec(),
        key: key.to_vec(),
        symmetric: false,
    }
}

/// The steering of a network function to so many workers.
///
/// # Panics
/// For no workers, or more than there can be.
pub fn steering(name: &str, workers: usize) -> Steering {
    let both = [TCP, UDP];
    let set = |rules: Vec<KeyRule>| vec![SetRules { name: name.to_owned(), rules }];
    let (sets, orphans) = match name {
        "firewall" => {
            let rules = vec![rule(&[0], &both, &FIVE_TUPLE), rule(&[1], &both, &ANSWERING)];
            (set(rules), vec![])
        }
        "policer" => (set(vec![rule(&[1], &[], &[DestinationAddress])]), vec![]),
        "anti-ddos" => {
            let flows = |port: u16| SetRules {
                name: format!("flow_from_port{port}"),
                rules: vec![rule(&[port], &both, &FIVE_TUPLE)],
            };
            (vec![flows(0), flows(1)], vec![])
        }
        "array" => (set(vec![rule(&[], &both, &FIVE_TUPLE)]), vec![]),
        "maglev" => (
            set(vec![rule(&[0, 2], &both, &FIVE_TUPLE)]),
            vec![rule(&[1, 3], &[], &[SourceAddress])],
        ),
        "nat" => (
            vec![],
            vec![
                rule(&[0], &both, &[SourceAddress, SourcePort, Protocol]),
                rule(&[0], &[ICMP], &[SourceAddress, Protocol]),
            ],
        ),
        _ => (vec![], vec![]),
    };
    let classifier = Classifier::new(&sets, &orphans).expect("rules that the guests have too");
    Steering::new(classifier, workers).expect("a number of workers that can be")
}

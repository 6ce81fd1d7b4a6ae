//! One workload per file: packets without end.

mod antiddos;
mod array;
mod bridge;
mod caida;
mod hostile;
mod lb_churn;
mod nat_both;
mod syn_flood;
mod synthetic;

use nfos_netio::synthetic::Random;

use crate::kind::{Kind, Options, Size};

/// Packets without end.
pub(crate) trait Source {
    /// Makes the next packet, which arrives at `now_ns`, and answers its port.
    fn next(&mut self, now_ns: u64, frame: &mut Vec<u8>) -> u16;
}

/// The packets of a kind.
pub(crate) fn of(kind: Kind, options: &Options) -> Box<dyn Source> {
    let random = Random::new(options.seed());
    match kind {
        Kind::Caida => Box::new(caida::Caida::new(options, &random)),
        Kind::Agh => Box::new(caida::Caida::of_campus(options, &random)),
        Kind::Bridge => Box::new(bridge::Bridge::new(options.senders())),
        Kind::AntiDdos => Box::new(antiddos::AntiDdos::new(options.senders())),
        Kind::Array => Box::new(array::Array::new(options, &random)),
        Kind::Flows(flows) => Box::new(synthetic::Synthetic::flows(flows, kind, options)),
        Kind::Imix => Box::new(synthetic::Synthetic::imix(kind, options)),
        Kind::SynFlood => Box::new(syn_flood::SynFlood::new(options, &random)),
        Kind::NatBoth => Box::new(nat_both::NatBoth::new(options, &random)),
        Kind::LbChurn => Box::new(lb_churn::LbChurn::new(options, &random)),
        Kind::Hostile => Box::new(hostile::Hostile::new(&random)),
    }
}

impl Size {
    /// Bytes of the next frame, without its check sequence.
    fn draw(self, random: &mut Random) -> usize {
        let size = match self {
            Self::Fixed(size) => size,
            Self::Imix => match random.below(12) {
                0..=6 => 64,
                7..=10 => 570,
                _ => 1_518,
            },
        };
        usize::from(size) - 4
    }
}

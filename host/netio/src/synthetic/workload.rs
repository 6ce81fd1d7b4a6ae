//! What the operator asks of a made-up workload.

use super::random::Random;
use crate::port::Pairs;
use crate::port::{Repeat, SpecFault};
use std::fmt;

const FLOWS_MAX: u64 = 1 << 24;
const PACKETS_MAX: u64 = 1 << 26;
const PACKETS_DEFAULT: u64 = 65_536;
const EXPONENT_DEFAULT: f64 = 0.99;

const KEYS: [&str; 8] =
    ["flows", "size", "packets", "seed", "protocol", "distribution", "exponent", "repeat"];
const ALLOWED: &str = "flows, size, packets, seed, protocol, distribution, exponent and repeat";

/// A workload, the same for all ports that play it.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Conversations: 1 to 16,777,216; 4,096 by default.
    pub flows: u64,
    /// Frame sizes; 64 by default.
    pub size: Size,
    /// Packets of each port's trace: 1 to 67,108,864; by default 65,536, or one of each flow if
    /// these are more.
    pub packets: u64,
    /// Where the random numbers begin; 1 by default.
    pub seed: u64,
    /// Which protocols; mixed by default.
    pub protocols: Protocols,
    /// How often each flow comes; uniform by default.
    pub distribution: Distribution,
    /// How often the trace is played; endless by default.
    pub repeat: Repeat,
}

/// Frame sizes, the frame check sequence included: a frame of 64 bytes is handed over as 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// All frames alike: 64 to 9,018.
    Fixed(u16),
    /// 64 : 570 : 1518 as 7 : 4 : 1, at random.
    Imix,
}

/// Which transport protocols flows have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Both, every other flow.
    Mixed,
}

/// How often each flow comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// By rank, with this exponent: above 0, at most 10.
    Zipf(f64),
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            flows: 4096,
            size: Size::Fixed(64),
            packets: PACKETS_DEFAULT,
            seed: 1,
            protocols: Protocols::Mixed,
            distribution: Distribution::Uniform,
            repeat: Repeat::Endless,
        }
    }
}

impl Workload {
    pub(crate) fn parse(pairs: &Pairs<'_>) -> Result<Self, SpecFault> {
        pairs.only("synthetic", &KEYS, ALLOWED)?;
        let default = Self::default();
        let flows = number(pairs, "flows", 1..=FLOWS_MAX, "a number from 1 to 16777216")?
            .unwrap_or(default.flows);
        let packets = number(pairs, "packets", 1..=PACKETS_MAX, "a number from 1 to 67108864")?
            .unwrap_or(default.packets.max(flows));
        let seed = number(pairs, "seed", 0..=u64::MAX, "a number below 2^64")?;
        Ok(Self {
            flows,
            size: Size::parse(pairs)?,
            packets,
            seed: seed.unwrap_or(default.seed),
            protocols: Protocols::parse(pairs)?,
            distribution: Distribution::parse(pairs)?,
            repeat: Repeat::parse(pairs)?,
        })
    }
}

fn number(
    pairs: &Pairs<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
    allowed: &'static str,
) -> Result<Option<u64>, SpecFault> {
    let Some(value) = pairs.value(key) else { return Ok(None) };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(wrong(key, value, allowed)),
    }
}

fn wrong(key: &'static str, value: &str, allowed: &'static str) -> SpecFault {
    SpecFault::Value { key, value: value.to_string(), allowed }
}

impl Size {
    fn parse(pairs: &Pairs<'_>) -> Result<Self, SpecFault> {
        match pairs.value("size") {
            None => Ok(Self::Fixed(64)),
            Some("imix") => Ok(Self::Imix),
            Some(value) => match value.parse() {
                Ok(size @ 64..=9018) => Ok(Self::Fixed(size)),
                _ => Err(wrong("size", value, "bytes from 64 to 9018, or imix")),
            },
        }
    }

    /// Bytes of the next frame as it is handed over, without the frame check sequence.
    pub(super) fn draw(self, random: &mut Random) -> usize {
        let size = match self {
            Self::Fixed(size) => size,
            Self::Imix => match random.below(12) {
                0..=6 => 64,
                7..=10 => 570,
                _ => 1518,
            },
        };
        usize::from(size.max(64)) - 4
    }
}

impl Protocols {
    fn parse(pairs: &Pairs<'_>) -> Result<Self, SpecFault> {
        match pairs.value("protocol") {
            Some("tcp") => Ok(Self::Tcp),
            Some("udp") => Ok(Self::Udp),
            None | Some("mixed") => Ok(Self::Mixed),
            Some(value) => Err(wrong("protocol", value, "tcp, udp or mixed")),
        }
    }
}

impl Distribution {
    fn parse(pairs: &Pairs<'_>) -> Result<Self, SpecFault> {
        let zipf = match pairs.value("distribution") {
            None | Some("uniform") => false,
            Some("zipf") => true,
            Some(value) => return Err(wrong("distribution", value, "uniform or zipf")),
        };
        match (zipf, pairs.value("exponent")) {
            (false, None) => Ok(Self::Uniform),
            (false, Some(_)) => {
                Err(SpecFault::Needs { key: "exponent", needs: "distribution must be zipf" })
            }
            (true, None) => Ok(Self::Zipf(EXPONENT_DEFAULT)),
            (true, Some(value)) => match value.parse() {
                Ok(exponent) if exponent > 0.0 && exponent <= 10.0 => Ok(Self::Zipf(exponent)),
                _ => Err(wrong("exponent", value, "a number above 0, at most 10")),
            },
        }
    }

    /// The flow of each packet.
    pub(super) fn order(self, flows: u64, packets: u64, random: &mut Random) -> Vec<u64> {
        match self {
            Self::Uniform => {
                let mut order: Vec<u64> = (0..packets).map(|packet| packet % flows).collect();
                for at in (1..order.len()).rev() {
                    order.swap(at, random.below(at as u64 + 1) as usize);
                }
                order
            }
            Self::Zipf(exponent) => {
                let mut sum = 0.0;
                let sums: Vec<f64> = (1..=flows)
                    .map(|rank| {
                        sum += (rank as f64).powf(-exponent);
                        sum
                    })
                    .collect();
                let draw = |_| {
                    let at = random.unit() * sum;
                    (sums.partition_point(|below| *below <= at) as u64).min(flows - 1)
                };
                (0..packets).map(draw).collect()
            }
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flows={},size=", self.flows)?;
        match self.size {
            Size::Fixed(size) => write!(f, "{size}")?,
            Size::Imix => write!(f, "imix")?,
        }
        let protocol = match self.protocols {
            Protocols::Tcp => "tcp",
            Protocols::Udp => "udp",
            Protocols::Mixed => "mixed",
        };
        write!(f, ",packets={},seed={},protocol={protocol}", self.packets, self.seed)?;
        match self.distribution {
            Distribution::Uniform => write!(f, ",distribution=uniform")?,
            Distribution::Zipf(exponent) => {
                write!(f, ",distribution=zipf,exponent={exponent}")?;
            }
        }
        write!(f, ",repeat={}", self.repeat)
    }
}

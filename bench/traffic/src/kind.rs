//! The workloads by name, and what each may be told.

use std::fmt;
use std::str::FromStr;

use crate::mixture::Mixture;

/// A workload; what is in it stands in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Flows as in the paper's trace.
    Caida,
    /// Flow lengths of a campus, whole.
    Agh,
    /// Pairs of MAC addresses, both directions.
    Bridge,
    /// The cycle of 25 packets, four fifths of its flows of one packet.
    AntiDdos,
    /// Ten thousand flows.
    Array,
    /// So many flows, in random order.
    Flows(u64),
    /// Three sizes of frames.
    Imix,
    /// `caida` with flows of one SYN.
    SynFlood,
    /// `caida` and the answers that a NAT lets in.
    NatBoth,
    /// `caida` to virtual addresses, and backends that come and go.
    LbChurn,
    /// What breaks each frame rule.
    Hostile,
}

/// Names without a number in them.
const NAMES: [(&str, Kind); 10] = [
    ("caida", Kind::Caida),
    ("agh", Kind::Agh),
    ("bridge", Kind::Bridge),
    ("antiddos", Kind::AntiDdos),
    ("array", Kind::Array),
    ("imix", Kind::Imix),
    ("syn-flood", Kind::SynFlood),
    ("nat-both", Kind::NatBoth),
    ("lb-churn", Kind::LbChurn),
    ("hostile", Kind::Hostile),
];

const FLOWS_MAX: u64 = 1 << 24;

/// A name that no workload has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no workload `{0}`; there are caida, agh, bridge, antiddos, array, flows=N (N from 1 \
     to 16777216), imix, syn-flood, nat-both, lb-churn and hostile"
)]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let flows = text.strip_prefix("flows=").and_then(|number| number.parse().ok());
        let flows = flows.filter(|flows| (1..=FLOWS_MAX).contains(flows)).map(Self::Flows);
        let known = NAMES.iter().find(|(name, _)| *name == text).map(|&(_, kind)| kind);
        known.or(flows).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMES.iter().find(|(_, kind)| kind == self)) {
            (Self::Flows(flows), _) => write!(f, "flows={flows}"),
            (_, known) => f.write_str(known.map_or("", |(name, _)| name)),
        }
    }
}

impl Kind {
    /// How many ports its packets arrive at.
    pub fn ports(self) -> u16 {
        match self {
            Self::Bridge | Self::NatBoth | Self::LbChurn | Self::Hostile => 2,
            _ => 1,
        }
    }

    /// Its nominal rate, unless told otherwise.
    pub fn packets_per_second(self) -> u64 {
        match self {
            // Backends live for seconds, so that a trace of a million packets sees many go.
            Self::LbChurn => 20_000,
            _ => 1_000_000,
        }
    }

    fn takes(self, option: Tuning) -> bool {
        match option {
            Tuning::Size => {
                matches!(self, Self::Caida | Self::Agh | Self::Array | Self::SynFlood)
            }
            Tuning::Open => matches!(
                self,
                Self::Caida | Self::Agh | Self::SynFlood | Self::NatBoth | Self::LbChurn
            ),
            Tuning::Senders => matches!(self, Self::Bridge | Self::AntiDdos),
            Tuning::Exponent => self == Self::Array,
            Tuning::Mixture => self == Self::Agh,
        }
    }
}

/// Options that not every kind takes.
#[derive(Clone, Copy)]
enum Tuning {
    Size,
    Open,
    Senders,
    Exponent,
    Mixture,
}

/// Sizes of frames, the check sequence included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// All alike: 64 to 9,018.
    Fixed(u16),
    /// 64 : 570 : 1518 as 7 : 4 : 1, at random.
    Imix,
}

/// What a workload may be told; what is `None` is as the workload has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// How many packets: a million, or one of each flow of `flows=N`.
    pub packets: Option<u64>,
    /// Where the random numbers begin: 1.
    pub seed: Option<u64>,
    /// The nominal rate.
    pub packets_per_second: Option<u64>,
    /// Sizes of frames: 64.
    pub size: Option<Size>,
    /// Flows in progress: 65,536.
    pub open: Option<u64>,
    /// Senders: 21.
    pub senders: Option<u64>,
    /// How uneven the flows are, 0 to 10: 0.
    pub exponent: Option<f64>,
    /// Which flow lengths: all.
    pub mixture: Option<Mixture>,
}

/// Options that do not go with a workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The workload has nothing that the option would change.
    #[error("the workload {kind} takes no --{option}")]
    NotTaken {
        /// The workload.
        kind: String,
        /// The option.
        option: &'static str,
    },
    /// The value is out of its range.
    #[error("--{option} should be {right}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// What would be right.
        right: &'static str,
    },
}

impl Options {
    /// Whether a kind takes them.
    ///
    /// # Errors
    /// The first that it does not, or that is out of its range.
    pub fn check(&self, kind: Kind) -> Result<(), OptionsError> {
        let given = [
            ("size", Tuning::Size, self.size.is_some()),
            ("open", Tuning::Open, self.open.is_some()),
            ("senders", Tuning::Senders, self.senders.is_some()),
            ("exponent", Tuning::Exponent, self.exponent.is_some()),
            ("mixture", Tuning::Mixture, self.mixture.is_some()),
        ];
        let refused = given.into_iter().find(|&(_, option, given)| given && !kind.takes(option));
        if let Some((option, ..)) = refused {
            return Err(OptionsError::NotTaken { kind: kind.to_string(), option });
        }
        let within =
            |value: Option<u64>, most| value.is_none_or(|value| (1..=most).contains(&value));
        let size = !matches!(self.size, Some(Size::Fixed(size)) if !(64..=9_018).contains(&size));
        let exponent = self.exponent.is_none_or(|exponent| (0.0..=10.0).contains(&exponent));
        let ranges = [
            ("packets", within(self.packets, 1 << 40), "from 1 to 2^40"),
            ("rate", within(self.packets_per_second, 1_000_000_000), "from 1 to 10^9 a second"),
            ("size", size, "bytes from 64 to 9018, or imix"),
            ("open", within(self.open, FLOWS_MAX), "from 1 to 16777216"),
            ("senders", within(self.senders, 31), "from 1 to 31"),
            ("exponent", exponent, "from 0 to 10"),
        ];
        match ranges.into_iter().find(|&(_, holds, _)| !holds) {
            Some((option, _, right)) => Err(OptionsError::OutOfRange { option, right }),
            None => Ok(()),
        }
    }

    pub(crate) fn packets(&self, kind: Kind) -> u64 {
        let flows = if let Kind::Flows(flows) = kind { flows } else { 0 };
        self.packets.unwrap_or(flows.max(1_000_000))
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    pub(crate) fn size(&self) -> Size {
        self.size.unwrap_or(Size::Fixed(64))
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.unwrap_or(65_536)
    }

    pub(crate) fn senders(&self) -> u64 {
        self.senders.unwrap_or(21)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (name, kind) in NAMES {
            assert_eq!(name.parse(), Ok(kind));
            assert_eq!(kind.to_string(), name);
        }
        assert_eq!("flows=4096".parse(), Ok(Kind::Flows(4_096)));
        assert_eq!(Kind::Flows(7).to_string(), "flows=7");
        for name in ["", "flows", "flows=0", "flows=99999999", "Caida"] {
            assert!(name.parse::<Kind>().is_err(), "{name}");
        }
    }

    #[test]
    fn options_that_would_change_nothing_are_refused() {
        let exponent = Options { exponent: Some(0.99), ..Options::default() };
        assert_eq!(exponent.check(Kind::Array), Ok(()));
        let refused = exponent.check(Kind::Bridge).map_err(|error| error.to_string());
        assert_eq!(refused, Err("the workload bridge takes no --exponent".to_owned()));
        let none = Options { open: Some(0), ..Options::default() };
        let refused = none.check(Kind::Caida).map_err(|error| error.to_string());
        assert_eq!(refused, Err("--open should be from 1 to 16777216".to_owned()));
    }
}

//! Packets with their time stamps.

use crate::kind::{Kind, Options, OptionsError};
use crate::source::{self, Source};

/// When traffic begins: in November 2023, in nanoseconds since 1970.
pub const START_NS: u64 = 1_700_000_000_000_000_000;

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Nanoseconds since 1970.
    pub time_ns: u64,
    /// The port that it arrives at.
    pub port: u16,
    /// Its bytes, without the frame check sequence.
    pub frame: &'a [u8],
}

/// The packets of a workload, one after the other, at a constant rate.
pub struct Traffic {
    source: Box<dyn Source>,
    ports: u16,
    packets_per_second: u64,
    packets: u64,
    given: u64,
    frame: Vec<u8>,
}

impl Traffic {
    /// The traffic of a kind.
    ///
    /// Cost: start-up, some 100 ns for each flow that is kept open.
    ///
    /// # Errors
    /// [`OptionsError`] for an option that the kind does not take, or a value out of its range.
    pub fn new(kind: Kind, options: &Options) -> Result<Self, OptionsError> {
        options.check(kind)?;
        Ok(Self {
            source: source::of(kind, options),
            ports: kind.ports(),
            packets_per_second: options.packets_per_second.unwrap_or(kind.packets_per_second()),
            packets: options.packets(kind),
            given: 0,
            frame: Vec::new(),
        })
    }

    /// How many ports packets arrive at.
    pub fn ports(&self) -> u16 {
        self.ports
    }

    /// The next packet, until there have been as many as asked for.
    #[allow(clippy::should_implement_trait, reason = "packets lie in one buffer")]
    pub fn next(&mut self) -> Option<Packet<'_>> {
        if self.given == self.packets {
            return None;
        }
        let since_ns = u128::from(self.given) * 1_000_000_000 / u128::from(self.packets_per_second);
        let time_ns = START_NS + since_ns as u64;
        self.given += 1;
        let port = self.source.next(time_ns, &mut self.frame);
        Some(Packet { time_ns, port, frame: &self.frame })
    }
}

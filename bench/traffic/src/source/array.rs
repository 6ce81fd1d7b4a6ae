//! `array`: ten thousand flows, uniform or by Zipf's law.

use nfos_netio::synthetic::Random;

use super::Source;
use crate::exact::{exp, ln};
use crate::frame::Segment;
use crate::kind::{Options, Size};

const FLOWS: u64 = 10_000;

pub(super) struct Array {
    /// The weight of the flows up to each.
    sums: Vec<f64>,
    size: Size,
    random: Random,
}

impl Array {
    pub(super) fn new(options: &Options, random: &Random) -> Self {
        let exponent = options.exponent.unwrap_or(0.0);
        let mut sum = 0.0;
        let weights = (1..=FLOWS).map(|rank| {
            sum += exp(-exponent * ln(rank as f64));
            sum
        });
        Self { sums: weights.collect(), size: options.size(), random: random.fork(0) }
    }
}

impl Source for Array {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        let at = self.random.unit() * self.sums[self.sums.len() - 1];
        let flow = self.sums.partition_point(|below| *below <= at).min(self.sums.len() - 1) as u32;
        let [_, a, b, c] = (257 * (flow + 1)).to_be_bytes();
        let mut segment = Segment::udp(([10, a, b, c], 4_000), ([198, 18, 0, 1], 9));
        segment.length = self.size.draw(&mut self.random);
        segment.write(frame);
        0
    }
}

//! Which element each packet accesses.
//!
//! A sequence of elements is drawn once: uniformly, or by Zipf's law, by which the element of rank
//! k is drawn with a weight of k to the power of −0.99. Ranks are given out in a shuffled order, so
//! that the elements drawn most are no neighbours. All arithmetic is exact or IEEE 754's four
//! operations, so the sequence is the same on any machine and in WebAssembly.

use nfos::prelude::*;

use crate::Skew;

const LENGTH: u64 = 10_000;

/// How far a flow has come.
#[derive(State, Debug, PartialEq, Eq)]
pub struct Walk {
    pub(crate) counter: u64,
}

/// The elements that are accessed one after the other.
pub(crate) struct Sequence(Box<[u32]>);

impl Sequence {
    /// Draws one.
    pub(crate) fn draw(elements: u32, skew: Skew, seed: u64) -> Self {
        let mut random = Random(seed);
        let order = shuffled(elements, &mut random);
        let mut total = 0.0;
        let weights = (1..=elements).map(|rank| weight(rank, skew));
        let until: Vec<f64> = weights.map(|weight| (total += weight, total).1).collect();
        let draw = |_| {
            let at = random.fraction() * total;
            let rank = until.partition_point(|&end| end <= at);
            order[rank.min(order.len() - 1)]
        };
        Self((0..LENGTH).map(draw).collect())
    }

    /// The element in a place; behind the last comes the first.
    pub(crate) fn element(&self, place: u64) -> u32 {
        self.0[(place % LENGTH) as usize]
    }
}

/// All elements in a random order (Fisher and Yates).
fn shuffled(elements: u32, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..elements).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    order
}

/// How often a rank is drawn, against the others.
fn weight(rank: u32, skew: Skew) -> f64 {
    let rank = f64::from(rank);
    match skew {
        Skew::Uniform => 1.0,
        // The exponential of a number below 0.14, whose series ends soon.
        Skew::Zipf => exponential(0.01 * logarithm(rank)) / rank,
    }
}

/// e to the power of `x`, for a small one.
fn exponential(x: f64) -> f64 {
    (1..=12).rev().fold(1.0, |sum, n| 1.0 + x / f64::from(n) * sum)
}

/// The natural logarithm of a number from 1 on: halved until it is below 2, and then twice the
/// inverse hyperbolic tangent of (m − 1) / (m + 1).
fn logarithm(x: f64) -> f64 {
    let (mut mantissa, mut halvings) = (x, 0.0);
    while mantissa >= 2.0 {
        (mantissa, halvings) = (mantissa / 2.0, halvings + 1.0);
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let series = (0..20).rev().fold(0.0, |sum, n| sum * ratio * ratio + 1.0 / f64::from(2 * n + 1));
    halvings * std::f64::consts::LN_2 + 2.0 * ratio * series
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// From 0 on, below 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

//! Which element an event uses: drawn beforehand, so that drawing costs next to nothing.

/// Draws of one of `elements`, over and over again.
#[derive(Clone, Debug)]
pub struct Draws {
    drawn: Box<[u16]>,
    next: usize,
    first: u32,
}

/// How elements are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Each as often as any other.
    Uniform,
    /// The k-th in proportion to k^-0.99.
    Zipf,
}

impl Law {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Zipf => "Zipf 0.99",
        }
    }
}

impl Draws {
    /// Draws before they repeat.
    const COUNT: usize = 1 << 15;

    /// Draws by a law; other seeds, other draws.
    pub fn new(law: Law, elements: u16, seed: u64) -> Self {
        let mut random = Random(seed);
        let cumulative = cumulative(law, elements);
        let total = cumulative.last().copied().unwrap_or(1.0);
        let draw = |_| {
            let drawn = random.unit() * total;
            let element = cumulative.partition_point(|&up_to| up_to <= drawn);
            // Neighbours in popularity should not be neighbours in memory.
            ((element as u64 * 7_919) % u64::from(elements)) as u16
        };
        Self { drawn: (0..Self::COUNT).map(draw).collect(), next: 0, first: 0 }
    }

    /// The same draws of the elements from `first` on.
    #[must_use]
    pub fn above(self, first: u32) -> Self {
        Self { first, ..self }
    }

    /// The next one.
    #[inline(always)]
    pub fn draw(&mut self) -> u32 {
        self.next = (self.next + 1) % Self::COUNT;
        self.first + u32::from(self.drawn[self.next])
    }
}

fn cumulative(law: Law, elements: u16) -> Vec<f64> {
    let mut sum = 0.0;
    let weight = |rank: u16| match law {
        Law::Uniform => 1.0,
        Law::Zipf => f64::from(rank).powf(-0.99),
    };
    let up_to = |rank| {
        sum += weight(rank);
        sum
    };
    (1..=elements).map(up_to).collect()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(law: Law) -> (usize, usize) {
        let mut draws = Draws::new(law, 10_000, 1);
        let mut counts = vec![0; 10_000];
        (0..Draws::COUNT).for_each(|_| counts[draws.draw() as usize] += 1);
        let most = counts.iter().max().copied().unwrap_or(0);
        (most, counts.iter().filter(|&&count| count > 0).count())
    }

    #[test]
    fn the_most_popular_element_is_drawn_as_often_as_its_law_says() {
        let (uniform, drawn) = shares(Law::Uniform);
        assert!(uniform < 20 && drawn > 9_000, "{uniform} {drawn}");
        // 1 / sum of k^-0.99 = 0.096.
        let (zipf, _) = shares(Law::Zipf);
        assert!((2_900..3_400).contains(&zipf), "{zipf}");
    }
}

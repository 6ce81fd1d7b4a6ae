//! How many events the next burst may have.
//!
//! A burst of b read-modify-writes meets foreign commits in proportion to b², so the best size
//! falls with contention. After a failure the failed event runs alone and then bursts have half
//! the size; after a clean commit one more, up to 1/√(2q) where q is the share of failing bursts
//! over the mean of b², both over the last 32 bursts or so. Halving reacts, the law sets the
//! ceiling.

#[derive(Debug)]
pub(crate) struct BurstSize {
    size: usize,
    max: usize,
    failing: f32,
    mean_square: f32,
}

impl BurstSize {
    const MEMORY: f32 = 1.0 / 32.0;
    /// A share of failing bursts that is as good as none.
    const NEGLIGIBLE: f32 = 1e-3;

    pub(crate) fn new(max: usize) -> Self {
        Self { size: max, max, failing: 0.0, mean_square: (max * max) as f32 }
    }

    #[inline(always)]
    pub(crate) fn limit(&self) -> usize {
        self.size
    }

    #[inline(always)]
    pub(crate) fn committed(&mut self, events: usize) {
        if self.size < self.max {
            self.count(events, 0.0);
            if self.size < self.ceiling() {
                self.size += 1;
            }
        }
    }

    #[cold]
    pub(crate) fn failed(&mut self, events: usize) {
        self.count(events, 1.0);
        self.size = (self.size / 2).max(1);
    }

    fn count(&mut self, events: usize, failing: f32) {
        self.failing += (failing - self.failing) * Self::MEMORY;
        self.mean_square += ((events * events) as f32 - self.mean_square) * Self::MEMORY;
    }

    fn ceiling(&self) -> usize {
        if self.failing < Self::NEGLIGIBLE {
            return self.max;
        }
        let best = (self.mean_square.max(1.0) / (2.0 * self.failing)).sqrt();
        (best as usize).clamp(1, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_halve_under_failures_and_recover_without() {
        let mut size = BurstSize::new(32);
        for expected in [16, 8, 4, 2, 1, 1] {
            size.failed(1);
            assert_eq!(size.limit(), expected);
        }
        for _ in 0..1_000 {
            size.committed(size.limit());
        }
        assert_eq!(size.limit(), 32);
    }

    #[test]
    fn steady_failures_keep_bursts_small() {
        let mut size = BurstSize::new(32);
        for round in 0..2_000 {
            if round % 3 == 0 { size.failed(size.limit()) } else { size.committed(size.limit()) }
        }
        assert!(size.limit() < 8, "{}", size.limit());
    }
}

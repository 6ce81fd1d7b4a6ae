//! What has arrived for whom: packets wait in a ring for each port and worker.
//!
//! Without a rate a worker gets what it takes. With one, each gets its part of it, and what finds
//! the ring full is lost. *In step*, workers go through the traffic together, each at the share of
//! it that steering sends it, and nobody gets ahead of another by more than a ring: what they then
//! get through is what a port brings without loss, as fast as the slowest of them takes its share.

/// Packets that wait at a port for a worker before they are lost.
const RING: u64 = 1_024;

#[derive(Clone, Debug)]
struct Ring {
    /// Packets taken, and lost.
    taken: u64,
    /// Of a packet of the port, how much is for this worker.
    share: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// By worker and port.
    rings: Vec<Vec<Ring>>,
    /// Packets of each port in a picosecond; none: any number.
    rate: Option<f64>,
    in_step: bool,
}

impl Arrivals {
    /// `rounds` are packets of each port's traffic by worker.
    pub(crate) fn new(rounds: &[Vec<usize>], mpps: Option<f64>, in_step: bool) -> Self {
        let alike = 1.0 / rounds.len() as f64;
        let whole = |port: usize| rounds.iter().map(|of| of[port]).sum::<usize>();
        let ring = |(port, &round): (usize, &usize)| {
            let share = if in_step { round as f64 / whole(port).max(1) as f64 } else { alike };
            Ring { taken: 0, share }
        };
        Self {
            rings: rounds.iter().map(|of| of.iter().enumerate().map(ring).collect()).collect(),
            rate: mpps.map(|mpps| mpps * 1e6 / 1e12),
            in_step,
        }
    }

    /// Packets of a port that a worker may take now, up to `max`.
    pub(crate) fn of(&mut self, worker: usize, port: usize, now: u64, max: usize) -> usize {
        let front = if self.in_step { self.front(port) } else { f64::INFINITY };
        let Ring { taken, share } = &mut self.rings[worker][port];
        if *share == 0.0 {
            // It asks, and learns that nothing comes.
            return max;
        }
        let mut arrived = (front * *share) as u64;
        if let Some(rate) = self.rate {
            arrived = arrived.min((now as f64 * rate * *share) as u64);
            *taken = (*taken).max(arrived.saturating_sub(RING));
        }
        arrived.saturating_sub(*taken).min(max as u64) as usize
    }

    /// A worker has taken so many.
    pub(crate) fn take(&mut self, worker: usize, port: usize, count: usize) {
        self.rings[worker][port].taken += count as u64;
    }

    /// Nothing more comes of a port for a worker: nobody waits for it.
    pub(crate) fn end(&mut self, worker: usize, port: usize) {
        if self.in_step {
            self.rings[worker][port].share = 0.0;
        }
    }

    /// When the next packet comes for a worker, as far as that is known; not before `now`.
    pub(crate) fn next(&self, worker: usize, now: u64) -> u64 {
        let Some(rate) = self.rate else { return now };
        let of = |ring: &Ring| ((ring.taken + 1) as f64 / (rate * ring.share)) as u64;
        self.rings[worker].iter().map(of).min().unwrap_or(now).max(now).saturating_add(1)
    }

    /// As far into a port's traffic as the ring of the last worker reaches.
    fn front(&self, port: usize) -> f64 {
        let rings = self.rings.iter().map(|of| &of[port]);
        let reach = |ring: &Ring| (ring.taken + RING) as f64 / ring.share;
        rings.map(reach).fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_rate_all_is_there_and_with_one_its_part_and_no_more_than_a_ring() {
        let mut free = Arrivals::new(&[vec![0]], None, false);
        assert_eq!(free.of(0, 0, 0, 32), 32);
        let mut limited = Arrivals::new(&[vec![5], vec![5]], Some(2.0), false);
        // A packet each in a microsecond.
        assert_eq!(limited.of(0, 0, 3_000_000, 32), 3);
        limited.take(0, 0, 3);
        assert_eq!(limited.of(0, 0, 3_000_000, 32), 0);
        assert_eq!(limited.next(0, 3_000_000), 4_000_001);
        assert_eq!(limited.of(0, 0, 5_000_000_000, 5_000), 1_024);
    }

    #[test]
    fn in_step_nobody_gets_ahead_of_the_last_by_more_than_a_ring() {
        // Three of four packets are for the first.
        let mut arrivals = Arrivals::new(&[vec![75], vec![25]], None, true);
        assert_eq!(arrivals.of(1, 0, 0, 5_000), 341);
        arrivals.take(1, 0, 341);
        assert_eq!(arrivals.of(1, 0, 0, 5_000), 0);
        assert_eq!(arrivals.of(0, 0, 0, 5_000), 1_024);
        arrivals.take(0, 0, 300);
        assert_eq!(arrivals.of(1, 0, 0, 5_000), 100);
        arrivals.end(0, 0);
        assert_eq!(arrivals.of(1, 0, 0, 5_000), 1_024);
    }
}

//! The policer once more, for tests: from its specification, on raw bytes and standard
//! collections. Credit is counted in billionths of a byte, so there is nothing to round.

use std::collections::HashMap;

use nfos::testing::{Arrival, Fate, Model};

const BILLION: u128 = 1_000_000_000;

pub(crate) struct PolicerModel {
    rate: u128,
    burst: u128,
    timeout_ns: u64,
    capacity: usize,
    /// By destination: credit in billionths of a byte, and when it was counted.
    hosts: HashMap<[u8; 4], (u128, u64)>,
}

impl PolicerModel {
    pub(crate) fn new(rate: u64, burst: u64, capacity: usize) -> Self {
        let (rate, burst) = (u128::from(rate), u128::from(burst));
        let timeout_ns = (burst * BILLION).div_ceil(rate) as u64;
        Self { rate, burst, timeout_ns, capacity, hosts: HashMap::new() }
    }

    fn judge(&mut self, arrival: &Arrival) -> Result<(), &'static str> {
        let Arrival { time_ns, frame, .. } = arrival;
        self.hosts.retain(|_, (_, last_ns)| time_ns - *last_ns <= self.timeout_ns);
        let host = destination(frame)?;
        let full = self.burst * BILLION;
        let price = frame.len() as u128 * BILLION;
        let Some((credit, last_ns)) = self.hosts.get_mut(&host) else {
            if price > full {
                return Err("over_rate");
            }
            if self.hosts.len() == self.capacity {
                return Err("packet_set_table_full");
            }
            self.hosts.insert(host, (full - price, *time_ns));
            return Ok(());
        };
        let earned = u128::from(time_ns - *last_ns) * self.rate;
        let tokens = *credit / BILLION * BILLION;
        *credit = match earned >= full - tokens {
            true => full,
            false => *credit + earned,
        };
        *last_ns = *time_ns;
        if *credit / BILLION * BILLION < price {
            return Err("over_rate");
        }
        *credit -= price;
        Ok(())
    }
}

impl Model for PolicerModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        if arrival.port == 0 {
            return Fate::Sent(1, arrival.frame.clone());
        }
        match self.judge(arrival) {
            Ok(()) => Fate::Sent(0, arrival.frame.clone()),
            Err(reason) => Fate::dropped(reason),
        }
    }
}

fn destination(frame: &[u8]) -> Result<[u8; 4], &'static str> {
    let half = |at: usize| usize::from(frame[at]) * 256 + usize::from(frame[at + 1]);
    if frame.len() < 14 {
        return Err("truncated");
    }
    if half(12) != 0x0800 {
        return Err("not_ipv4");
    }
    if frame.len() < 34 {
        return Err("malformed_ip");
    }
    let (header, total) = (usize::from(frame[14] % 16) * 4, half(16));
    if frame[14] / 16 != 4 || header < 20 || header > total || total > frame.len() - 14 {
        return Err("malformed_ip");
    }
    Ok([frame[30], frame[31], frame[32], frame[33]])
}

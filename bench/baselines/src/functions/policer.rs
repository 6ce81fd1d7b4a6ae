//! The policer. Parallelized: steering brings all packets to a host to one worker, so each has a
//! table of its own.

use nfos::prelude::Packet;

use crate::flows::Flows;
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential};

const LAN: u16 = 0;
const WAN: u16 = 1;
const NS_PER_SECOND: u128 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u64,
    /// Billionths of a byte.
    remainder: u64,
    last_ns: u64,
}

/// The policer.
#[derive(Debug)]
pub struct Policer {
    hosts: Flows<u32, Bucket>,
    rate: u64,
    burst: u64,
    idle_ns: u64,
}

impl Policer {
    /// One that has seen no host.
    pub fn new(settings: &Settings) -> Self {
        let (rate, burst) = (settings.policer_rate, settings.policer_burst);
        let idle_ns = (u128::from(burst) * NS_PER_SECOND).div_ceil(u128::from(rate)) as u64;
        Self { hosts: Flows::new(settings.packet_sets.min(155_000)), rate, burst, idle_ns }
    }
}

impl Bucket {
    #[inline]
    fn fill(&mut self, rate: u64, burst: u64, now_ns: u64) {
        let earned = u128::from(now_ns - self.last_ns) * u128::from(rate);
        self.last_ns = now_ns;
        if earned >= u128::from(burst - self.tokens) * NS_PER_SECOND {
            (self.tokens, self.remainder) = (burst, 0);
            return;
        }
        let billionths = earned + u128::from(self.remainder);
        if let Ok(billionths) = u64::try_from(billionths) {
            self.tokens += billionths / NS_PER_SECOND as u64;
            self.remainder = billionths % NS_PER_SECOND as u64;
        } else {
            self.tokens += (billionths / NS_PER_SECOND) as u64;
            self.remainder = (billionths % NS_PER_SECOND) as u64;
        }
    }
}

impl Sequential for Policer {
    fn is_due(&self, now_ns: u64) -> bool {
        self.hosts.is_due(now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        self.hosts.expire(now_ns, usize::MAX, |_| {});
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        if packet.port() == LAN {
            return Ok(Outcome::Send(WAN));
        }
        let length = u64::from(packet.wire_length());
        let host = packet.ipv4()?.destination().to_bits();
        if let Some(entry) = self.hosts.get_mut(&host) {
            entry.set_end_ns(now_ns + self.idle_ns);
            entry.value.fill(self.rate, self.burst, now_ns);
            entry.value.tokens =
                entry.value.tokens.checked_sub(length).ok_or(Reason("over_rate"))?;
            return Ok(Outcome::Send(LAN));
        }
        let tokens = self.burst.checked_sub(length).ok_or(Reason("over_rate"))?;
        if self.hosts.is_full() {
            return Err(Reason("packet_set_table_full"));
        }
        let bucket = Bucket { tokens, remainder: 0, last_ns: now_ns };
        self.hosts.insert(host, bucket, now_ns + self.idle_ns);
        Ok(Outcome::Send(LAN))
    }

    fn glance(&self, packet: &mut Packet<'_>, _: u64) -> Option<Judged> {
        (packet.port() == LAN).then_some(Ok(Outcome::Send(WAN)))
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.hosts.len() as u64]
    }
}

//! The bridge, for one worker.

use nfos::prelude::{MacAddress, Packet};

use crate::flows::Flows;
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential};

/// Time between two removals of stations that are forgotten, and how many go at once.
pub(crate) const PERIOD_NS: u64 = 10_000_000;
pub(crate) const EXPIRE_MAX: usize = 256;

/// The bridge: the ports of the stations.
#[derive(Debug)]
pub struct Bridge {
    stations: Flows<u64, u16>,
    ageing_ns: u64,
    refresh_ns: u64,
    due_ns: Option<u64>,
}

impl Bridge {
    /// One that knows no station.
    pub fn new(settings: &Settings) -> Self {
        Self {
            stations: Flows::new(settings.bridge_capacity),
            ageing_ns: settings.bridge_ageing_ns,
            refresh_ns: settings.bridge_refresh_ns,
            due_ns: None,
        }
    }

    fn towards(&self, destination: MacAddress, ingress: u16) -> Judged {
        let known = self.stations.get(&number(destination)).map(|entry| entry.value);
        decide(known, ingress)
    }
}

/// Where a frame goes whose destination is on a port.
#[inline]
pub(crate) fn decide(known: Option<u16>, ingress: u16) -> Judged {
    match known {
        None => Ok(Outcome::Flood),
        Some(port) if port == ingress => Err(Reason("same_port")),
        Some(port) => Ok(Outcome::Send(port)),
    }
}

/// Source and destination, if the frame may be relayed.
#[inline]
pub(crate) fn addresses(packet: &mut Packet<'_>) -> Result<(MacAddress, MacAddress), Reason> {
    let ethernet = packet.ethernet()?;
    let (source, destination) = (ethernet.source(), ethernet.destination());
    if source.is_group() || source.is_zero() {
        return Err(Reason("bad_source"));
    }
    match destination.octets() {
        [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f] => Err(Reason("reserved_group")),
        _ => Ok((source, destination)),
    }
}

#[inline]
pub(crate) fn number(address: MacAddress) -> u64 {
    let [a, b, c, d, e, f] = address.octets();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

impl Sequential for Bridge {
    fn is_due(&self, now_ns: u64) -> bool {
        self.due_ns.is_none_or(|due_ns| due_ns <= now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        let mut due_ns = self.due_ns.unwrap_or(now_ns + PERIOD_NS);
        while due_ns <= now_ns {
            self.stations.expire(due_ns, EXPIRE_MAX, |_| {});
            due_ns += PERIOD_NS;
        }
        self.due_ns = Some(due_ns);
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let ingress = packet.port();
        let (source, destination) = addresses(packet)?;
        let end_ns = now_ns + self.ageing_ns;
        if let Some(station) = self.stations.get_mut(&number(source)) {
            station.value = ingress;
            if end_ns - station.end_ns() >= self.refresh_ns {
                station.set_end_ns(end_ns);
            }
        } else if !self.stations.is_full() {
            self.stations.insert(number(source), ingress, end_ns);
        }
        self.towards(destination, ingress)
    }

    #[inline]
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged> {
        let ingress = packet.port();
        let (source, destination) = match addresses(packet) {
            Ok(addresses) => addresses,
            Err(reason) => return Some(Err(reason)),
        };
        let station = self.stations.get(&number(source))?;
        if station.value != ingress {
            return None;
        }
        let end_ns = now_ns + self.ageing_ns;
        // Another worker may have had a later look at the clock.
        if end_ns.saturating_sub(station.end_ns()) >= self.refresh_ns {
            station.set_end_ns(end_ns);
        }
        Some(self.towards(destination, ingress))
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.stations.len() as u64]
    }
}

//! Which station is on which port, and for how long that is believed.
//!
//! A station is known as long as its lease is held, and each of its frames renews the lease. To
//! compare, `refresh=write` renews nothing but a time that each frame reads and writes, and
//! corrects a lease that has run out by it: so frames of one station conflict, and what leaves
//! the bridge is the same.

use nfos::prelude::*;

use crate::{Event, Parameters, Refresh};

/// The stations that are known, by MAC address; a value is a port.
pub(crate) struct Stations {
    known: LeasedMap<MacAddress, u16>,
    /// With `refresh=write`: when each was last seen, by lease.
    last_seen: Option<Vector<Time>>,
    ageing: Duration,
    refresh_interval: Duration,
    capacity: u32,
}

impl Stations {
    pub(crate) fn open(parameters: &Parameters) -> Self {
        let &Parameters { capacity, ageing_ms, refresh_interval_ms, .. } = parameters;
        assert!(
            refresh_interval_ms <= ageing_ms / 2,
            "the parameter `refresh_interval_ms` is {refresh_interval_ms}, but should be at most \
             {}, half of `ageing_ms`",
            ageing_ms / 2,
        );
        let refresh_interval = Duration::from_millis(refresh_interval_ms);
        let (last_seen, of_leases) = match parameters.refresh {
            Refresh::Lease => (None, refresh_interval),
            Refresh::Write => (Some(Vector::open("last_seen", capacity)), Duration::ZERO),
        };
        Self {
            known: LeasedMap::open("stations", capacity, of_leases),
            last_seen,
            ageing: Duration::from_millis(ageing_ms),
            refresh_interval,
            capacity,
        }
    }

    /// Notes that a station is on a port now. If there is no room for it, that is all.
    pub(crate) fn learn(&self, station: MacAddress, port: u16) {
        match self.known.get(&station) {
            Some(entry) => {
                if entry.value != port {
                    self.known.set(&station, &Leased { value: port, ..entry });
                    emit(Event::StationMoved, port.into());
                }
                self.renew(entry.lease);
            }
            None => match self.known.insert(&station, port, self.ageing) {
                Some(lease) => self.begin(lease),
                None => emit(Event::TableFull, self.capacity.into()),
            },
        }
    }

    /// On which port a station is, if that is known.
    pub(crate) fn port_of(&self, station: MacAddress) -> Option<u16> {
        self.known.get(&station).map(|entry| entry.value)
    }

    /// Removes up to `most` stations that have been silent for longer than the ageing time.
    pub(crate) fn forget(&self, most: u32) {
        for _ in 0..most {
            let Some((expired, station)) = self.known.next_expired() else { return };
            match self.time_left(expired.id) {
                Some(left) => self.known.refresh(expired.id, left),
                None => self.known.remove(expired.id, &station),
            }
        }
    }

    fn renew(&self, lease: u32) {
        let Some(last_seen) = &self.last_seen else {
            return self.known.refresh(lease, self.ageing);
        };
        let (last, now) = (last_seen.read(lease), now());
        if Duration::from_nanos(now.ns_since(last)) >= self.refresh_interval {
            last_seen.write(lease, &now.max(last));
        }
    }

    fn begin(&self, lease: u32) {
        if let Some(last_seen) = &self.last_seen {
            last_seen.write(lease, &now());
        }
    }

    /// Of a lease that has run out: how long its station is to be believed yet.
    fn time_left(&self, lease: u32) -> Option<Duration> {
        let last = self.last_seen.as_ref()?.read(lease);
        self.ageing.checked_sub(Duration::from_nanos(now().ns_since(last)))
    }
}

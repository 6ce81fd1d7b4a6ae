//! Mappings, and how long they live.
//!
//! A mapping has a lease, whose number is that of its external endpoint. Packets from the LAN
//! refresh it. When it runs out, a mapping of UDP or ICMP goes. TCP leases are granted in slices of
//! the transitory timeout: when one runs out, a connection that both sides have taken part in and
//! that nobody has ended gets another slice, until it has been idle for the established timeout.

use nfos::leased_map::NamesKey;
use nfos::prelude::*;

use crate::external::Endpoint;
use crate::message::{Protocol, Segment};

/// Who is behind an external endpoint.
#[derive(Cell, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    /// Whether anybody is.
    pub(crate) used: bool,
    /// Whether the WAN has sent something to a TCP endpoint.
    inbound: bool,
    /// Whether the last that was heard of a TCP connection was its end.
    closing: bool,
    pub(crate) endpoint: Endpoint,
    pub(crate) mac: MacAddress,
    /// Since when a TCP endpoint had been idle when its lease was renewed.
    idle_since: Time,
    /// Until when that was: a lease that runs out then has not been refreshed meanwhile.
    renewed_to: Time,
}

impl NamesKey<Endpoint> for Inside {
    fn key(&self) -> Endpoint {
        self.endpoint
    }
}

impl Inside {
    /// As the table has it at first: nobody.
    const NOBODY: Self = Self {
        used: false,
        inbound: false,
        closing: false,
        endpoint: Endpoint { address: Ipv4Addr::UNSPECIFIED, port: 0 },
        mac: MacAddress::new([0; 6]),
        idle_since: Time::from_ns(0),
        renewed_to: Time::from_ns(0),
    };

    /// A host of the LAN that has just sent its first packet.
    pub(crate) fn new(endpoint: Endpoint, mac: MacAddress, segment: Segment) -> Self {
        let closing = segment == Segment::Ends;
        Self { used: true, closing, endpoint, mac, ..Self::NOBODY }
    }

    /// Takes note of a packet from the LAN; whether that changed anything.
    #[must_use]
    pub(crate) fn sends(&mut self, mac: MacAddress, segment: Segment) -> bool {
        let moved = std::mem::replace(&mut self.mac, mac) != mac;
        self.hears(segment) || moved
    }

    /// Takes note of a packet from the WAN; whether that changed anything.
    #[must_use]
    pub(crate) fn receives(&mut self, protocol: Protocol, segment: Segment) -> bool {
        let first = protocol == Protocol::Tcp && !std::mem::replace(&mut self.inbound, true);
        self.hears(segment) || first
    }

    /// RFC 7857 §2: an ended connection that goes on was not ended.
    fn hears(&mut self, segment: Segment) -> bool {
        let closing = match segment {
            Segment::Ends => true,
            Segment::Lives => false,
            Segment::Silent => return false,
        };
        std::mem::replace(&mut self.closing, closing) != closing
    }
}

/// For how long leases are granted.
#[derive(Clone, Copy)]
pub(crate) struct Lifetime {
    /// By each refresh. Since the host skips a refresh by less than the refresh interval, this is
    /// the timeout and that interval, and no mapping lives for less than the timeout.
    pub(crate) granted: Duration,
    /// By each renewal of an idle connection; `None` for UDP and ICMP.
    pub(crate) renewed: Option<Renewal>,
    /// How long an endpoint then rests before somebody else gets it.
    pub(crate) rest: Duration,
}

/// How idle connections are kept.
#[derive(Clone, Copy)]
pub(crate) struct Renewal {
    /// Shorter than what a refresh grants by twice the refresh interval, so that no refresh after
    /// it is skipped: `renewed_to` would not tell of that packet.
    pub(crate) slice: Duration,
    /// How long a connection may be idle.
    pub(crate) idle_ns_max: u64,
}

/// The mappings of one protocol.
pub(crate) struct Mappings {
    pub(crate) table: LeasedMap<Endpoint, (), Inside>,
    pub(crate) lifetime: Lifetime,
}

impl Mappings {
    /// Takes up to `most` leases that have run out, and renews or removes each.
    pub(crate) fn expire(&self, most: u32) {
        for _ in 0..most {
            let Some((lease, inside)) = self.table.next_expired() else { return };
            if !inside.used {
                self.table.give_back(lease.id);
            } else if let Some(renewed) = self.renew(lease.id, &inside, lease.deadline) {
                self.table.write_record(lease.id, &renewed);
            } else {
                self.remove(lease.id, &inside.endpoint);
            }
        }
    }

    /// Renews the lease of an idle connection and notes it; `None` if it is over.
    fn renew(&self, lease: u32, inside: &Inside, deadline: Time) -> Option<Inside> {
        let renewal = self.lifetime.renewed?;
        let idle_since = match deadline == inside.renewed_to {
            true => inside.idle_since,
            false => deadline.before(self.lifetime.granted),
        };
        let idle = now().ns_since(idle_since) >= renewal.idle_ns_max;
        if idle || inside.closing || !inside.inbound {
            return None;
        }
        self.table.refresh(lease, renewal.slice);
        let renewed_to = now().after(renewal.slice);
        Some(Inside { idle_since, renewed_to, ..inside.clone() })
    }

    fn remove(&self, lease: u32, endpoint: &Endpoint) {
        self.table.write_record(lease, &Inside::NOBODY);
        match self.lifetime.rest {
            Duration::ZERO => self.table.remove(lease, endpoint),
            rest => self.table.retire(lease, endpoint, rest),
        }
    }
}

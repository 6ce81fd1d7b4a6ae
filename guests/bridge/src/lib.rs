//! Connects Ethernet segments, and learns which station is on which (IEEE 802.1Q, learning and
//! filtering; tags are opaque).
//!
//! All ports are alike. A frame teaches the bridge on which port its source is, and goes to the
//! port of its destination, or, if that is not known or a group, to every port but its own. No
//! frame is changed, and none returns to where it came from.

use nfos::prelude::*;

mod state;

use state::Stations;

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// How many stations can be known at once.
    #[default(65_536)]
    #[range(1..=16_777_216)]
    #[relaxes(capacity = "stations*")]
    capacity: u32,
    /// Milliseconds without a frame from a station after which it is forgotten.
    #[default(120_000)]
    #[range(1..=1_000_000_000)]
    #[relaxes(duration = "stations*")]
    ageing_ms: u64,
    /// By how many milliseconds a station may be forgotten early, so that fewer of its frames renew
    /// it; at most half of `ageing_ms`.
    #[relaxes(refresh_interval = "stations_leases", write_interval = "last_seen")]
    refresh_interval_ms: u64,
    /// Where a station is renewed: its lease, or, to compare, a time that is read and written.
    #[default(Refresh::Lease)]
    #[relaxes(method = "last_seen")]
    refresh: Refresh,
    /// Milliseconds between two removals of stations that are forgotten.
    #[default(10)]
    #[range(1..=60_000)]
    period_ms: u64,
    /// How many of them are removed at once at most.
    #[default(256)]
    #[range(1..=65_536)]
    expire_max: u32,
}

/// How a station is renewed.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// By its lease: frames of one station, on any number of cores, do not conflict.
    Lease,
    /// By reading and writing the time of its last frame: frames of one station conflict.
    Write,
}

/// Why the bridge drops, beside the frame rules.
#[derive(Reason)]
pub enum Reason {
    /// The source is a group, or all zero: nobody's address.
    BadSource,
    /// The destination is for bridges themselves and never relayed.
    ReservedGroup,
    /// The destination is where the frame came from.
    SamePort,
}

/// What it tells.
#[derive(Event)]
pub enum Event {
    /// A station was seen on another port, the value, than before.
    StationMoved,
    /// A station was not learned, since as many as the value are known.
    TableFull,
}

/// The bridge.
pub struct Bridge {
    stations: Stations,
    period: Duration,
    expire_max: u32,
}

#[nfos::export]
impl NetworkFunction for Bridge {
    const PORTS: u16 = 2;
    const WINDOW: u32 = 14;
    type Parameters = Parameters;
    type Reason = Reason;
    type Event = Event;

    fn periods(&self) -> Vec<Duration> {
        vec![self.period]
    }

    fn init(parameters: Parameters) -> Self {
        Self {
            stations: Stations::open(&parameters),
            period: Duration::from_millis(parameters.period_ms),
            expire_max: parameters.expire_max,
        }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let ingress = packet.port();
        let ethernet = packet.ethernet()?;
        let (source, destination) = (ethernet.source(), ethernet.destination());
        if source.is_group() || source.is_zero() {
            return Err(Reason::BadSource.into());
        }
        if is_reserved(destination) {
            return Err(Reason::ReservedGroup.into());
        }
        self.stations.learn(source, ingress);
        if destination.is_group() {
            return Ok(Verdict::flood());
        }
        match self.stations.port_of(destination) {
            None => Ok(Verdict::flood()),
            Some(port) if port == ingress => Err(Reason::SamePort.into()),
            Some(port) => Ok(Verdict::send(port)),
        }
    }

    fn periodic(&self, _: usize) {
        self.stations.forget(self.expire_max);
    }
}

/// Whether an address is one of 01-80-C2-00-00-00 to -0F (IEEE 802.1Q, table 8-1).
fn is_reserved(address: MacAddress) -> bool {
    matches!(address.octets(), [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f])
}

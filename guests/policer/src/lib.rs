//! Limits how many bytes per second reach each host of the LAN.
//!
//! Port 0 is the LAN, port 1 the WAN. The packets from the WAN to one address are a packet set,
//! and its state is a token bucket (RFC 2697 with two colours): whatever goes through takes as
//! many tokens as the frame has bytes, and what finds too few is dropped. Packets from the LAN go
//! through unlooked at.

use nfos::prelude::*;

mod state;

use state::Bucket;

const LAN: u16 = 0;
const WAN: u16 = 1;

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// Bytes per second that each host may receive.
    #[default(375_000_000)]
    #[range(1..=1_000_000_000_000)]
    rate_bytes_per_second: u64,
    /// Bytes that a host may receive at once after a rest.
    #[default(3_750_000_000)]
    #[range(1..=1_000_000_000_000_000)]
    burst_bytes: u64,
}

/// Why the policer drops, beside the frame rules.
#[derive(Reason)]
pub enum Reason {
    /// The host has received as much as it may.
    OverRate,
}

/// The rate of all hosts, and no aggregate state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) bytes_per_second: u64,
    pub(crate) burst_bytes: u64,
}

/// The policer.
pub struct Policer(Rate);

#[nfos::export]
impl NetworkFunction for Policer {
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Bucket;
    type Reason = Reason;

    fn packet_sets() -> Vec<PacketSet> {
        let host = Rule::ipv4([Field::DestinationAddress]).ports([WAN]);
        vec![PacketSet::new("host").rule(host)]
    }

    /// A bucket that is forgotten after this time is full, so that nothing is lost by it.
    fn idle_timeout(&self) -> Duration {
        self.0.time_to_fill()
    }

    fn capacity(&self) -> u32 {
        155_000
    }

    fn init(parameters: Parameters) -> Self {
        let Parameters { rate_bytes_per_second, burst_bytes } = parameters;
        Self(Rate { bytes_per_second: rate_bytes_per_second, burst_bytes })
    }

    fn init_packet_set(
        &self,
        packet: &mut Packet,
        bucket: &mut Bucket,
    ) -> Result<Verdict, Dropped> {
        packet.ipv4()?;
        *bucket = Bucket::full(self.0, now());
        Ok(match bucket.take(packet.wire_length()) {
            true => Verdict::send(LAN).register(),
            false => Verdict::drop(Reason::OverRate),
        })
    }

    fn packet(&self, packet: &mut Packet, bucket: &mut Bucket) -> Verdict {
        bucket.fill(self.0, now());
        match bucket.take(packet.wire_length()) {
            true => Verdict::send(LAN),
            false => Verdict::drop(Reason::OverRate),
        }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        if packet.port() != WAN {
            return Ok(Verdict::send(WAN));
        }
        packet.ipv4()?;
        // Its IPv4 header is in order, so it had a packet set.
        Ok(Verdict::drop(FrameReason::MalformedIp))
    }
}

impl Rate {
    fn time_to_fill(self) -> Duration {
        let ns = u128::from(self.burst_bytes) * u128::from(state::NS_PER_SECOND);
        let ns = ns.div_ceil(u128::from(self.bytes_per_second));
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

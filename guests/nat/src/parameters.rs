//! What the operator may set.

use nfos::prelude::*;

use crate::external::External;
use crate::message::Protocol;
use crate::state::{Lifetime, Renewal};

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// The first of the addresses that the LAN shares.
    #[default("203.0.113.1")]
    external_address: Ipv4Addr,
    /// How many consecutive addresses the LAN shares.
    #[default(8)]
    #[range(1..=65_536)]
    #[relaxes(capacity = ["tcp_mappings*", "udp_mappings*", "icmp_mappings*"])]
    external_addresses: u32,
    /// The first port of each address, and for ICMP the first identifier.
    #[default(1_024)]
    #[range(1..=65_535)]
    port_first: u16,
    /// The last port of each address.
    #[default(65_535)]
    #[range(1..=65_535)]
    port_last: u16,
    /// Seconds without a packet from the LAN after which a mapping of UDP goes; RFC 4787 asks for
    /// 120 at least, and for 300 as default.
    #[default(300)]
    #[range(1..=604_800)]
    #[relaxes(duration = "udp_mappings*")]
    udp_timeout_s: u64,
    /// Seconds without a packet from the LAN after which a TCP connection goes that is half open
    /// or ended; RFC 5382 asks for 240 at least.
    #[default(240)]
    #[range(1..=604_800)]
    #[relaxes(duration = "tcp_mappings*")]
    tcp_transitory_timeout_s: u64,
    /// Seconds without a packet from the LAN after which any TCP connection goes; RFC 5382 asks
    /// for 7,440 at least.
    #[default(7_440)]
    #[range(1..=604_800)]
    tcp_established_timeout_s: u64,
    /// Seconds without an echo request after which its mapping goes; RFC 5508 asks for 60 at
    /// least.
    #[default(60)]
    #[range(1..=604_800)]
    #[relaxes(duration = "icmp_mappings*")]
    icmp_timeout_s: u64,
    /// Milliseconds by which a packet must prolong a mapping for it to be worth the writing.
    /// Mappings live that much longer than their timeouts.
    #[default(1_000)]
    #[range(0..=604_800_000)]
    #[relaxes(refresh_interval = ["tcp_mappings*", "udp_mappings*", "icmp_mappings*"])]
    refresh_interval_ms: u64,
    /// Whether packets from the WAN keep a mapping too.
    pub(crate) inbound_refresh: bool,
    /// Seconds for which nobody gets the external endpoint of a mapping that is gone; RFC 6888
    /// asks carriers for 120.
    #[range(0..=604_800)]
    reuse_hold_s: u64,
    /// Whether a host of the LAN is told by ICMP when its packet has no hop or no port left; then
    /// one packet in may be two out.
    icmp_errors: bool,
    /// How many it is told in a second at most.
    #[default(100)]
    #[range(1..=1_000_000)]
    icmp_errors_per_second: u32,
    /// Source MAC address of packets that leave through port 0; unset: stays.
    pub(crate) port0_mac: Option<MacAddress>,
    /// Source MAC address of packets that leave through port 1; unset: stays.
    pub(crate) port1_mac: Option<MacAddress>,
    /// Destination MAC address of packets that leave through port 1; unset: stays.
    pub(crate) port1_next_hop_mac: Option<MacAddress>,
}

impl Parameters {
    pub(crate) fn external(&self) -> External {
        let Self { external_address, external_addresses, port_first, port_last, .. } = *self;
        External::new(external_address, external_addresses, port_first, port_last)
    }

    /// How many ICMP errors there may be; none: none is sent.
    pub(crate) fn errors_per_second(&self) -> Option<u32> {
        self.icmp_errors.then_some(self.icmp_errors_per_second)
    }

    /// # Panics
    /// If so many refreshes would be skipped that the timeouts mean little.
    pub(crate) fn refresh_interval(&self) -> Duration {
        let interval = Duration::from_millis(self.refresh_interval_ms);
        let shortest = Protocol::ALL.map(|protocol| self.timeout(protocol)).into_iter().min();
        let most = shortest.unwrap_or_default() / 2;
        assert!(
            interval <= most,
            "the parameter `refresh_interval_ms` is {}, but should be at most half of the \
             shortest timeout, {}",
            self.refresh_interval_ms,
            most.as_millis()
        );
        interval
    }

    pub(crate) fn lifetime(&self, protocol: Protocol) -> Lifetime {
        let (timeout, interval) = (self.timeout(protocol), self.refresh_interval());
        let idle_max = Duration::from_secs(self.tcp_established_timeout_s) + interval;
        let renewal =
            Renewal { slice: timeout - interval, idle_ns_max: idle_max.as_nanos() as u64 };
        Lifetime {
            granted: timeout + interval,
            renewed: (protocol == Protocol::Tcp).then_some(renewal),
            rest: match self.reuse_hold_s {
                0 => Duration::ZERO,
                seconds => Duration::from_secs(seconds) + interval,
            },
        }
    }

    fn timeout(&self, protocol: Protocol) -> Duration {
        Duration::from_secs(match protocol {
            Protocol::Tcp => self.tcp_transitory_timeout_s,
            Protocol::Udp => self.udp_timeout_s,
            Protocol::Icmp => self.icmp_timeout_s,
        })
    }
}

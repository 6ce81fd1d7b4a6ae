//! What the baselines may be told; the defaults are those of the guests.

/// Parameters of all network functions.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Room for packet sets, of each worker.
    pub packet_sets: usize,
    /// Of the firewall's sessions.
    pub firewall_idle_ns: u64,
    /// Bytes per second that the policer lets through.
    pub policer_rate: u64,
    /// Bytes that it lets through at once.
    pub policer_burst: u64,
    /// Stations that the bridge has room for.
    pub bridge_capacity: usize,
    /// Time without a frame after which it forgets one.
    pub bridge_ageing_ns: u64,
    /// How early it may forget one.
    pub bridge_refresh_ns: u64,
    /// The detector's first packets are judged by numbers that may be this old.
    pub anti_ddos_staleness_ns: u64,
    /// Flows that there must be before they can be an attack.
    pub anti_ddos_flows_min: i64,
    /// Whether first packets are dropped during an attack.
    pub anti_ddos_drop_new: bool,
    /// Of its flows.
    pub anti_ddos_idle_ns: u64,
    /// The exponent of Zipf's law by which the array's elements are chosen.
    pub array_exponent: f64,
    /// Whether its packets write.
    pub array_writes: bool,
    /// Time without a heartbeat after which Maglev gives a backend up.
    pub maglev_backend_ns: u64,
    /// Of its flows.
    pub maglev_idle_ns: u64,
    /// Public addresses of NAT.
    pub nat_addresses: u32,
    /// The first and the last port of each.
    pub nat_ports: (u16, u16),
    /// Timeouts of NAT.
    pub nat_udp_ns: u64,
    /// Of connections that are half open or ended.
    pub nat_tcp_transitory_ns: u64,
    /// Of the others.
    pub nat_tcp_established_ns: u64,
    /// Of echo requests.
    pub nat_icmp_ns: u64,
}

const SECOND: u64 = 1_000_000_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            packet_sets: 1 << 19,
            firewall_idle_ns: 48 * SECOND,
            policer_rate: 375_000_000,
            policer_burst: 3_750_000_000,
            bridge_capacity: 65_536,
            bridge_ageing_ns: 120 * SECOND,
            bridge_refresh_ns: SECOND,
            anti_ddos_staleness_ns: 100_000,
            anti_ddos_flows_min: 100,
            anti_ddos_drop_new: false,
            anti_ddos_idle_ns: 6 * SECOND,
            array_exponent: 0.0,
            array_writes: true,
            maglev_backend_ns: 10 * SECOND,
            maglev_idle_ns: 72 * SECOND,
            nat_addresses: 8,
            nat_ports: (1_024, 65_535),
            nat_udp_ns: 300 * SECOND,
            nat_tcp_transitory_ns: 240 * SECOND,
            nat_tcp_established_ns: 7_440 * SECOND,
            nat_icmp_ns: 60 * SECOND,
        }
    }
}

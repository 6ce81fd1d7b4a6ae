//! What the operator may set.

use nfos::contract::Value;
use nfos::parameters::ParameterType;
use nfos::prelude::*;

use crate::table;

/// Entries of the table for each backend that there may be, so that shares are even.
const ENTRIES_PER_BACKEND: u32 = 100;

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// Virtual addresses, each with the DSCP that tells backends which one was meant.
    #[default("118.0.0.1/1,118.0.0.2/2")]
    pub(crate) vips: Vips,
    /// Ports of the virtual addresses that are served, of TCP and UDP.
    #[default("80,443")]
    pub(crate) vip_ports: Ports,
    /// Backends that there may be at once.
    #[default(32)]
    #[range(1..=254)]
    #[relaxes(capacity = "backends*")]
    pub(crate) backends_max: u32,
    /// Entries of the table: a prime, at least 100 for each of `backends_max`.
    #[default(65_537)]
    #[range(101..=655_373)]
    pub(crate) table_size: u32,
    /// Milliseconds without a heartbeat after which a backend is given up.
    #[default(10_000)]
    #[range(1..=86_400_000)]
    #[relaxes(duration = "backends*")]
    pub(crate) backend_timeout_ms: u64,
    /// Heartbeats that would move a backend's time by less than these milliseconds are not noted.
    #[default(1_000)]
    #[range(0..=43_200_000)]
    #[relaxes(refresh_interval = "backends*")]
    pub(crate) heartbeat_refresh_interval_ms: u64,
    /// The addresses that backends have; heartbeats from elsewhere are dropped.
    #[default("10.0.0.0/8")]
    pub(crate) backend_prefix: Ipv4Prefix,
    /// Milliseconds without a packet after which a flow is forgotten.
    #[default(72_000)]
    #[range(1..=86_400_000)]
    pub(crate) flow_timeout_ms: u64,
    /// Source MAC address of packets that leave through port 1; unset: stays.
    pub(crate) port1_mac: Option<MacAddress>,
    /// Source MAC address of packets that leave through port 3; unset: stays.
    pub(crate) port3_mac: Option<MacAddress>,
}

impl Parameters {
    /// Ends the start with a sentence if parameters do not go together.
    pub(crate) fn check(&self) {
        let (size, least) = (self.table_size, ENTRIES_PER_BACKEND * self.backends_max);
        if size < least || !table::is_prime(size) {
            let next = (size.max(least)..).find(|&size| table::is_prime(size)).unwrap_or(least);
            panic!(
                "the parameter `table_size` is {size}, but should be a prime of at least {least}, \
                 100 for each of `backends_max`, such as {next}"
            );
        }
        let (interval, longest) = (self.heartbeat_refresh_interval_ms, self.backend_timeout_ms / 2);
        assert!(
            interval <= longest,
            "the parameter `heartbeat_refresh_interval_ms` is {interval}, but should be at most \
             {longest}, half of `backend_timeout_ms`"
        );
    }
}

/// Virtual addresses, each with its DSCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vips(Vec<(Ipv4Addr, u8)>);

impl Vips {
    /// The DSCP of a virtual address; `None` if it is none.
    #[inline]
    pub(crate) fn dscp(&self, address: Ipv4Addr) -> Option<u8> {
        self.0.iter().find(|(vip, _)| *vip == address).map(|&(_, dscp)| dscp)
    }
}

/// Ports of a transport protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ports(Vec<u16>);

impl Ports {
    #[inline]
    pub(crate) fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

/// The parts between commas, at least one.
fn list<T>(value: Value, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let Value::Text(text) = value else { return None };
    text.split(',').map(|part| parse(part.trim())).collect()
}

fn text<T>(list: &[T], write: impl Fn(&T) -> String) -> Value {
    Value::Text(list.iter().map(write).collect::<Vec<_>>().join(","))
}

impl ParameterType for Vips {
    fn to_value(&self) -> Value {
        text(&self.0, |(address, dscp)| format!("{address}/{dscp}"))
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let vip = |part: &str| {
            let (address, dscp) = part.split_once('/')?;
            let dscp = dscp.parse().ok().filter(|&dscp| dscp < 64)?;
            Some((address.parse().ok()?, dscp))
        };
        let right = "addresses with a DSCP of 0 to 63 each, such as 118.0.0.1/1,118.0.0.2/2";
        list(value, vip).map(Self).ok_or_else(|| right.to_owned())
    }
}

impl ParameterType for Ports {
    fn to_value(&self) -> Value {
        text(&self.0, u16::to_string)
    }

    fn from_value(value: Value) -> Result<Self, String> {
        list(value, |part| part.parse().ok())
            .map(Self)
            .ok_or_else(|| "ports such as 80,443".to_owned())
    }
}

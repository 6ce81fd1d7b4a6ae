//! The external endpoints: consecutive addresses with consecutive ports each, numbered from 0.

use nfos::prelude::*;

/// An address with a port; of an ICMP echo request with its identifier.
#[derive(Key, Cell, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) address: Ipv4Addr,
    pub(crate) port: u16,
}

/// All external endpoints, the same of each protocol.
#[derive(Clone, Copy)]
pub(crate) struct External {
    address: u32,
    addresses: u32,
    port_first: u16,
    /// Ports of each address.
    ports: u32,
}

impl External {
    /// # Panics
    /// If there is no such range of addresses or of ports, or too many endpoints to be numbered.
    pub(crate) fn new(address: Ipv4Addr, addresses: u32, port_first: u16, port_last: u16) -> Self {
        let first = address.to_bits();
        assert!(port_first <= port_last, "`port_first` is above `port_last`");
        assert!(
            addresses - 1 <= u32::MAX - first,
            "`external_address` and the {addresses} from it on go beyond 255.255.255.255"
        );
        let ports = u32::from(port_last - port_first) + 1;
        assert!(
            addresses.checked_mul(ports).is_some(),
            "`external_addresses` should be at most {}",
            u32::MAX / ports
        );
        Self { address: first, addresses, port_first, ports }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.addresses * self.ports
    }

    /// Whether an address is external, whatever the port.
    pub(crate) fn covers(&self, address: Ipv4Addr) -> bool {
        address.to_bits().wrapping_sub(self.address) < self.addresses
    }

    /// The endpoint of this number.
    pub(crate) fn endpoint(&self, id: u32) -> Endpoint {
        Endpoint {
            address: Ipv4Addr::from_bits(self.address + id / self.ports),
            port: self.port_first + (id % self.ports) as u16,
        }
    }

    /// The number of an endpoint; `None` if it is not external.
    pub(crate) fn id(&self, endpoint: Endpoint) -> Option<u32> {
        let port = u32::from(endpoint.port.checked_sub(self.port_first)?);
        let address = endpoint.address.to_bits().wrapping_sub(self.address);
        (address < self.addresses && port < self.ports).then(|| address * self.ports + port)
    }
}

//! Addresses that operators write.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A MAC address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// From its bytes as they lie in a frame.
    #[inline]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// Its bytes as they lie in a frame.
    #[inline]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether it names a group: multicast or broadcast.
    #[inline]
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it is all zero, and so nobody's.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl From<[u8; 6]> for MacAddress {
    #[inline]
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A text that is no address of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnAddress;

impl FromStr for MacAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(NotAnAddress)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| NotAnAddress)?;
        }
        if parts.next().is_some() {
            return Err(NotAnAddress);
        }
        Ok(Self(octets))
    }
}

/// A range of IPv4 addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Prefix {
    network: u32,
    length: u8,
}

impl Ipv4Prefix {
    /// Whether an address is in it.
    #[inline]
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.network) & Self::mask(self.length) == 0
    }

    const fn mask(length: u8) -> u32 {
        match length {
            0 => 0,
            length => u32::MAX << (32 - length),
        }
    }
}

impl fmt::Display for Ipv4Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.network), self.length)
    }
}

impl FromStr for Ipv4Prefix {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (network, length) = text.split_once('/').ok_or(NotAnAddress)?;
        let network = network.parse::<Ipv4Addr>().map_err(|_| NotAnAddress)?.to_bits();
        let length = length.parse::<u8>().map_err(|_| NotAnAddress)?;
        if length > 32 || network & !Self::mask(length) != 0 {
            return Err(NotAnAddress);
        }
        Ok(Self { network, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_printing() {
        let text = "02:00:00:0a:ff:01";
        assert_eq!(text.parse::<MacAddress>().unwrap().to_string(), text);
        let text = "10.0.0.0/8";
        assert_eq!(text.parse::<Ipv4Prefix>().unwrap().to_string(), text);
    }

    #[test]
    fn texts_that_are_no_addresses_are_refused() {
        for text in
            ["", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "+2:00:00:00:00:1g"]
        {
            assert!(text.parse::<MacAddress>().is_err(), "{text}");
        }
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "10.0.0.0/"] {
            assert!(text.parse::<Ipv4Prefix>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_holds_its_addresses_and_no_others() {
        let prefix: Ipv4Prefix = "10.1.0.0/16".parse().unwrap();
        assert!(prefix.contains(Ipv4Addr::new(10, 1, 255, 255)));
        assert!(!prefix.contains(Ipv4Addr::new(10, 2, 0, 0)));
        let all: Ipv4Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(Ipv4Addr::new(203, 0, 113, 1)));
    }
}

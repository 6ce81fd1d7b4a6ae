//! What names a device: `net_af_packet0,iface=eth0`, `0000:18:00.0`.

use super::device::is_pci;
use super::eal::Needs;
use crate::port::{SpecError, SpecFault};
use std::fmt;

/// Bytes of a frame whose buffers the largest ring of `net_af_packet` asks for.
const RING_FRAME_MAX: usize = 1 << 15;

/// A device, as DPDK's own device arguments: a name, and keys with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSpec {
    devargs: String,
}

impl DeviceSpec {
    /// Checks what can be checked without DPDK.
    pub(crate) fn parse(devargs: &str) -> Result<Self, SpecFault> {
        let spec = Self { devargs: devargs.to_owned() };
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_:.-".contains(c);
        if spec.name().is_empty() || !spec.name().chars().all(is_word) {
            return Err(SpecFault::NoDevice);
        }
        if devargs.contains(|c: char| c.is_control()) {
            return Err(SpecFault::NoDevice);
        }
        Ok(spec)
    }

    /// The device's name.
    pub(super) fn name(&self) -> &str {
        let name = self.devargs.split(',').next().unwrap_or_default();
        name.strip_prefix("pci:").unwrap_or(name)
    }

    /// All of it.
    pub(super) fn devargs(&self) -> &str {
        &self.devargs
    }

    /// Whether it connects to a server in another process: a `net_memif` that is none itself.
    pub(super) fn connects(&self) -> bool {
        let is_server = |role: &str| role.contains("server") || role.contains("master");
        self.name().starts_with("net_memif") && !self.value("role").is_some_and(is_server)
    }

    fn value(&self, key: &str) -> Option<&str> {
        let mut pairs = self.devargs.split(',').skip(1).filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Bytes that a receive buffer must hold for this device, behind its headroom: 2,048, or what
    /// the frames of a `net_af_packet` ring are said to be.
    pub(super) fn room(&self) -> usize {
        let of_ring = self.value("framesz").and_then(|value| value.parse().ok()).unwrap_or(0);
        of_ring.clamp(2048, RING_FRAME_MAX)
    }

    /// What to tell an operator before frames are lost that nothing counts.
    pub(super) fn warning(&self) -> Option<&'static str> {
        let is_bare = self.name().starts_with("net_af_packet") && self.value("framecnt").is_none();
        is_bare.then_some(
            "its ring of 512 frames loses bursts, which nothing counts: add framecnt=4096 (2048 \
             without the right to lock more memory)",
        )
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.devargs)
    }
}

/// What all devices of a run ask of the layer below.
pub(super) fn needs<'a>(specs: impl Iterator<Item = &'a DeviceSpec>) -> Needs {
    specs.fold(Needs::default(), |mut needs, spec| {
        if is_pci(spec.name()) {
            needs.pci.push(spec.name().to_owned());
        }
        needs.single_file |= spec.value("zero-copy") == Some("yes");
        needs
    })
}

/// Checks that no device is named twice.
///
/// # Errors
/// [`SpecError`] of the second.
pub(crate) fn check_devices<'a>(
    specs: impl Iterator<Item = &'a DeviceSpec>,
) -> Result<(), SpecError> {
    let mut names: Vec<&str> = Vec::new();
    for spec in specs {
        if names.contains(&spec.name()) {
            let fault = SpecFault::DeviceTwice(spec.name().to_owned());
            return Err(SpecError { spec: format!("dpdk:{spec}"), fault });
        }
        names.push(spec.name());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> DeviceSpec {
        DeviceSpec::parse(text).unwrap()
    }

    #[test]
    fn a_name_is_what_stands_before_the_keys() {
        let ring = spec("net_af_packet0,iface=eth0,framesz=9216,framecnt=64");
        assert_eq!((ring.name(), ring.room()), ("net_af_packet0", 9216));
        assert_eq!(ring.warning(), None);
        let bare = spec("net_af_packet0,iface=eth0");
        assert_eq!(bare.room(), 2048);
        assert!(bare.warning().unwrap().contains("framecnt=4096"));
        assert_eq!(spec("pci:0000:18:00.0").name(), "0000:18:00.0");
        for bad in ["", ",iface=eth0", "net null", "net_tap0,iface=a\0b", "net_null0\n"] {
            assert_eq!(DeviceSpec::parse(bad), Err(SpecFault::NoDevice), "{bad:?}");
        }
    }

    #[test]
    fn a_memif_connects_unless_it_is_the_server() {
        assert!(spec("net_memif0").connects());
        assert!(spec("net_memif0,role=client,id=1").connects());
        assert!(!spec("net_memif0,role=server").connects());
        assert!(!spec("net_memif0,id=1,role=master").connects());
        assert!(!spec("net_null0").connects());
    }

    #[test]
    fn a_run_asks_for_what_its_devices_need() {
        let specs = [spec("0000:18:00.0"), spec("net_memif0,zero-copy=yes"), spec("net_null0")];
        let needs = needs(specs.iter());
        assert_eq!(needs.pci, ["0000:18:00.0"]);
        assert!(needs.single_file);
        assert!(check_devices(specs.iter()).is_ok());
        let twice = [spec("net_null0"), spec("net_null0,size=9")];
        let error = check_devices(twice.iter()).unwrap_err().to_string();
        assert!(error.contains("net_null0 is named twice"), "{error}");
    }
}

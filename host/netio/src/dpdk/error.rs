//! What DPDK refuses, by name, with what would help.
//!
//! DPDK tells failures in three ways: EAL, threads and external memory answer −1 and set
//! `rte_errno`; pools are null and set it; devices answer a negative number. All become an
//! [`Error`] at the call.

use std::fmt;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Starting the environment abstraction layer.
    Start,
    /// Making a device known.
    Probe,
    /// Finding the device that was just made known.
    Find,
    /// Asking a device what it can do.
    Inspect,
    /// Registering memory that is not DPDK's own.
    Memory,
    /// Making a pool of packet buffers.
    Pool,
    /// Setting the number of queues.
    Configure,
    /// Setting a receive queue up.
    ReceiveQueue,
    /// Setting a transmit queue up.
    TransmitQueue,
    /// Setting the receive-side scaling up.
    Scaling,
    /// Starting a device.
    StartDevice,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Self::Start => "DPDK does not start",
            Self::Probe => "the driver does not take the device",
            Self::Find => "the device is not there under its name",
            Self::Inspect => "the device does not tell what it can do",
            Self::Memory => "DPDK does not take memory for packets",
            Self::Pool => "there is no memory for packet buffers",
            Self::Configure => "the device does not take its number of queues",
            Self::ReceiveQueue => "the device does not give a receive queue",
            Self::TransmitQueue => "the device does not give a transmit queue",
            Self::Scaling => "the device does not take the scaling that it offers",
            Self::StartDevice => "the device does not start",
        }
    }
}

/// An error number of the system, as DPDK uses them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    /// No rights.
    pub const EPERM: Self = Self(1);
    /// No memory.
    pub const ENOMEM: Self = Self(12);
    /// No rights to a file; hugepages that are not there, too.
    pub const EACCES: Self = Self(13);
    /// A bad address; a driver that is not there, too.
    pub const EFAULT: Self = Self(14);
    /// In use.
    pub const EBUSY: Self = Self(16);
    /// There already.
    pub const EEXIST: Self = Self(17);
    /// No such device.
    pub const ENODEV: Self = Self(19);
    /// An argument that cannot be.
    pub const EINVAL: Self = Self(22);
    /// Not offered.
    pub const ENOTSUP: Self = Self(95);
    /// Done already.
    pub const EALREADY: Self = Self(114);

    /// Of a number with either sign.
    pub(super) fn new(number: i32) -> Self {
        Self(number.saturating_abs())
    }

    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::EPERM => "EPERM",
            Self::ENOMEM => "ENOMEM",
            Self::EACCES => "EACCES",
            Self::EFAULT => "EFAULT",
            Self::EBUSY => "EBUSY",
            Self::EEXIST => "EEXIST",
            Self::ENODEV => "ENODEV",
            Self::EINVAL => "EINVAL",
            Self::ENOTSUP => "ENOTSUP",
            Self::EALREADY => "EALREADY",
            _ => return None,
        })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something that DPDK refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was tried.
    pub step: Step,
    /// What it answered.
    pub errno: Errno,
}

impl Error {
    pub(super) fn new(step: Step, number: i32) -> Self {
        Self { step, errno: Errno::new(number) }
    }

    /// What would help; nothing where nothing is known to.
    fn advice(&self) -> &'static str {
        match (self.step, self.errno) {
            (Step::Start, Errno::EALREADY) => {
                "it was started in this process before and cannot start twice"
            }
            (Step::Start, Errno::EACCES | Errno::ENOMEM) => {
                "reserve hugepages, or leave them out with --hugepages no"
            }
            (Step::Probe, Errno::EFAULT) => {
                "there is no driver of this name: write a PCI address or, for instance, \
                 net_af_packet0,iface=NAME"
            }
            (Step::Probe, Errno::ENODEV) => {
                "there is no such PCI device, or the kernel's driver has it: bind it to vfio-pci"
            }
            (Step::Probe, Errno::EEXIST) => "give each port a name of its own",
            (Step::Probe, _) => {
                "check its arguments (interfaces and files must be there) and rights \
                 (net_af_packet needs CAP_NET_RAW and CAP_NET_ADMIN, net_tap CAP_NET_ADMIN)"
            }
            (Step::Pool | Step::Memory | Step::ReceiveQueue, Errno::ENOMEM) => {
                "reserve more hugepages, or leave them out with --hugepages no"
            }
            (Step::StartDevice, Errno::EPERM) => {
                "if it is the client of a net_memif, start the server first"
            }
            _ => "",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.step.words(), self.errno)?;
        match self.advice() {
            "" => Ok(()),
            advice => write!(f, "; {advice}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_its_name_and_what_would_help() {
        let error = Error::new(Step::Start, -13);
        assert_eq!(
            error.to_string(),
            "DPDK does not start (EACCES); reserve hugepages, or leave them out with --hugepages no"
        );
        assert_eq!(
            Error::new(Step::Find, 71).to_string(),
            format!("{} (error 71)", Step::Find.words())
        );
        assert_eq!(Errno::new(i32::MIN), Errno(i32::MAX));
    }
}

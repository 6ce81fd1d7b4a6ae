//! Why a packet was dropped: the host's own reasons, then the guest's faults, then what the
//! network function itself says. All are counted in one array, so that nothing is lost between
//! kinds.

use nfos_engine::description::HOST_REASONS;
use nfos_engine::fault::FaultReason;

/// A reason that is the host's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum HostReason {
    /// Its kind of event has no handler in the network function.
    NoHandler,
    /// Its packet set had to be registered and there was no room.
    PacketSetTableFull,
    /// It was sent to a port that does not exist.
    NoSuchPort,
    /// It was sent and is longer than a frame may be.
    FrameTooLong,
    /// The network function made it shorter than an Ethernet header.
    FrameTooShort,
    /// The egress port did not take it, also after some tries.
    TransmitRefused,
    /// The worker had no buffer left to receive it into.
    NoBuffer,
    /// It arrived when the run was ended in haste, or waited for its packet set when it ended.
    Stopped,
    /// Its packet set was on the way to its worker, and too many waited with it.
    PacketSetMoving,
}

impl HostReason {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; HOST_REASONS.len()] = [
        Self::NoHandler,
        Self::PacketSetTableFull,
        Self::NoSuchPort,
        Self::FrameTooLong,
        Self::FrameTooShort,
        Self::TransmitRefused,
        Self::NoBuffer,
        Self::Stopped,
        Self::PacketSetMoving,
    ];

    /// The name that the summary counts it under.
    pub(crate) fn name(self) -> &'static str {
        HOST_REASONS[self as usize]
    }
}

const FAULTS_AT: usize = HostReason::ALL.len();
const NF_AT: usize = FAULTS_AT + FaultReason::ALL.len();

/// A drop reason: an index into an array with a counter for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DropReason(u16);

impl DropReason {
    /// How many reasons there are for a network function with `of_nf` reasons of its own.
    pub(crate) fn count(of_nf: usize) -> usize {
        NF_AT + of_nf
    }

    /// The reason of this index in `description.drop-reasons`, which it must have.
    #[inline]
    pub(crate) fn of_nf(index: u16) -> Self {
        Self(NF_AT as u16 + index)
    }

    /// Its index.
    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its name, and whether the network function decided it.
    pub(crate) fn name(index: usize, of_nf: &[String]) -> (&str, bool) {
        match index {
            host if host < FAULTS_AT => (HostReason::ALL[host].name(), false),
            fault if fault < NF_AT => (FaultReason::ALL[fault - FAULTS_AT].name(), false),
            nf => (&of_nf[nf - NF_AT], true),
        }
    }
}

impl From<HostReason> for DropReason {
    fn from(reason: HostReason) -> Self {
        Self(reason as u16)
    }
}

impl From<FaultReason> for DropReason {
    fn from(reason: FaultReason) -> Self {
        Self(FAULTS_AT as u16 + reason as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_an_index_and_a_name_of_its_own() {
        let of_nf = ["first".to_owned(), "second".to_owned()];
        let mut names: Vec<_> =
            (0..DropReason::count(2)).map(|i| DropReason::name(i, &of_nf).0.to_owned()).collect();
        for reason in HostReason::ALL {
            assert_eq!(names[DropReason::from(reason).index()], reason.name());
        }
        for reason in FaultReason::ALL {
            assert_eq!(names[DropReason::from(reason).index()], reason.name());
        }
        assert_eq!(HostReason::PacketSetTableFull.name(), "packet_set_table_full");
        assert_eq!(HostReason::Stopped.name(), "stopped");
        assert_eq!(names[DropReason::of_nf(1).index()], "second");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), DropReason::count(2));
    }
}

//! What a baseline does with a packet, and how several workers share one.

use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use nfos::prelude::{FrameReason, Packet};

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It leaves through a port.
    Send(u16),
    /// A copy of it leaves through every port but its own.
    Flood,
    /// It was for the network function itself.
    Consume,
    /// It is dropped, for a reason of this name.
    Drop(&'static str),
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub &'static str);

impl From<FrameReason> for Reason {
    #[inline]
    fn from(reason: FrameReason) -> Self {
        Self(FrameReason::NAMES[reason as usize])
    }
}

/// An outcome, or the reason to drop.
pub type Judged = Result<Outcome, Reason>;

/// The baselines of a network function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// One worker, collections of the standard library.
    Sequential,
    /// Parallelized by hand.
    Expert,
    /// The sequential one behind one lock.
    GlobalLock,
}

impl Variant {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("sequential", Self::Sequential), ("expert", Self::Expert), ("lock", Self::GlobalLock)];
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, variant)| variant).ok_or_else(|| format!("no variant `{text}`"))
    }
}

/// One worker of a baseline, as a run drives it.
pub trait Worker: Send {
    /// Does what is due.
    fn tick(&mut self, now_ns: u64);

    /// Handles a packet, which it may rewrite.
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged;

    /// Numbers that it has counted, for tests and the end of a run.
    fn counted(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// A network function for one worker.
pub trait Sequential: Send + Sync {
    /// Whether [`Self::tick`] has anything to do.
    fn is_due(&self, _now_ns: u64) -> bool {
        false
    }

    /// Does what is due.
    fn tick(&mut self, _now_ns: u64) {}

    /// Handles a packet, which it may rewrite.
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged;

    /// Handles a packet if nothing but times changes by it; otherwise `None`, and the packet is as
    /// it was.
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged>;

    /// Numbers that it has counted.
    fn counted(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// A worker with a network function of its own.
pub struct Alone<S>(pub S);

impl<S: Sequential> Worker for Alone<S> {
    fn tick(&mut self, now_ns: u64) {
        if self.0.is_due(now_ns) {
            self.0.tick(now_ns);
        }
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        self.0.packet(packet, now_ns)
    }

    fn counted(&self) -> Vec<u64> {
        self.0.counted()
    }
}

/// A worker that shares a network function behind a lock.
pub struct Locked<S>(pub Arc<RwLock<S>>);

impl<S: Sequential> Worker for Locked<S> {
    fn tick(&mut self, now_ns: u64) {
        let is_due = self.0.read().unwrap_or_else(PoisonError::into_inner).is_due(now_ns);
        if is_due {
            self.0.write().unwrap_or_else(PoisonError::into_inner).tick(now_ns);
        }
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner).glance(packet, now_ns);
        match seen {
            Some(judged) => judged,
            None => self.0.write().unwrap_or_else(PoisonError::into_inner).packet(packet, now_ns),
        }
    }

    fn counted(&self) -> Vec<u64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).counted()
    }
}

/// Workers that have one each.
pub(crate) fn alone<S: Sequential + 'static>(
    count: usize,
    make: impl Fn() -> S,
) -> Vec<Box<dyn Worker>> {
    (0..count).map(|_| Box::new(Alone(make())) as Box<dyn Worker>).collect()
}

/// Workers that share one.
pub(crate) fn locked<S: Sequential + 'static>(count: usize, one: S) -> Vec<Box<dyn Worker>> {
    let one = Arc::new(RwLock::new(one));
    (0..count).map(|_| Box::new(Locked(Arc::clone(&one))) as Box<dyn Worker>).collect()
}

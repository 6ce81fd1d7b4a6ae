//! The network function as its author writes it: seven handlers over one packet at a time.

use std::time::Duration;

use crate::layout;
use crate::packet::Packet;
use crate::packet_sets::{PacketSet, Rule};
use crate::parameters::Parameters;
use crate::reasons;
use crate::verdict::{IntoVerdict, Verdict};

/// A network function.
///
/// Write `#[nfos::export]` on the `impl` block. It fills in what the block leaves out: the types
/// (no parameters, no state, no reasons, no events of its own), the name and the summary (of the
/// package), and which handlers there are. A handler that is left out costs nothing: its events
/// never reach the guest, and a packet that only it could have answered is dropped as
/// `no_handler`.
///
/// Every handler appears to run alone and at once. The host may run one again after undoing all
/// that it did, so a handler needs no precaution but this one: what it leaves in the memory of
/// its own may vanish. That is why handlers get `&self`, and why `Self` is `Sync`: state lives in
/// the packet-set state and in the structures opened by `init`.
///
/// A panic drops the packet as `guest_panic`, with its message in the host's log.
pub trait NetworkFunction: Sized + Send + Sync + 'static {
    /// Its name: lower-case letters, digits and hyphens. By default the package's.
    const NAME: &'static str;

    /// One sentence on what it does. By default the package's description.
    const SUMMARY: &'static str;

    /// The least number of ports it works with.
    const PORTS: u16;

    /// How many leading bytes of a frame the handlers see; 0: all of them. The fixed headers of
    /// Ethernet, IPv4 and TCP with all their options before the ports take at most 94.
    const WINDOW: u32 = 128;

    /// By how many bytes a frame may grow at its front, at most 128.
    const HEADROOM: u32 = 0;

    /// What the operator may set.
    type Parameters: Parameters;

    /// What each packet set remembers.
    type State: layout::State;

    /// Its own drop reasons, beside those of the frame rules.
    type Reason: reasons::Reason;

    /// The events it emits.
    type Event: reasons::Event;

    /// Which handlers there are; written by `#[nfos::export]`.
    #[doc(hidden)]
    const HANDLES: Handles;

    /// The packets that share state, and are handled in their order of arrival. The first
    /// definition that a packet fits decides; a packet that fits none is an orphan.
    fn packet_sets() -> Vec<PacketSet> {
        Vec::new()
    }

    /// Which orphan packets must meet one worker. The others are steered by their 5-tuple, or
    /// else by their pair of MAC addresses.
    fn orphans() -> Vec<Rule> {
        Vec::new()
    }

    /// How long a packet set may be without a packet; zero: for ever.
    fn idle_timeout(&self) -> Duration {
        Duration::ZERO
    }

    /// How many packet sets there is room for, unless the operator says otherwise.
    fn capacity(&self) -> u32 {
        65_536
    }

    /// The intervals of periodic events, at most 16.
    fn periods(&self) -> Vec<Duration> {
        Vec::new()
    }

    /// Opens the structures and computes what does not change afterwards. A panic ends the start
    /// of the host with its message.
    fn init(parameters: Self::Parameters) -> Self;

    /// The last words, after the last event.
    fn exit(&self) {}

    /// The first packet of a set that has no state yet: `state` is all zero. The set gets what
    /// is left there if the verdict registers it.
    fn init_packet_set(
        &self,
        packet: &mut Packet<'_>,
        state: &mut Self::State,
    ) -> impl IntoVerdict {
        let _ = (packet, state);
        Verdict::consume()
    }

    /// A packet of a set that has state.
    fn packet(&self, packet: &mut Packet<'_>, state: &mut Self::State) -> impl IntoVerdict {
        let _ = (packet, state);
        Verdict::consume()
    }

    /// A packet set has been idle for longer than [`Self::idle_timeout`]: its last event.
    fn expired_packet_set(&self, state: &Self::State) {
        let _ = state;
    }

    /// A packet that fits no packet-set definition.
    fn orphan_packet(&self, packet: &mut Packet<'_>) -> impl IntoVerdict {
        let _ = packet;
        Verdict::consume()
    }

    /// The interval `period` of [`Self::periods`] has passed.
    fn periodic(&self, period: usize) {
        let _ = period;
    }
}

/// A set of handlers.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handles(pub u8);

impl Handles {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and the one with this number in `types.event-kind`.
    pub const fn and(self, kind: u8) -> Self {
        Self(self.0 | 1 << kind)
    }

    /// Whether it has the one with this number.
    pub const fn has(self, kind: u8) -> bool {
        self.0 & 1 << kind != 0
    }
}

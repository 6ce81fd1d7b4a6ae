//! Where a worker's frames go, and where it gets new ones: one trait, because live ports have a
//! queue per worker while captures are written by one thread for all.

use nfos_netio::Frame;

/// Whether a frame is a received packet on its way on, or a further one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A received packet: it counts as sent once a port took it.
    Packet,
    /// A copy of a flooded packet, or one that the network function made.
    Further,
}

/// The way out of a worker.
pub(crate) trait Egress {
    /// Sends a frame through an existing port. Counted as transmitted or refused, and a packet as
    /// sent or dropped, here or at [`Self::flush`].
    fn send(&mut self, port: u16, frame: Frame, origin: Origin);

    /// Sends received packets through an existing port, as [`Self::send`] does each.
    #[inline]
    fn send_packets(&mut self, port: u16, frames: impl Iterator<Item = Frame>) {
        frames.for_each(|frame| self.send(port, frame, Origin::Packet));
    }

    /// A frame to fill, or none if there is none left.
    fn spare(&mut self) -> Option<Frame>;

    /// Takes back a frame that goes nowhere.
    fn recycle(&mut self, frame: Frame);

    /// Hands over what was sent so far.
    fn flush(&mut self);
}

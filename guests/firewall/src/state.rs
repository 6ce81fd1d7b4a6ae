//! What a session remembers: who has ended it.

use nfos::prelude::*;

/// From where a packet came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lan,
    Wan,
}

impl Side {
    /// The side of an ingress port: whatever is not the LAN is outside.
    pub(crate) fn of(port: u16) -> Self {
        match port {
            crate::LAN => Self::Lan,
            _ => Self::Wan,
        }
    }
}

/// The end of a TCP session as seen so far; of UDP always as it was at first.
#[derive(State, Debug, PartialEq, Eq)]
pub struct Session {
    fin_from_lan: bool,
    fin_from_wan: bool,
    reset: bool,
}

impl Session {
    /// Notes that a segment ends the session, if it does.
    pub(crate) fn record(&mut self, from: Side, flags: TcpFlags) {
        let fin = flags.has(TcpFlags::FIN);
        match from {
            Side::Lan => self.fin_from_lan |= fin,
            Side::Wan => self.fin_from_wan |= fin,
        }
        self.reset |= flags.has(TcpFlags::RST);
    }

    /// Whether it is over: reset, or ended from both sides.
    pub(crate) fn is_closed(&self) -> bool {
        self.reset || (self.fin_from_lan && self.fin_from_wan)
    }

    /// A new connection of the same addresses and ports begins.
    pub(crate) fn reopen(&mut self) {
        *self = Self { fin_from_lan: false, fin_from_wan: false, reset: false };
    }
}

//! What a flow remembers, what is counted over all of them, and whether there is an alarm.

use nfos::prelude::*;

use crate::Event;

/// Whether a flow has had one packet only.
#[derive(State, Debug, PartialEq, Eq)]
pub struct Flow {
    pub(crate) one_packet: bool,
}

/// Over all flows that are remembered.
#[derive(Cell, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    /// How many they are.
    #[merge(sum)]
    pub(crate) flows: u64,
    /// How many of them have had one packet only.
    #[merge(sum)]
    pub(crate) one_packet_flows: u64,
}

/// Whether there is an attack, as last told.
pub(crate) struct Alarm(Vector<u64>);

impl Alarm {
    pub(crate) fn open() -> Self {
        Self(Vector::open("alarm", 1))
    }

    /// Tells when an attack begins or ends.
    pub(crate) fn set(&self, attack: bool, flows: u64) {
        let active = self.0.read(0_u32) != 0;
        if active != attack {
            self.0.write(0_u32, &attack.into());
            emit(if attack { Event::AttackStarted } else { Event::AttackEnded }, flows);
        }
    }
}

//! Turns, the gate, the snapshot.

use nfos_sync::Bug;

use crate::FAILURES_BEFORE_GATE;
use crate::state::{At, INACTIVE, Phase, Step, Turn};

impl Step<'_> {
    pub(crate) fn begin(&mut self, at: At) -> bool {
        match at {
            At::Begin => self.queue(),
            At::RoomTurn { cell, ticket } => {
                let has_turn = self.state.rooms[usize::from(cell)].1 == ticket;
                if has_turn {
                    self.mine().turn = Turn::Room(cell);
                }
                has_turn && self.go(At::LoadClock)
            }
            At::ElderTurn { ticket } => self.state.elders.1 == ticket && self.go(At::CloseGate),
            At::CloseGate => {
                self.state.gate = self.me + 1;
                self.mine().turn = Turn::Elder;
                self.go(if self.lacks(Bug::GateWithoutDrain) {
                    At::LoadClock
                } else {
                    At::Drain(0)
                })
            }
            At::Drain(other) => self.drain(other),
            At::LoadClock => self.load_clock(),
            At::Publish(clock) => {
                self.mine().active = clock;
                if self.lacks(Bug::SnapshotBeforePublication) {
                    return self.start(clock);
                }
                self.go(At::TakeSnapshot)
            }
            At::TakeSnapshot => self.start(self.state.clock),
            At::StoreActive => {
                self.mine().active = self.own().snapshot;
                self.run()
            }
            _ => self.leave(),
        }
    }

    /// After a failure: a ticket, holding nothing.
    fn queue(&mut self) -> bool {
        let returned = self.state.returned;
        self.mine().returned = returned;
        let Some(cell) = self.mine().failed_on.take() else { return self.load_clock() };
        self.mine().active = INACTIVE;
        if self.own().failures >= FAILURES_BEFORE_GATE {
            let ticket = self.state.elders.0;
            self.state.elders.0 += 1;
            return self.go(At::ElderTurn { ticket });
        }
        let room = &mut self.state.rooms[usize::from(cell)];
        let ticket = room.0;
        room.0 += 1;
        self.go(At::RoomTurn { cell, ticket })
    }

    fn drain(&mut self, other: u8) -> bool {
        match self.state.threads.get(usize::from(other)) {
            None => self.load_clock(),
            Some(thread) if other == self.me || thread.phase == Phase::Idle => {
                self.go(At::Drain(other + 1))
            }
            Some(_) => false,
        }
    }

    fn load_clock(&mut self) -> bool {
        let clock = self.state.clock;
        if self.own().active == INACTIVE {
            return self.go(At::Publish(clock));
        }
        self.reset(clock);
        self.go(At::StoreActive)
    }

    fn start(&mut self, snapshot: u8) -> bool {
        self.reset(snapshot);
        self.run()
    }

    fn reset(&mut self, snapshot: u8) {
        if snapshot < self.own().returned {
            self.wrong("a snapshot against real time");
        }
        let me = self.mine();
        me.snapshot = snapshot;
        (me.event, me.op, me.end, me.timestamp) = (0, 0, 0, 0);
        (me.first_writer, me.doomed, me.stale, me.lost) = (None, None, false, false);
        me.observations.clear();
        me.writes.clear();
        me.actions.clear();
        (me.kept, me.named) = (0, 0);
        me.results = vec![Vec::new()];
        me.snapshots.clear();
    }

    fn leave(&mut self) -> bool {
        match std::mem::replace(&mut self.mine().turn, Turn::None) {
            Turn::Room(cell) => self.state.rooms[usize::from(cell)].1 += 1,
            Turn::Elder => {
                self.state.gate = 0;
                self.state.elders.1 += 1;
            }
            Turn::None => {}
        }
        self.conclude()
    }
}

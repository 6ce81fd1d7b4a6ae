//! An allocator as the NFOS prototype has it, in cells of the same transactional memory.
//!
//! Each participant has a list of the ids that it has given out, the latest renewed first, and a
//! pool of free ones. A refresh moves the id to the front of the list that it is in, so it changes
//! its neighbours and the list's head: two refreshes of ids of one list conflict. Free ids are
//! dealt to the participants at first, but for the last, which is the control loop. Who finds its
//! pool dry takes from a global one, and who finds that one empty fills it with one id of each
//! participant's pool: a conflict with all who allocate.
//!
//! Only simulations use it ([`Protocol::Original`](crate::Protocol::Original)); what they make of
//! it stands in `docs/simulate.md`.

use nfos_stm::{CellId, Memory, MemoryFull, Mutator, Observer};

use crate::effects::{Effects, Tx};
use crate::error::AccessError;
use crate::rules::{MutatorKind, ObserverKind};
use crate::{Cell, ExpiredLease};

/// Of a node: the numbers of its neighbours and one, 0 for none, or for a list's head itself.
const PREVIOUS: usize = 0;
const NEXT: usize = 1;
const DEADLINE: usize = 2;
/// Whose list it is in, and one; 0: it is free.
const OWNER: usize = 3;

/// Of a pool: the first of those that came back, and one.
const FIRST: usize = 0;
/// Of a participant's pool: how many of those dealt to it at first are gone.
const TAKEN: usize = 1;

/// What an operation is, for the record of a conflict.
#[derive(Clone, Copy)]
struct By(ObserverKind, MutatorKind);

#[derive(Debug)]
pub(crate) struct Lists {
    object: u16,
    capacity: u32,
    participants: u32,
    refresh_interval_ns: u64,
    /// A node for each id, a head of each list, a pool for each participant, the global pool.
    cells: CellId,
}

impl Lists {
    pub(crate) fn open(
        memory: &Memory,
        (object, capacity, refresh_interval_ns): (u16, u32, u64),
    ) -> Result<Self, MemoryFull> {
        let participants = memory.participants() as u32;
        let cells = memory.reserve(u64::from(capacity) + 2 * u64::from(participants) + 1)?;
        Ok(Self { object, capacity, participants, refresh_interval_ns, cells })
    }

    fn read(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        node: u32,
        By(kind, _): By,
    ) -> Result<Cell, AccessError> {
        let observer = Observer { object: self.object, kind: kind as u8 };
        Ok(tx.read(self.cells.offset(node), observer, effects)?)
    }

    fn write(
        &self,
        tx: &mut Tx,
        node: u32,
        By(_, kind): By,
        cell: Cell,
    ) -> Result<(), AccessError> {
        let mutator = Mutator { object: self.object, kind: kind as u8 };
        Ok(tx.write(self.cells.offset(node), mutator, cell)?)
    }

    fn head(&self, participant: u32) -> u32 {
        self.capacity + participant
    }

    fn pool(&self, participant: u32) -> u32 {
        self.capacity + self.participants + participant
    }

    fn global(&self) -> u32 {
        self.pool(self.participants)
    }

    fn check(&self, id: u32) -> Result<(), AccessError> {
        let (index, length) = (id, self.capacity);
        if id < length { Ok(()) } else { Err(AccessError::OutOfRange { index, length }) }
    }

    /// Takes the first id out of a pool.
    fn pop(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        pool: u32,
        by: By,
    ) -> Result<Option<u32>, AccessError> {
        let mut content = self.read(tx, effects, pool, by)?;
        let id = match content[FIRST] {
            0 => {
                let Some(id) = self.next_dealt(pool, content[TAKEN]) else { return Ok(None) };
                content[TAKEN] += 1;
                id
            }
            first => {
                let id = first as u32 - 1;
                content[FIRST] = self.read(tx, effects, id, by)?[NEXT];
                id
            }
        };
        self.write(tx, pool, by, content)?;
        Ok(Some(id))
    }

    /// The next of the ids that were dealt to a participant's pool at first.
    fn next_dealt(&self, pool: u32, taken: u64) -> Option<u32> {
        let dealt_to = self.participants.saturating_sub(1).max(1);
        let of = |end: u32| u64::from(end) * u64::from(self.capacity) / u64::from(dealt_to);
        let participant = pool - self.pool(0);
        if participant >= dealt_to {
            return None;
        }
        let id = of(participant) + taken;
        (id < of(participant + 1)).then_some(id as u32)
    }

    fn push(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        (pool, id): (u32, u32),
        by: By,
    ) -> Result<(), AccessError> {
        let mut content = self.read(tx, effects, pool, by)?;
        let mut node = [0; 6];
        node[NEXT] = std::mem::replace(&mut content[FIRST], u64::from(id) + 1);
        self.write(tx, id, by, node)?;
        self.write(tx, pool, by, content)
    }

    /// A node's neighbour; a head's is itself at first.
    fn neighbour(node: &Cell, side: usize, of: u32) -> u32 {
        if node[side] == 0 { of } else { node[side] as u32 - 1 }
    }

    fn set_neighbour(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        (node, side, to): (u32, usize, u32),
        by: By,
    ) -> Result<(), AccessError> {
        let mut content = self.read(tx, effects, node, by)?;
        content[side] = u64::from(to) + 1;
        self.write(tx, node, by, content)
    }

    /// Takes a node out of its list.
    fn unlink(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        node: &Cell,
        by: By,
    ) -> Result<(), AccessError> {
        let before = Self::neighbour(node, PREVIOUS, 0);
        let behind = Self::neighbour(node, NEXT, 0);
        self.set_neighbour(tx, effects, (before, NEXT, behind), by)?;
        self.set_neighbour(tx, effects, (behind, PREVIOUS, before), by)
    }

    /// Puts a node at the front of a list.
    fn link(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        (id, owner, deadline_ns): (u32, u32, u64),
        by: By,
    ) -> Result<(), AccessError> {
        let head = self.head(owner);
        let first = Self::neighbour(&self.read(tx, effects, head, by)?, NEXT, head);
        // Two who take one id conflict here too.
        self.read(tx, effects, id, by)?;
        let node = [head, first].map(|neighbour| u64::from(neighbour) + 1);
        self.write(tx, id, by, [node[0], node[1], deadline_ns, u64::from(owner) + 1, 0, 0])?;
        self.set_neighbour(tx, effects, (first, PREVIOUS, id), by)?;
        self.set_neighbour(tx, effects, (head, NEXT, id), by)
    }

    pub(crate) fn allocate(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        duration_ns: u64,
    ) -> Result<Option<u32>, AccessError> {
        let by = By(ObserverKind::Allocate, MutatorKind::Allocate);
        let me = effects.me as u32;
        let found = match self.pop(tx, effects, self.pool(me), by)? {
            Some(id) => Some(id),
            None => self.take_from_global(tx, effects, by)?,
        };
        let Some(id) = found else { return Ok(None) };
        let deadline_ns = effects.now_ns.saturating_add(duration_ns);
        self.link(tx, effects, (id, me, deadline_ns), by)?;
        Ok(Some(id))
    }

    fn take_from_global(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        by: By,
    ) -> Result<Option<u32>, AccessError> {
        if let Some(id) = self.pop(tx, effects, self.global(), by)? {
            return Ok(Some(id));
        }
        for participant in 0..self.participants {
            if let Some(id) = self.pop(tx, effects, self.pool(participant), by)? {
                self.push(tx, effects, (self.global(), id), by)?;
            }
        }
        self.pop(tx, effects, self.global(), by)
    }

    pub(crate) fn refresh(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        id: u32,
        duration_ns: u64,
    ) -> Result<bool, AccessError> {
        self.check(id)?;
        let by = By(ObserverKind::Refresh, MutatorKind::Refresh);
        let node = self.read(tx, effects, id, by)?;
        if node[OWNER] == 0 {
            return Ok(false);
        }
        let deadline_ns = effects.now_ns.saturating_add(duration_ns);
        let enough_ns = deadline_ns.saturating_add(1).saturating_sub(self.refresh_interval_ns);
        if self.refresh_interval_ns == 0 || node[DEADLINE] < enough_ns {
            self.unlink(tx, effects, &node, by)?;
            self.link(tx, effects, (id, node[OWNER] as u32 - 1, deadline_ns), by)?;
        }
        Ok(true)
    }

    pub(crate) fn free(&self, tx: &mut Tx, effects: &Effects, id: u32) -> Result<(), AccessError> {
        self.check(id)?;
        let by = By(ObserverKind::Free, MutatorKind::Free);
        let node = self.read(tx, effects, id, by)?;
        if node[OWNER] == 0 {
            return Err(AccessError::NotHeld(id));
        }
        self.unlink(tx, effects, &node, by)?;
        self.push(tx, effects, (self.pool(effects.me as u32), id), by)
    }

    pub(crate) fn is_live(
        &self,
        tx: &mut Tx,
        effects: &Effects,
        id: u32,
    ) -> Result<bool, AccessError> {
        self.check(id)?;
        let by = By(ObserverKind::IsLive, MutatorKind::Refresh);
        let node = self.read(tx, effects, id, by)?;
        Ok(node[OWNER] != 0 && node[DEADLINE] >= effects.now_ns)
    }

    /// The last of a list is the one that runs out first.
    pub(crate) fn next_expired(
        &self,
        tx: &mut Tx,
        effects: &Effects,
    ) -> Result<Option<ExpiredLease>, AccessError> {
        let by = By(ObserverKind::NextExpired, MutatorKind::Free);
        let me = effects.me as u32;
        let others = if me + 1 == self.participants { me } else { 0 };
        for participant in std::iter::once(me).chain(0..others) {
            let head = self.head(participant);
            let last = Self::neighbour(&self.read(tx, effects, head, by)?, PREVIOUS, head);
            if last == head {
                continue;
            }
            let deadline_ns = self.read(tx, effects, last, by)?[DEADLINE];
            if deadline_ns < effects.now_ns {
                return Ok(Some(ExpiredLease { id: last, deadline_ns }));
            }
        }
        Ok(None)
    }
}

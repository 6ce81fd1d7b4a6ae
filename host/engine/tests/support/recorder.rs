//! Services that write down every call with its arguments, and answer what they were told to.

use std::time::Duration;

use nfos_engine::fault::GuestFault;
use nfos_engine::services::{
    Answer, Cell, ExpiredLease, Handle, Hashing, LogLevel, MapEntry, Merge, Services, SetOutcome,
    Value,
};

/// One call, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    Begin(u32),
    Parameter(String),
    OpenVector(String, u32),
    VectorRead(Handle, u32),
    VectorWrite(Handle, u32, Cell),
    VectorAdd(Handle, u32, u8, i64),
    OpenMap(String, u32, u32),
    OpenMapWith(String, u32, u32, Hashing),
    MapGet(Handle, Vec<u8>),
    MapSet(Handle, Vec<u8>, Cell),
    MapRemove(Handle, Vec<u8>),
    MapLen(Handle),
    MapNext(Handle, u64),
    OpenAllocator(String, u32, u64),
    Allocate(Handle, u64),
    Refresh(Handle, u32, u64),
    Free(Handle, u32),
    IsLive(Handle, u32),
    NextExpired(Handle),
    OpenDistributed(String, Vec<Merge>, u64),
    DistributedUpdate(Handle, u8, i64),
    DistributedRead(Handle),
    OpenParts(String, u64),
    Parts(Handle),
    Part(Handle, u32),
    OwnPart(Handle),
    SetPart(Handle, Cell),
    Published(Handle),
    Publish(Handle, Cell),
    Send(u16, Vec<u8>),
    Now,
    Random,
    Log(LogLevel, String),
    Emit(u32, u64),
}

/// What the next calls answer.
#[derive(Clone)]
pub struct Answers {
    pub yes: bool,
    pub value: Value,
    pub handle: Handle,
    pub cell: Cell,
    pub found: Option<Cell>,
    pub set: SetOutcome,
    pub entry: Option<MapEntry>,
    pub id: Option<u32>,
    pub count: u32,
    pub lease: Option<ExpiredLease>,
    pub number: u64,
    /// How long `now` sleeps.
    pub pause: Duration,
    /// After so many calls the run of further events is in vain.
    pub in_vain_after: usize,
    /// A fault for all but `send` and `emit`.
    pub fault: Option<GuestFault>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            yes: true,
            value: Value::Boolean(true),
            handle: 0xfeed_0001,
            cell: [0; 6],
            found: None,
            set: SetOutcome::Ok,
            entry: None,
            id: None,
            count: 0x8765_4321,
            lease: None,
            number: 0x8765_4321_0fed_cba9,
            pause: Duration::ZERO,
            in_vain_after: usize::MAX,
            fault: None,
        }
    }
}

#[derive(Default)]
pub struct Recorder {
    pub calls: Vec<Called>,
    pub answers: Answers,
}

impl Recorder {
    pub fn answering(answers: Answers) -> Self {
        Self { calls: Vec::new(), answers }
    }

    fn note<T>(&mut self, call: Called, answer: T) -> Answer<T> {
        self.calls.push(call);
        self.answers.fault.clone().map_or(Ok(answer), Err)
    }
}

impl Services for Recorder {
    fn begin(&mut self, event: u32) -> Answer<bool> {
        self.note(Called::Begin(event), self.answers.yes)
    }
    fn is_in_vain(&self) -> bool {
        self.calls.len() >= self.answers.in_vain_after
    }
    fn parameter(&mut self, name: &str) -> Answer<Value> {
        self.note(Called::Parameter(name.to_owned()), self.answers.value.clone())
    }
    fn open_vector(&mut self, name: &str, length: u32) -> Answer<Handle> {
        self.note(Called::OpenVector(name.to_owned(), length), self.answers.handle)
    }
    fn vector_read(&mut self, vector: Handle, index: u32) -> Answer<Cell> {
        self.note(Called::VectorRead(vector, index), self.answers.cell)
    }
    fn vector_write(&mut self, vector: Handle, index: u32, value: Cell) -> Answer<()> {
        self.note(Called::VectorWrite(vector, index, value), ())
    }
    fn vector_add(&mut self, vector: Handle, index: u32, word: u8, delta: i64) -> Answer<()> {
        self.note(Called::VectorAdd(vector, index, word, delta), ())
    }
    fn open_map(&mut self, name: &str, capacity: u32, key_size: u32) -> Answer<Handle> {
        self.note(Called::OpenMap(name.to_owned(), capacity, key_size), self.answers.handle)
    }
    fn open_map_with(
        &mut self,
        name: &str,
        capacity: u32,
        key_size: u32,
        hashing: Hashing,
    ) -> Answer<Handle> {
        let called = Called::OpenMapWith(name.to_owned(), capacity, key_size, hashing);
        self.note(called, self.answers.handle)
    }
    fn map_len(&mut self, map: Handle) -> Answer<u32> {
        self.note(Called::MapLen(map), self.answers.count)
    }
    fn map_next(&mut self, map: Handle, at: u64) -> Answer<Option<MapEntry>> {
        self.note(Called::MapNext(map, at), self.answers.entry)
    }
    fn map_get(&mut self, map: Handle, key: &[u8]) -> Answer<Option<Cell>> {
        self.note(Called::MapGet(map, key.to_owned()), self.answers.found)
    }
    fn map_set(&mut self, map: Handle, key: &[u8], value: Cell) -> Answer<SetOutcome> {
        self.note(Called::MapSet(map, key.to_owned(), value), self.answers.set)
    }
    fn map_remove(&mut self, map: Handle, key: &[u8]) -> Answer<bool> {
        self.note(Called::MapRemove(map, key.to_owned()), self.answers.yes)
    }
    fn open_allocator(&mut self, name: &str, capacity: u32, refresh: u64) -> Answer<Handle> {
        self.note(Called::OpenAllocator(name.to_owned(), capacity, refresh), self.answers.handle)
    }
    fn allocate(&mut self, allocator: Handle, duration: u64) -> Answer<Option<u32>> {
        self.note(Called::Allocate(allocator, duration), self.answers.id)
    }
    fn refresh(&mut self, allocator: Handle, id: u32, duration: u64) -> Answer<bool> {
        self.note(Called::Refresh(allocator, id, duration), self.answers.yes)
    }
    fn free(&mut self, allocator: Handle, id: u32) -> Answer<()> {
        self.note(Called::Free(allocator, id), ())
    }
    fn is_live(&mut self, allocator: Handle, id: u32) -> Answer<bool> {
        self.note(Called::IsLive(allocator, id), self.answers.yes)
    }
    fn next_expired(&mut self, allocator: Handle) -> Answer<Option<ExpiredLease>> {
        self.note(Called::NextExpired(allocator), self.answers.lease)
    }
    fn open_distributed(&mut self, name: &str, merges: &[Merge], staleness: u64) -> Answer<Handle> {
        let called = Called::OpenDistributed(name.to_owned(), merges.to_owned(), staleness);
        self.note(called, self.answers.handle)
    }
    fn distributed_update(&mut self, object: Handle, word: u8, operand: i64) -> Answer<()> {
        self.note(Called::DistributedUpdate(object, word, operand), ())
    }
    fn distributed_read(&mut self, object: Handle) -> Answer<Cell> {
        self.note(Called::DistributedRead(object), self.answers.cell)
    }
    fn open_parts(&mut self, name: &str, staleness: u64) -> Answer<Handle> {
        self.note(Called::OpenParts(name.to_owned(), staleness), self.answers.handle)
    }
    fn parts(&mut self, object: Handle) -> Answer<u32> {
        self.note(Called::Parts(object), self.answers.count)
    }
    fn part(&mut self, object: Handle, index: u32) -> Answer<Cell> {
        self.note(Called::Part(object, index), self.answers.cell)
    }
    fn own_part(&mut self, object: Handle) -> Answer<Cell> {
        self.note(Called::OwnPart(object), self.answers.cell)
    }
    fn set_part(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.note(Called::SetPart(object, value), ())
    }
    fn published(&mut self, object: Handle) -> Answer<Option<Cell>> {
        self.note(Called::Published(object), self.answers.found)
    }
    fn publish(&mut self, object: Handle, value: Cell) -> Answer<()> {
        self.note(Called::Publish(object, value), ())
    }
    fn send(&mut self, port: u16, frame: &[u8]) -> Answer<()> {
        self.calls.push(Called::Send(port, frame.to_owned()));
        Ok(())
    }
    fn now(&mut self) -> Answer<u64> {
        std::thread::sleep(self.answers.pause);
        self.note(Called::Now, self.answers.number)
    }
    fn random(&mut self) -> Answer<u64> {
        self.note(Called::Random, self.answers.number)
    }
    fn log(&mut self, level: LogLevel, message: &str) -> Answer<()> {
        self.note(Called::Log(level, message.to_owned()), ())
    }
    fn emit(&mut self, event: u32, value: u64) -> Answer<()> {
        self.calls.push(Called::Emit(event, value));
        Ok(())
    }
}

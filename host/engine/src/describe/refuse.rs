//! The imports while a network function describes itself: all refuse, by name, but `fault`.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::Host;
use super::bindings::nfos::nf::{
    allocator, burst, clock, distributed_object, event, fault, hash_map, log, parameters, random,
    send, types, vector,
};
use crate::fault::GuestFault;

fn refuse<T>(import: &'static str) -> Result<T> {
    Err(GuestFault::OutOfTurn(import).into())
}

impl types::Host for Host {}

impl fault::Host for Host {
    fn report(&mut self, message: String) -> Result<()> {
        self.last_words.keep(message.as_bytes());
        Ok(())
    }
}

impl burst::Host for Host {
    fn begin(&mut self, _: u32) -> Result<bool> {
        refuse("burst.begin in `describe`, which calls no import")
    }
}

impl parameters::Host for Host {
    fn get(&mut self, _: String) -> Result<types::Value> {
        refuse("parameters.get in `describe`, which calls no import")
    }
}

impl send::Host for Host {
    fn send(&mut self, _: u16, _: Vec<u8>) -> Result<()> {
        refuse("send.send in `describe`, which calls no import")
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        refuse("clock.now in `describe`, which calls no import")
    }
}

impl random::Host for Host {
    fn next(&mut self) -> Result<u64> {
        refuse("random.next in `describe`, which calls no import")
    }
}

impl log::Host for Host {
    fn write(&mut self, _: log::Level, _: String) -> Result<()> {
        refuse("log.write in `describe`, which calls no import")
    }
}

impl event::Host for Host {
    fn emit(&mut self, _: u32, _: u64) -> Result<()> {
        refuse("event.emit in `describe`, which calls no import")
    }
}

impl vector::Host for Host {}

impl vector::HostVector for Host {
    fn open(&mut self, _: String, _: u32) -> Result<Resource<vector::Vector>> {
        refuse("vector.open in `describe`, which calls no import")
    }
    fn read(&mut self, _: Resource<vector::Vector>, _: u32) -> Result<types::Cell> {
        refuse("vector.read in `describe`, which calls no import")
    }
    fn write(&mut self, _: Resource<vector::Vector>, _: u32, _: types::Cell) -> Result<()> {
        refuse("vector.write in `describe`, which calls no import")
    }
    fn add(&mut self, _: Resource<vector::Vector>, _: u32, _: u8, _: i64) -> Result<()> {
        refuse("vector.add in `describe`, which calls no import")
    }
    fn drop(&mut self, _: Resource<vector::Vector>) -> Result<()> {
        refuse("vector.drop in `describe`, which calls no import")
    }
}

impl hash_map::Host for Host {}

impl hash_map::HostHashMap for Host {
    fn open(&mut self, _: String, _: u32, _: u32) -> Result<Resource<hash_map::HashMap>> {
        refuse("hash-map.open in `describe`, which calls no import")
    }
    fn get(&mut self, _: Resource<hash_map::HashMap>, _: Vec<u8>) -> Result<Option<types::Cell>> {
        refuse("hash-map.get in `describe`, which calls no import")
    }
    fn set(
        &mut self,
        _: Resource<hash_map::HashMap>,
        _: Vec<u8>,
        _: types::Cell,
    ) -> Result<hash_map::SetOutcome> {
        refuse("hash-map.set in `describe`, which calls no import")
    }
    fn remove(&mut self, _: Resource<hash_map::HashMap>, _: Vec<u8>) -> Result<bool> {
        refuse("hash-map.remove in `describe`, which calls no import")
    }
    fn open_with(
        &mut self,
        _: String,
        _: u32,
        _: u32,
        _: hash_map::Hashing,
    ) -> Result<Resource<hash_map::HashMap>> {
        refuse("hash-map.open-with in `describe`, which calls no import")
    }
    fn len(&mut self, _: Resource<hash_map::HashMap>) -> Result<u32> {
        refuse("hash-map.len in `describe`, which calls no import")
    }
    fn next(&mut self, _: Resource<hash_map::HashMap>, _: u64) -> Result<Option<hash_map::Entry>> {
        refuse("hash-map.next in `describe`, which calls no import")
    }
    fn drop(&mut self, _: Resource<hash_map::HashMap>) -> Result<()> {
        refuse("hash-map.drop in `describe`, which calls no import")
    }
}

impl allocator::Host for Host {}

impl allocator::HostAllocator for Host {
    fn open(&mut self, _: String, _: u32, _: u64) -> Result<Resource<allocator::Allocator>> {
        refuse("allocator.open in `describe`, which calls no import")
    }
    fn allocate(&mut self, _: Resource<allocator::Allocator>, _: u64) -> Result<Option<u32>> {
        refuse("allocator.allocate in `describe`, which calls no import")
    }
    fn refresh(&mut self, _: Resource<allocator::Allocator>, _: u32, _: u64) -> Result<bool> {
        refuse("allocator.refresh in `describe`, which calls no import")
    }
    fn free(&mut self, _: Resource<allocator::Allocator>, _: u32) -> Result<()> {
        refuse("allocator.free in `describe`, which calls no import")
    }
    fn is_live(&mut self, _: Resource<allocator::Allocator>, _: u32) -> Result<bool> {
        refuse("allocator.is-live in `describe`, which calls no import")
    }
    fn next_expired(
        &mut self,
        _: Resource<allocator::Allocator>,
    ) -> Result<Option<allocator::ExpiredLease>> {
        refuse("allocator.next-expired in `describe`, which calls no import")
    }
    fn drop(&mut self, _: Resource<allocator::Allocator>) -> Result<()> {
        refuse("allocator.drop in `describe`, which calls no import")
    }
}

impl distributed_object::Host for Host {}

impl distributed_object::HostDistributedObject for Host {
    fn open(
        &mut self,
        _: String,
        _: Vec<distributed_object::Merge>,
        _: u64,
    ) -> Result<Resource<distributed_object::DistributedObject>> {
        refuse("distributed-object.open in `describe`, which calls no import")
    }
    fn update(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
        _: u8,
        _: i64,
    ) -> Result<()> {
        refuse("distributed-object.update in `describe`, which calls no import")
    }
    fn read(&mut self, _: Resource<distributed_object::DistributedObject>) -> Result<types::Cell> {
        refuse("distributed-object.read in `describe`, which calls no import")
    }
    fn open_parts(
        &mut self,
        _: String,
        _: u64,
    ) -> Result<Resource<distributed_object::DistributedObject>> {
        refuse("distributed-object.open-parts in `describe`, which calls no import")
    }
    fn parts(&mut self, _: Resource<distributed_object::DistributedObject>) -> Result<u32> {
        refuse("distributed-object.parts in `describe`, which calls no import")
    }
    fn part(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
        _: u32,
    ) -> Result<types::Cell> {
        refuse("distributed-object.part in `describe`, which calls no import")
    }
    fn own_part(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
    ) -> Result<types::Cell> {
        refuse("distributed-object.own-part in `describe`, which calls no import")
    }
    fn set_part(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
        _: types::Cell,
    ) -> Result<()> {
        refuse("distributed-object.set-part in `describe`, which calls no import")
    }
    fn published(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
    ) -> Result<Option<types::Cell>> {
        refuse("distributed-object.published in `describe`, which calls no import")
    }
    fn publish(
        &mut self,
        _: Resource<distributed_object::DistributedObject>,
        _: types::Cell,
    ) -> Result<()> {
        refuse("distributed-object.publish in `describe`, which calls no import")
    }
    fn drop(&mut self, _: Resource<distributed_object::DistributedObject>) -> Result<()> {
        refuse("distributed-object.drop in `describe`, which calls no import")
    }
}

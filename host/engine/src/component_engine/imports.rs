//! The imports of the contract: each hands its arguments to the services.

use wasmtime::Result;
use wasmtime::component::Resource;

use super::{Host, lift};
use crate::bindings::nfos::nf::{
    allocator, burst, clock, distributed_object, event, fault, hash_map, log, parameters, random,
    send, types, vector,
};
use crate::limits;
use crate::services::{Answer, Handle, Services, SetOutcome};

impl Host {
    /// Lets a guest open a structure. The time that takes is the host's, which may have to back a
    /// lot of memory.
    fn opening<T: 'static>(
        &mut self,
        open: impl FnOnce(&mut dyn Services) -> Answer<Handle>,
    ) -> Result<Resource<T>> {
        let began = limits::cpu_time();
        let handle = open(&mut *self.services);
        self.limits.excuse(limits::cpu_time().saturating_sub(began));
        Ok(Resource::new_own(handle?))
    }

    /// Turns what the guest wrote to its standard streams into lines of its log: they belong to
    /// the event that ends here.
    pub(super) fn log_output(&mut self) -> Answer<()> {
        let services = &mut self.services;
        self.wasi.take_output(|level, line| services.log(level, line))
    }
}

impl types::Host for Host {}

impl burst::Host for Host {
    fn begin(&mut self, index: u32) -> Result<bool> {
        self.log_output()?;
        Ok(self.services.begin(index)?)
    }
}

impl parameters::Host for Host {
    fn get(&mut self, name: String) -> Result<types::Value> {
        Ok(lift::lower_value(self.services.parameter(&name)?))
    }
}

impl vector::Host for Host {}

impl vector::HostVector for Host {
    fn open(&mut self, name: String, length: u32) -> Result<Resource<vector::Vector>> {
        self.opening(|services| services.open_vector(&name, length))
    }

    fn read(&mut self, vector: Resource<vector::Vector>, index: u32) -> Result<types::Cell> {
        Ok(lift::lower_cell(self.services.vector_read(vector.rep(), index)?))
    }

    fn write(
        &mut self,
        vector: Resource<vector::Vector>,
        index: u32,
        value: types::Cell,
    ) -> Result<()> {
        Ok(self.services.vector_write(vector.rep(), index, lift::cell(value))?)
    }

    fn add(
        &mut self,
        vector: Resource<vector::Vector>,
        index: u32,
        word: u8,
        delta: i64,
    ) -> Result<()> {
        Ok(self.services.vector_add(vector.rep(), index, word, delta)?)
    }

    fn drop(&mut self, _: Resource<vector::Vector>) -> Result<()> {
        Ok(())
    }
}

impl hash_map::Host for Host {}

impl hash_map::HostHashMap for Host {
    fn open(
        &mut self,
        name: String,
        capacity: u32,
        key_size: u32,
    ) -> Result<Resource<hash_map::HashMap>> {
        self.opening(|services| services.open_map(&name, capacity, key_size))
    }

    fn get(
        &mut self,
        map: Resource<hash_map::HashMap>,
        key: Vec<u8>,
    ) -> Result<Option<types::Cell>> {
        Ok(self.services.map_get(map.rep(), &key)?.map(lift::lower_cell))
    }

    fn set(
        &mut self,
        map: Resource<hash_map::HashMap>,
        key: Vec<u8>,
        value: types::Cell,
    ) -> Result<hash_map::SetOutcome> {
        Ok(match self.services.map_set(map.rep(), &key, lift::cell(value))? {
            SetOutcome::Ok => hash_map::SetOutcome::Ok,
            SetOutcome::Full => hash_map::SetOutcome::Full,
        })
    }

    fn remove(&mut self, map: Resource<hash_map::HashMap>, key: Vec<u8>) -> Result<bool> {
        Ok(self.services.map_remove(map.rep(), &key)?)
    }

    fn open_with(
        &mut self,
        name: String,
        capacity: u32,
        key_size: u32,
        hashing: hash_map::Hashing,
    ) -> Result<Resource<hash_map::HashMap>> {
        let hashing = lift::hashing(hashing);
        self.opening(|services| services.open_map_with(&name, capacity, key_size, hashing))
    }

    fn len(&mut self, map: Resource<hash_map::HashMap>) -> Result<u32> {
        Ok(self.services.map_len(map.rep())?)
    }

    fn next(
        &mut self,
        map: Resource<hash_map::HashMap>,
        at: u64,
    ) -> Result<Option<hash_map::Entry>> {
        Ok(self.services.map_next(map.rep(), at)?.map(lift::lower_entry))
    }

    fn drop(&mut self, _: Resource<hash_map::HashMap>) -> Result<()> {
        Ok(())
    }
}

impl allocator::Host for Host {}

impl allocator::HostAllocator for Host {
    fn open(
        &mut self,
        name: String,
        capacity: u32,
        refresh_interval: u64,
    ) -> Result<Resource<allocator::Allocator>> {
        self.opening(|services| services.open_allocator(&name, capacity, refresh_interval))
    }

    fn allocate(
        &mut self,
        allocator: Resource<allocator::Allocator>,
        duration: u64,
    ) -> Result<Option<u32>> {
        Ok(self.services.allocate(allocator.rep(), duration)?)
    }

    fn refresh(
        &mut self,
        allocator: Resource<allocator::Allocator>,
        id: u32,
        duration: u64,
    ) -> Result<bool> {
        Ok(self.services.refresh(allocator.rep(), id, duration)?)
    }

    fn free(&mut self, allocator: Resource<allocator::Allocator>, id: u32) -> Result<()> {
        Ok(self.services.free(allocator.rep(), id)?)
    }

    fn is_live(&mut self, allocator: Resource<allocator::Allocator>, id: u32) -> Result<bool> {
        Ok(self.services.is_live(allocator.rep(), id)?)
    }

    fn next_expired(
        &mut self,
        allocator: Resource<allocator::Allocator>,
    ) -> Result<Option<allocator::ExpiredLease>> {
        let lease = self.services.next_expired(allocator.rep())?;
        Ok(lease.map(|lease| allocator::ExpiredLease { deadline: lease.deadline, id: lease.id }))
    }

    fn drop(&mut self, _: Resource<allocator::Allocator>) -> Result<()> {
        Ok(())
    }
}

impl distributed_object::Host for Host {}

impl distributed_object::HostDistributedObject for Host {
    fn open(
        &mut self,
        name: String,
        merges: Vec<distributed_object::Merge>,
        staleness: u64,
    ) -> Result<Resource<distributed_object::DistributedObject>> {
        let merges: Vec<_> = merges.into_iter().map(lift::merge).collect();
        self.opening(|services| services.open_distributed(&name, &merges, staleness))
    }

    fn update(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
        word: u8,
        operand: i64,
    ) -> Result<()> {
        Ok(self.services.distributed_update(object.rep(), word, operand)?)
    }

    fn read(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
    ) -> Result<types::Cell> {
        Ok(lift::lower_cell(self.services.distributed_read(object.rep())?))
    }

    fn open_parts(
        &mut self,
        name: String,
        staleness: u64,
    ) -> Result<Resource<distributed_object::DistributedObject>> {
        self.opening(|services| services.open_parts(&name, staleness))
    }

    fn parts(&mut self, object: Resource<distributed_object::DistributedObject>) -> Result<u32> {
        Ok(self.services.parts(object.rep())?)
    }

    fn part(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
        index: u32,
    ) -> Result<types::Cell> {
        Ok(lift::lower_cell(self.services.part(object.rep(), index)?))
    }

    fn own_part(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
    ) -> Result<types::Cell> {
        Ok(lift::lower_cell(self.services.own_part(object.rep())?))
    }

    fn set_part(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
        value: types::Cell,
    ) -> Result<()> {
        Ok(self.services.set_part(object.rep(), lift::cell(value))?)
    }

    fn published(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
    ) -> Result<Option<types::Cell>> {
        Ok(self.services.published(object.rep())?.map(lift::lower_cell))
    }

    fn publish(
        &mut self,
        object: Resource<distributed_object::DistributedObject>,
        value: types::Cell,
    ) -> Result<()> {
        Ok(self.services.publish(object.rep(), lift::cell(value))?)
    }

    fn drop(&mut self, _: Resource<distributed_object::DistributedObject>) -> Result<()> {
        Ok(())
    }
}

impl send::Host for Host {
    fn send(&mut self, port: u16, frame: Vec<u8>) -> Result<()> {
        Ok(self.services.send(port, &frame)?)
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        Ok(self.services.now()?)
    }
}

impl random::Host for Host {
    fn next(&mut self) -> Result<u64> {
        Ok(self.services.random()?)
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        // What the guest printed before comes before.
        self.log_output()?;
        Ok(self.services.log(lift::log_level(level), &message)?)
    }
}

impl event::Host for Host {
    fn emit(&mut self, index: u32, value: u64) -> Result<()> {
        Ok(self.services.emit(index, value)?)
    }
}

impl fault::Host for Host {
    fn report(&mut self, message: String) -> Result<()> {
        self.last_words.keep(message.as_bytes());
        Ok(())
    }
}

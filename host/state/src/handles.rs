//! The structures that a worker has used, by number: what all workers share is asked once.

use nfos_stm::CellId;
use nfos_sync::Arc;

use crate::allocator::Allocator;
use crate::distributed::Distributed;
use crate::error::AccessError;
use crate::map::Map;
use crate::object::{OBJECTS_MAX, ObjectId, Objects};
use crate::vector::Vector;

/// Structures of each kind. One that is not there has not been used, or is of another kind.
#[derive(Debug)]
pub(crate) struct Handles {
    vectors: Vec<Vector>,
    maps: Vec<Option<Arc<Map>>>,
    allocators: Vec<Option<Arc<Allocator>>>,
    distributed: Vec<Option<Arc<Distributed>>>,
}

impl Handles {
    /// None yet, and room for all, so that none is made later.
    pub(crate) fn new() -> Self {
        Self {
            vectors: Vec::with_capacity(OBJECTS_MAX),
            maps: Vec::with_capacity(OBJECTS_MAX),
            allocators: Vec::with_capacity(OBJECTS_MAX),
            distributed: Vec::with_capacity(OBJECTS_MAX),
        }
    }

    /// An element of a vector that has been used: the vector, and the element's cell. `None`: look
    /// the vector [up](Self::vector).
    #[inline(always)]
    pub(crate) fn element(&self, object: ObjectId, index: u32) -> Option<(&Vector, CellId)> {
        let vector = self.vectors.get(object.raw() as usize)?;
        Some((vector, vector.element(index).ok()?))
    }

    /// A map that has been used. `None`: look it [up](Self::map).
    #[inline(always)]
    pub(crate) fn known_map(&self, object: ObjectId) -> Option<&Map> {
        known(&self.maps, object)
    }

    /// An allocator that has been used. `None`: look it [up](Self::allocator).
    #[inline(always)]
    pub(crate) fn known_allocator(&self, object: ObjectId) -> Option<&Allocator> {
        known(&self.allocators, object)
    }

    /// A vector, found here from now on.
    #[inline(never)]
    pub(crate) fn vector<'a>(
        &mut self,
        objects: &'a Objects,
        object: ObjectId,
    ) -> Result<&'a Vector, AccessError> {
        let vector = objects.vector(object)?;
        let number = object.raw() as usize;
        if self.vectors.len() <= number {
            self.vectors.resize(number + 1, Vector::NONE);
        }
        self.vectors[number] = *vector;
        Ok(vector)
    }
}

/// Look-ups that find here what was looked up before.
macro_rules! lookups {
    ($($name:ident in $table:ident: $kind:ident),*) => {
        impl Handles {
            $(#[inline(always)]
            pub(crate) fn $name(
                &mut self,
                objects: &Objects,
                object: ObjectId,
            ) -> Result<&$kind, AccessError> {
                if known(&self.$table, object).is_none() {
                    note(&mut self.$table, object, objects.$name(object)?);
                }
                known(&self.$table, object).ok_or(AccessError::UnknownObject(object))
            })*
        }
    };
}

lookups!(
    map in maps: Map,
    allocator in allocators: Allocator,
    distributed in distributed: Distributed
);

#[inline(always)]
fn known<T>(table: &[Option<Arc<T>>], object: ObjectId) -> Option<&T> {
    table.get(object.raw() as usize)?.as_deref()
}

#[cold]
fn note<T>(table: &mut Vec<Option<Arc<T>>>, object: ObjectId, found: &Arc<T>) {
    let number = object.raw() as usize;
    if table.len() <= number {
        table.resize(number + 1, None);
    }
    table[number] = Some(found.clone());
}

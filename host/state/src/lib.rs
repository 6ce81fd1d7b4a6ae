//! Vector, map, allocator and distributed object over the transactional memory.

//! Multi-version software transactional memory over cells.

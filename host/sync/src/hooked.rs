//! Atomics with a hook before each operation, in the places of `AtomicU32` and `AtomicU64`.
//!
//! Under `--cfg nfos_mutant` the hook makes threads meet, see [`crate::restless`]; under
//! `--cfg nfos_counting` it counts, see [`crate::counting`].

use std::sync::atomic::Ordering;

#[cfg(nfos_counting)]
use crate::counting::before;
#[cfg(not(nfos_counting))]
use crate::restless::before;

/// What an operation does to its line.
#[cfg_attr(not(nfos_counting), allow(dead_code, reason = "threads meet at any operation"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Load,
    Store,
    ReadModifyWrite,
}

macro_rules! hooked {
    ($name:ident, $integer:ty) => {
        /// As the standard one, with the hook before each operation.
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $name(std::sync::atomic::$name);

        #[allow(missing_docs, reason = "as in the standard library")]
        impl $name {
            pub const fn new(value: $integer) -> Self {
                Self(std::sync::atomic::$name::new(value))
            }

            #[inline(always)]
            pub fn load(&self, ordering: Ordering) -> $integer {
                before(Access::Load, self.0.as_ptr().addr());
                self.0.load(ordering)
            }

            #[inline(always)]
            pub fn store(&self, value: $integer, ordering: Ordering) {
                before(Access::Store, self.0.as_ptr().addr());
                self.0.store(value, ordering);
            }

            pub fn swap(&self, value: $integer, ordering: Ordering) -> $integer {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.swap(value, ordering)
            }

            pub fn fetch_add(&self, value: $integer, ordering: Ordering) -> $integer {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.fetch_add(value, ordering)
            }

            pub fn fetch_sub(&self, value: $integer, ordering: Ordering) -> $integer {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.fetch_sub(value, ordering)
            }

            pub fn fetch_max(&self, value: $integer, ordering: Ordering) -> $integer {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.fetch_max(value, ordering)
            }

            pub fn compare_exchange(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.compare_exchange(current, new, success, failure)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $integer,
                new: $integer,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$integer, $integer> {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.compare_exchange_weak(current, new, success, failure)
            }

            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($integer) -> Option<$integer>,
            ) -> Result<$integer, $integer> {
                before(Access::ReadModifyWrite, self.0.as_ptr().addr());
                self.0.fetch_update(set, fetch, f)
            }
        }
    };
}

hooked!(AtomicU32, u32);
hooked!(AtomicU64, u64);

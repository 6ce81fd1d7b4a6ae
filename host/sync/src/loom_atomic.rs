//! loom's atomics with `SeqCst` that means something.
//!
//! loom takes a `SeqCst` load or store for an acquiring or releasing one, and would report that a
//! store and the load after it change places. Here each `SeqCst` operation stands between two
//! `SeqCst` fences, which loom has in full. That is how machines without such operations are
//! given them, so nothing is reported that cannot happen; but a fence also orders the *other*
//! accesses around it, so an ordering that is missing beside a `SeqCst` operation may be hidden.
//! One that is missing because an operation is not `SeqCst` is found.

use loom::sync::atomic::{self, Ordering, fence};

fn fenced<T>(ordering: Ordering, operation: impl FnOnce() -> T) -> T {
    if ordering != Ordering::SeqCst {
        return operation();
    }
    fence(Ordering::SeqCst);
    let result = operation();
    fence(Ordering::SeqCst);
    result
}

macro_rules! integers {
    ($($name:ident: $value:ty),*) => {
        $(
            /// An integer under loom.
            #[derive(Debug, Default)]
            pub struct $name(atomic::$name);

            #[allow(missing_docs, reason = "as in the standard library")]
            impl $name {
                pub fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                pub fn load(&self, ordering: Ordering) -> $value {
                    fenced(ordering, || self.0.load(ordering))
                }

                pub fn store(&self, value: $value, ordering: Ordering) {
                    fenced(ordering, || self.0.store(value, ordering))
                }

                pub fn swap(&self, value: $value, ordering: Ordering) -> $value {
                    fenced(ordering, || self.0.swap(value, ordering))
                }

                pub fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    fenced(success, || self.0.compare_exchange(current, new, success, failure))
                }

                pub fn fetch_update(
                    &self,
                    set: Ordering,
                    fetch: Ordering,
                    update: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    fenced(set, || self.0.fetch_update(set, fetch, update))
                }

                pub fn fetch_add(&self, value: $value, ordering: Ordering) -> $value {
                    fenced(ordering, || self.0.fetch_add(value, ordering))
                }

                pub fn fetch_sub(&self, value: $value, ordering: Ordering) -> $value {
                    fenced(ordering, || self.0.fetch_sub(value, ordering))
                }

                pub fn fetch_max(&self, value: $value, ordering: Ordering) -> $value {
                    fenced(ordering, || self.0.fetch_max(value, ordering))
                }
            }
        )*
    };
}

integers!(AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);

/// A truth value under loom.
#[derive(Debug, Default)]
pub struct AtomicBool(atomic::AtomicBool);

#[allow(missing_docs, reason = "as in the standard library")]
impl AtomicBool {
    pub fn new(value: bool) -> Self {
        Self(atomic::AtomicBool::new(value))
    }

    pub fn load(&self, ordering: Ordering) -> bool {
        fenced(ordering, || self.0.load(ordering))
    }

    pub fn store(&self, value: bool, ordering: Ordering) {
        fenced(ordering, || self.0.store(value, ordering))
    }

    pub fn swap(&self, value: bool, ordering: Ordering) -> bool {
        fenced(ordering, || self.0.swap(value, ordering))
    }
}

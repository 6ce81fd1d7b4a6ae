//! Cells and nothing on top.

use nfos_stm::{CellId, Failure, Observer, Pending, Structures, View};

/// Structures without predicates, actions or anything to reserve.
pub(crate) struct Plain;

impl Structures for Plain {
    type Predicate = ();

    fn holds(&self, (): &(), _: CellId, _: &View<'_>) -> bool {
        false
    }

    fn resolve(&mut self, end: usize, _: &mut Pending<'_>) -> (usize, Option<Failure>) {
        (end, None)
    }

    fn announce(&mut self, _: usize) {}

    fn reserving(&self) -> Option<Observer> {
        None
    }

    fn finish(&mut self, _: usize, _: Option<u64>) {}
}

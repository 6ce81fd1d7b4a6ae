//! What slows workers down without making any of them run again, in words, with what relaxes it.
//!
//! Not a row of the table, since nothing was observed in vain; but the texts have the same
//! placeholders, and the recipes the same levers.

use nfos_records::{ContentionCount, Remark};

use super::text::{Advisor, Particulars, fill, relaxing};
use crate::object::{ObjectKind, ObjectShape};

/// Of which counter, on which kind of structure, and the texts.
struct Kind {
    count: fn(&ContentionCount) -> u64,
    on: &'static [ObjectKind],
    text: &'static str,
    /// Empty: nothing is to be done.
    recipe: &'static str,
}

const ANY: &[ObjectKind] =
    &[ObjectKind::Vector, ObjectKind::Map, ObjectKind::Allocator, ObjectKind::Distributed];

const KINDS: &[Kind] = &[
    Kind {
        count: |of| of.thefts,
        on: &[ObjectKind::Allocator],
        text: "a worker's own ids of {object} had run out, and it took half of another's",
        recipe: "overprovision: {raise capacity}, or {lower duration}",
    },
    Kind {
        count: |of| of.thefts,
        on: &[ObjectKind::Map],
        text: "a worker's own free slots of {object} had run out, and it took half of another's",
        recipe: "overprovision: {raise capacity}",
    },
    Kind {
        count: |of| of.lease_waits,
        on: ANY,
        text: "a commit waited for a lease of {object} that another worker was refreshing",
        recipe: "{raise refresh_interval}",
    },
    Kind {
        count: |of| of.waits - of.lease_waits.min(of.waits),
        on: ANY,
        text: "a commit waited for a cell of {object} that another worker was changing",
        recipe: "keep what many workers change in a distributed object, or {raise write_interval}",
    },
    Kind {
        count: |of| of.merges,
        on: &[ObjectKind::Distributed],
        text: "a handler merged all parts of {object}, for want of a value within {staleness}",
        recipe: "{raise staleness}",
    },
    Kind {
        count: |of| of.avoided,
        on: &[ObjectKind::Map],
        text: "a key was looked for in a bucket of {object} that another worker changed, and the \
               answer still held: a conflict avoided",
        recipe: "if there are many, {raise capacity}, or another hash: that shortens chains",
    },
    Kind {
        count: |of| of.avoided,
        on: &[ObjectKind::Vector, ObjectKind::Allocator, ObjectKind::Distributed],
        text: "what was read of {object} was changed by another worker in a way that the answer \
               did not depend on: a conflict avoided",
        recipe: "",
    },
];

/// What there is to say of the structures that these counts are about.
pub(crate) fn remarks(
    counts: &[ContentionCount],
    objects: &[ObjectShape],
    advisor: &dyn Advisor,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for count in counts {
        let Some(object) = objects.iter().find(|object| object.name == count.object) else {
            continue;
        };
        for kind in KINDS.iter().filter(|kind| kind.on.contains(&object.shape.kind())) {
            let times = (kind.count)(count);
            if times > 0 {
                let of = Particulars { object: &count.object, ..Particulars::default() };
                remarks.push(Remark {
                    object: count.object.clone(),
                    times,
                    text: fill(kind.text, &of, advisor),
                    recipe: fill(kind.recipe, &of, advisor),
                    relaxed_by: relaxing(kind.recipe, &count.object, advisor),
                });
            }
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Merge, Settings, State};

    #[test]
    fn every_counter_has_its_text_and_recipe() {
        let settings =
            Settings { participants: 2, burst_max: 8, memory_bytes_max: 1 << 20, seed: 1 };
        let state = State::new(settings);
        state.open_vector("v", 1).expect("a small vector");
        state.open_map("m", 8, 4).expect("a small map");
        state.open_allocator("a", 8, 0).expect("a small allocator");
        state.open_distributed("d", &[Merge::Sum], 0).expect("a distributed object");
        let counts: Vec<_> = ["v", "m", "a", "d", "unknown"]
            .map(|name| ContentionCount {
                avoided: 1,
                waits: 5,
                lease_waits: 2,
                thefts: 3,
                merges: 4,
                ..ContentionCount::named(name)
            })
            .into();
        let remarks = remarks(&counts, &state.objects(), &());
        let of = |name: &str| -> Vec<_> {
            let of = remarks.iter().filter(|remark| remark.object == name);
            of.map(|remark| (remark.times, remark.recipe.as_str())).collect()
        };
        let waits = "keep what many workers change in a distributed object, or write less often";
        let leases = (2, "refresh less often");
        let chains = "if there are many, raise its capacity, or another hash: that shortens chains";
        let room = "overprovision: raise its capacity, or keep its entries for less long";
        assert_eq!(of("v"), [leases, (3, waits), (1, "")]);
        assert_eq!(
            of("m"),
            [(3, "overprovision: raise its capacity"), leases, (3, waits), (1, chains)]
        );
        assert_eq!(of("a"), [(3, room), leases, (3, waits), (1, "")]);
        assert_eq!(of("d"), [leases, (3, waits), (4, "raise its staleness"), (1, "")]);
        assert!(remarks.iter().all(|remark| remark.text.contains(&remark.object)));
    }
}

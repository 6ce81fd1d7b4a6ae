//! Why runs were thrown away: pairs of operations, with what is said of them.

use nfos_dataplane::stepwise::{Pair, Protocol};
use nfos_records::simulation::Cause;

use crate::play::Played;

/// What the prototype's profiler says of a pair, in the words of its paper; none: nothing.
fn original(observer: &str, mutator: &str, object: &str) -> Option<(String, &'static str)> {
    let both = |word: &str| observer.contains(word) && mutator.contains(word);
    if both("refresh") {
        let text = format!("two leases of one list of {object} were refreshed at once");
        return Some((text, "increase the refresh interval"));
    }
    if both("allocate") {
        let text = format!("a local pool of {object} ran dry, and another one was taken from");
        return Some((text, "overprovision the resource"));
    }
    if mutator.contains("update") {
        let text = format!("{object} was merged while a part of it was updated");
        return Some((text, "allow more staleness"));
    }
    None
}

/// Most first, with shares of all.
pub(crate) fn causes(played: &Played, protocol: Protocol) -> Vec<Cause> {
    let all: u64 = played.conflicts.iter().map(|pair| pair.aborts).sum();
    played.conflicts.iter().map(|pair| cause(pair, all, played, protocol)).collect()
}

fn cause(pair: &Pair, all: u64, played: &Played, protocol: Protocol) -> Cause {
    let Pair { object, cause: id, observer, mutator, aborts } = pair;
    let mut causes = played.summary.causes.iter();
    let known = causes.find(|known| known.id == *id && known.object == *object);
    let (mut text, mut recipe) =
        known.map_or_else(Default::default, |known| (known.cause.clone(), known.recipe.clone()));
    if protocol == Protocol::Original
        && let Some(said) = original(observer, mutator, object)
    {
        (text, recipe) = (said.0, said.1.to_owned());
    }
    let relaxed_by = known.iter().flat_map(|known| &known.relaxed_by);
    Cause {
        object: object.clone(),
        id: (*id).to_owned(),
        observer: (*observer).to_owned(),
        mutator: (*mutator).to_owned(),
        aborts: *aborts,
        share: *aborts as f64 / all.max(1) as f64,
        text,
        recipe,
        relaxed_by: relaxed_by.map(|parameter| parameter.name.clone()).collect(),
    }
}

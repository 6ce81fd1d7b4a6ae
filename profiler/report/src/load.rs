//! Load: who had how much of it, which packet sets bring it, and what slowed workers down.

use nfos_records::ParameterAdvice;
use nfos_records::profile::{self as records, Profile};
use serde::Serialize;

use crate::numbers::{percent, plain, share};

/// Load of the busiest worker over the mean from which on it is worth a remark.
const IMBALANCE: f64 = 1.5;

/// Share of a worker's packets from which on one packet set is what makes it busy.
const HEAVY_PERCENT: f64 = 30.0;

/// Packet sets that are told.
const HEAVIEST_MAX: usize = 8;

/// What one worker did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Worker {
    /// Packets received.
    pub packets: u64,
    /// Of all packets.
    pub percent: f64,
    /// Time on bursts, and of it on runs thrown away.
    pub busy_ns: u64,
    pub wasted_ns: u64,
    /// Runs thrown away.
    pub aborts: u64,
    /// Events for each burst.
    pub burst: f64,
    /// Most packets that waited.
    pub queue_max: u64,
}

/// A packet set that brought many packets.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Heavy {
    /// Its worker.
    pub worker: usize,
    /// The name of its definition, or `orphan packets`.
    pub set: String,
    /// The fields of its key.
    pub key: String,
    /// Of its worker's packets.
    pub of_worker_percent: f64,
    /// Of all packets.
    pub percent: f64,
}

/// What slowed workers down at one structure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Remark {
    /// How often.
    pub times: u64,
    /// What happened each time.
    pub text: String,
    /// What relaxes it; may be empty.
    pub recipe: String,
    /// The parameters that do.
    pub relaxed_by: Vec<ParameterAdvice>,
}

pub(crate) fn workers(profile: &Profile) -> Vec<Worker> {
    let summary = &profile.summary;
    let all: u64 = summary.workers.iter().map(|worker| worker.packets).sum();
    let count = summary.workers.len().saturating_sub(1);
    let busy = |worker: &nfos_records::WorkerCounters, more: &records::Worker| {
        if worker.busy_ns > 0 { worker.busy_ns } else { more.busy_ns }
    };
    let worker = |(worker, more): (&nfos_records::WorkerCounters, &records::Worker)| Worker {
        packets: worker.packets,
        percent: share(worker.packets as f64, all as f64),
        busy_ns: busy(worker, more),
        wasted_ns: more.wasted_ns,
        aborts: worker.aborts,
        burst: (worker.events + worker.aborts) as f64 / worker.bursts.max(1) as f64,
        queue_max: more.queue_max,
    };
    summary.workers.iter().zip(&profile.workers).take(count).map(worker).collect()
}

pub(crate) fn imbalance(workers: &[Worker]) -> f64 {
    let most = workers.iter().map(|worker| worker.packets).max().unwrap_or(0) as f64;
    let all: u64 = workers.iter().map(|worker| worker.packets).sum();
    if all > 0 { most * workers.len() as f64 / all as f64 } else { 1.0 }
}

/// What to do about load that is not balanced: it is one packet set that brings much of it, or it
/// is how many sets fell.
pub(crate) fn recipe_for(imbalance: f64, workers: &[Worker], heaviest: &[Heavy]) -> Option<String> {
    if imbalance <= IMBALANCE || workers.len() < 2 {
        return None;
    }
    let busiest = (0..workers.len()).max_by_key(|worker| workers[*worker].packets)?;
    let heavy = heaviest.iter().find(|heavy| heavy.worker == busiest);
    Some(match heavy.filter(|heavy| heavy.of_worker_percent >= HEAVY_PERCENT) {
        Some(Heavy { set, key, of_worker_percent, .. }) => format!(
            "{} of the packets of worker {busiest} are of one packet set ({set}: {key}), and one \
             set is always handled by one worker; {}",
            percent(*of_worker_percent),
            // One connection is as fine as it gets.
            match key.contains("source port") && key.contains("destination port") {
                true => "it is one connection, which cannot be spread: only more of them can be",
                false => {
                    "make packet sets finer: a key of fewer packets, ports beside addresses for \
                     instance"
                }
            }
        ),
        None => "make packet sets finer, so that more of them can be spread: a key of fewer \
                 packets, ports beside addresses for instance"
            .to_owned(),
    })
}

/// The heaviest packet sets of all workers.
pub(crate) fn heaviest(profile: &Profile, workers: &[Worker]) -> Vec<Heavy> {
    let all: u64 = workers.iter().map(|worker| worker.packets).sum();
    let heavy = |of: &records::HeavySet| {
        let packets = workers.get(of.worker)?.packets;
        let brought = of.packets.min(packets) as f64;
        Some(Heavy {
            worker: of.worker,
            set: plain(&of.set),
            key: plain(&of.key),
            of_worker_percent: share(brought, packets as f64),
            percent: share(brought, all as f64),
        })
    };
    let mut heaviest: Vec<_> = profile.heaviest.iter().filter_map(heavy).collect();
    heaviest.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    heaviest.truncate(HEAVIEST_MAX);
    heaviest
}

pub(crate) fn remarks(profile: &Profile) -> Vec<Remark> {
    let remark = |of: &nfos_records::Remark| Remark {
        times: of.times,
        text: plain(&of.text),
        recipe: plain(&of.recipe),
        relaxed_by: of.relaxed_by.clone(),
    };
    let mut remarks: Vec<_> = profile.remarks.iter().map(remark).collect();
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.times));
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn heavy(worker: usize, packets: u64) -> records::HeavySet {
        let (set, key) = ("flow".to_owned(), format!("from 10.0.0.{packets}"));
        records::HeavySet { worker, set, key, packets }
    }

    #[test]
    fn load_that_is_not_balanced_has_a_recipe_that_names_the_set_that_weighs() {
        let mut profile = example::profile();
        let told = |profile: &Profile| {
            let workers = workers(profile);
            let imbalance = imbalance(&workers);
            assert_eq!(workers.len(), 2, "the control loop has no load");
            assert!((imbalance - 16.0 / 9.0).abs() < 1e-9);
            recipe_for(imbalance, &workers, &heaviest(profile, &workers)).expect("it is above 1.5")
        };
        profile.heaviest.clear();
        assert!(told(&profile).starts_with("make packet sets finer"));
        profile.heaviest = vec![heavy(1, 900), heavy(0, 4_000), heavy(0, 100)];
        let recipe = told(&profile);
        let expected =
            "50.0 % of the packets of worker 0 are of one packet set (flow: from 10.0.0.";
        assert!(recipe.starts_with(expected) && recipe.contains("finer"), "{recipe}");
        profile.heaviest[1].key = "from a, to b, source port 1, destination port 2".to_owned();
        assert!(told(&profile).ends_with("only more of them can be"));
    }

    #[test]
    fn the_heaviest_sets_come_first_with_both_shares() {
        let mut profile = example::profile();
        profile.heaviest = vec![heavy(1, 900), heavy(0, 4_000), heavy(7, 1)];
        let heaviest = heaviest(&profile, &workers(&profile));
        let shares: Vec<_> =
            heaviest.iter().map(|one| (one.worker, one.of_worker_percent)).collect();
        assert_eq!(shares, [(0, 50.0), (1, 90.0)]);
        assert!((heaviest[0].percent - 100.0 * 4.0 / 9.0).abs() < 1e-9);
    }

    #[test]
    fn remarks_come_most_frequent_first() {
        let remark = |times| nfos_records::Remark { times, ..nfos_records::Remark::default() };
        let profile = Profile { remarks: [1, 9, 4].map(remark).into(), ..Profile::default() };
        let times: Vec<_> = remarks(&profile).iter().map(|remark| remark.times).collect();
        assert_eq!(times, [9, 4, 1]);
    }
}

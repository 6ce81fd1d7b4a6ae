//! Which entries of the steering table are to go to which worker.
//!
//! Entries go from the most loaded worker to the least loaded, each time the one that leaves both
//! most alike; never one that would only change places with its load. A worker whose load is one
//! entry has nothing to give, and the others are looked at as if it were not there. To begin with,
//! a worker must be loaded by a fifth more than the mean; once something moves, all are brought as
//! near to it as they can be, so that the next small change does not move something again.
//!
//! [`Policy`] adds time: loads are smoothed, and skewed twice in a row before anything moves.

/// An entry that changes its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    /// Of the steering table.
    pub entry: u16,
    /// Its worker so far.
    pub from: u16,
    /// Its worker to be.
    pub to: u16,
}

/// Most entries that move at a time.
const SHIFTS_MAX: usize = 32;
/// Intervals in a row that must be skewed.
const SKEWED_INTERVALS: u32 = 2;
/// Packets of a worker in an interval, on average, without which nothing moves.
const PACKETS_MIN: u64 = 256;
/// What a worker may have of the mean, in percent, before it gives something away.
const SKEWED_PERCENT: u64 = 120;
/// What it may have of it afterwards.
const EVEN_PERCENT: u64 = 105;

/// The policy over time.
#[derive(Debug)]
pub(crate) struct Policy {
    workers: usize,
    smoothed: Vec<u64>,
    skewed: u32,
}

impl Policy {
    /// For a table of this many entries.
    pub(crate) fn new(entries: usize, workers: usize) -> Self {
        Self { workers, smoothed: vec![0; entries], skewed: 0 }
    }

    /// What is to move after an interval in which these packets fell to each entry of the table.
    pub(crate) fn after(&mut self, loads: &[u64], table: &[u16]) -> Vec<Shift> {
        for (smoothed, load) in self.smoothed.iter_mut().zip(loads) {
            *smoothed = (*smoothed + load) / 2;
        }
        let is_little = loads.iter().sum::<u64>() < PACKETS_MIN * self.workers as u64;
        if is_little || plan(loads, table, self.workers).is_empty() {
            self.skewed = 0;
            return Vec::new();
        }
        self.skewed += 1;
        if self.skewed < SKEWED_INTERVALS {
            return Vec::new();
        }
        self.skewed = 0;
        plan(&self.smoothed, table, self.workers)
    }
}

/// What is to move at these loads by entry; nothing, if that makes little difference.
pub(crate) fn plan(loads: &[u64], table: &[u16], workers: usize) -> Vec<Shift> {
    let mut table = table.to_vec();
    let mut of_worker = vec![0; workers];
    for (worker, load) in table.iter().zip(loads) {
        of_worker[usize::from(*worker)] += load;
    }
    let mut shifts = Vec::new();
    // Those that still may give something.
    let mut givers: Vec<usize> = (0..workers).collect();
    while shifts.len() < SHIFTS_MAX && givers.len() > 1 {
        let sum: u64 = givers.iter().map(|worker| of_worker[*worker]).sum();
        let percent = if shifts.is_empty() { SKEWED_PERCENT } else { EVEN_PERCENT };
        let load = |worker: &&usize| of_worker[**worker];
        let (Some(&from), Some(&to)) =
            (givers.iter().max_by_key(load), givers.iter().min_by_key(load))
        else {
            break;
        };
        if of_worker[from] * givers.len() as u64 * 100 <= sum * percent {
            break;
        }
        let gap = of_worker[from] - of_worker[to];
        let of_giver = (0..table.len()).filter(|entry| usize::from(table[*entry]) == from);
        // One with most of the gap would only change places with it.
        let improves = of_giver.filter(|entry| (1..=gap * 3 / 4).contains(&loads[*entry]));
        let Some(entry) = improves.min_by_key(|entry| gap.abs_diff(2 * loads[*entry])) else {
            givers.retain(|worker| *worker != from);
            continue;
        };
        table[entry] = to as u16;
        of_worker[from] -= loads[entry];
        of_worker[to] += loads[entry];
        shifts.push(Shift { entry: entry as u16, from: from as u16, to: to as u16 });
    }
    once_each(shifts)
}

/// An entry that went on, or back, moves once or not at all.
fn once_each(shifts: Vec<Shift>) -> Vec<Shift> {
    let mut once: Vec<Shift> = Vec::new();
    for shift in shifts {
        match once.iter_mut().find(|before| before.entry == shift.entry) {
            Some(before) => before.to = shift.to,
            None => once.push(shift),
        }
    }
    once.retain(|shift| shift.from != shift.to);
    once
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENTRIES: usize = 128;

    fn table(workers: usize) -> Vec<u16> {
        (0..ENTRIES).map(|entry| (entry % workers) as u16).collect()
    }

    fn loads_of(loads: &[u64], table: &[u16], workers: usize) -> Vec<u64> {
        let mut of_worker = vec![0; workers];
        table.iter().zip(loads).for_each(|(w, load)| of_worker[usize::from(*w)] += load);
        of_worker
    }

    fn moved(table: &[u16], shifts: &[Shift]) -> Vec<u16> {
        let mut table = table.to_vec();
        for shift in shifts {
            assert_eq!(table[usize::from(shift.entry)], shift.from);
            table[usize::from(shift.entry)] = shift.to;
        }
        table
    }

    #[test]
    fn a_worker_with_all_the_load_gives_half_of_it_away() {
        let table = table(2);
        let loads: Vec<u64> = table.iter().map(|worker| u64::from(*worker == 0) * 100).collect();
        let shifts = plan(&loads, &table, 2);
        assert_eq!(shifts.len(), 31);
        assert_eq!(loads_of(&loads, &moved(&table, &shifts), 2), [3300, 3100], "even enough");
    }

    #[test]
    fn an_elephant_stays_where_it_is_and_its_mice_leave() {
        let table = table(2);
        let mut loads = vec![0; ENTRIES];
        loads[0] = 10_000;
        assert_eq!(plan(&loads, &table, 2), [], "alone");
        (loads[2], loads[4], loads[1]) = (500, 700, 300);
        let shifts = plan(&loads, &table, 2);
        let mut entries: Vec<_> = shifts.iter().map(|shift| shift.entry).collect();
        entries.sort_unstable();
        assert_eq!(entries, [2, 4]);
        assert_eq!(plan(&loads, &moved(&table, &shifts), 2), [], "and then nothing moves");
    }

    #[test]
    fn the_others_are_evened_out_beside_an_elephant() {
        let table = table(3);
        let mut loads = vec![0; ENTRIES];
        loads[0] = 100_000;
        (0..20).for_each(|index| loads[1 + 3 * index] = 100);
        let after = moved(&table, &plan(&loads, &table, 3));
        assert_eq!(loads_of(&loads, &after, 3), [100_000, 1000, 1000]);
    }

    #[test]
    fn what_is_even_enough_stays() {
        for load in [0, 1, 1000] {
            assert_eq!(plan(&[load; ENTRIES], &table(4), 4), []);
        }
        let mut loads = vec![100; ENTRIES];
        loads[5] += 400;
        assert_eq!(plan(&loads, &table(4), 4), [], "3600 to a mean of 3300");
        assert_eq!(plan(&[1000; ENTRIES], &vec![0; ENTRIES], 1), []);
    }

    #[test]
    fn noise_moves_nothing_and_neither_does_one_skewed_interval() {
        let mut policy = Policy::new(ENTRIES, 4);
        let mut state = 1u64;
        let mut noisy = |_: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            900 + (state >> 33) % 200
        };
        let skewed: Vec<u64> = table(4).iter().map(|w| if *w == 0 { 3000 } else { 1000 }).collect();
        for interval in 0..=1000 {
            let loads: Vec<u64> = (0..ENTRIES).map(&mut noisy).collect();
            let loads = if interval % 8 == 7 { &skewed } else { &loads };
            assert_eq!(policy.after(loads, &table(4)), [], "interval {interval}");
        }
        assert_eq!(policy.after(&skewed, &table(4)), []);
        assert_ne!(policy.after(&skewed, &table(4)), []);
    }

    #[test]
    fn a_run_with_little_to_do_moves_nothing() {
        let mut policy = Policy::new(ENTRIES, 2);
        let mut loads = vec![0; ENTRIES];
        (loads[0], loads[2]) = (200, 200);
        (0..10).for_each(|_| assert_eq!(policy.after(&loads, &table(2)), []));
    }

    proptest! {
        #[test]
        fn no_plan_makes_the_most_loaded_worker_busier_and_plans_come_to_rest(
            loads in proptest::collection::vec(0..10_000u64, ENTRIES),
            workers in 1..9usize,
            skew in 1..20u64,
        ) {
            let mut table = table(workers);
            let loads: Vec<u64> = loads.iter().enumerate()
                .map(|(entry, load)| if entry % workers == 0 { load * skew } else { *load })
                .collect();
            let most = |table: &[u16]| loads_of(&loads, table, workers).into_iter().max();
            for _ in 0..ENTRIES {
                let shifts = plan(&loads, &table, workers);
                prop_assert!(shifts.len() <= SHIFTS_MAX);
                if shifts.is_empty() {
                    return Ok(());
                }
                let after = moved(&table, &shifts);
                prop_assert!(most(&after) <= most(&table));
                table = after;
            }
            prop_assert!(false, "something moves for ever");
        }
    }
}

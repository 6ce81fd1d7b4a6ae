//! The Maglev table (Eisenbud et al., NSDI '16, §3.4): from the hash of a flow to a backend.
//!
//! Each backend prefers the entries of the table in an order of its own, (offset + k · skip) modulo
//! the size, which is a permutation because the size is prime. Backends take turns, each claiming
//! the first entry of its order that is still free, until none is left. So the shares of any two
//! differ by at most one entry, and where a backend joins or leaves most entries of the others
//! stay.
//!
//! Turns go by address. The table is then a function of who lives alone, whatever slots they have
//! and in whatever order they joined, and several balancers before the same backends agree on
//! every entry.

use nfos::prelude::*;

/// Entries that share a cell.
pub(crate) const PER_CELL: u32 = 48;

/// An entry that leads nowhere. Cells are zero at first, so the slots count from 1.
const NOBODY: u8 = 0;

/// The table of the live backends, each with its slot.
///
/// Cost: size · ln size steps about.
pub(crate) fn build(size: u32, mut live: Vec<(Ipv4Addr, u8)>) -> Vec<u8> {
    live.sort_unstable();
    let mut table = vec![NOBODY; size as usize];
    let mut turns: Vec<_> =
        live.iter().map(|&(address, slot)| (entry(slot), Preferences::of(address, size))).collect();
    for turn in 0..table.len() {
        let backends = turns.len().max(1);
        let Some((entry, preferences)) = turns.get_mut(turn % backends) else { break };
        let free = preferences.find(|&at| table[at as usize] == NOBODY);
        // A permutation of a prime number of entries comes by each of them.
        table[free.expect("a turn is taken only while an entry is free") as usize] = *entry;
    }
    table
}

/// What an entry says of a slot.
const fn entry(slot: u8) -> u8 {
    slot + 1
}

/// The slot in an entry.
pub(crate) const fn slot_of(entry: u8) -> Option<u8> {
    entry.checked_sub(1)
}

/// The order in which a backend prefers the entries.
struct Preferences {
    next: u32,
    skip: u32,
    size: u32,
}

impl Preferences {
    fn of(address: Ipv4Addr, size: u32) -> Self {
        let hash = |seed, below: u32| (hash(seed, &address.octets()) % u64::from(below)) as u32;
        Self { next: hash(1, size), skip: hash(2, size - 1) + 1, size }
    }
}

impl Iterator for Preferences {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let at = self.next;
        let next = at + self.skip;
        self.next = if next >= self.size { next - self.size } else { next };
        Some(at)
    }
}

/// Whether a number is prime.
pub(crate) fn is_prime(number: u32) -> bool {
    let root = number.isqrt();
    number > 1 && (2..=root).all(|divisor| !number.is_multiple_of(divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backends(count: u8) -> Vec<(Ipv4Addr, u8)> {
        (0..count).map(|slot| (Ipv4Addr::new(10, 0, 0, slot + 1), slot)).collect()
    }

    fn shares(table: &[u8]) -> Vec<usize> {
        let mut shares = vec![0; 256];
        table.iter().for_each(|&entry| shares[usize::from(entry)] += 1);
        shares
    }

    #[test]
    fn preferences_are_a_permutation() {
        for size in [101, 401, 65_537] {
            let preferences = Preferences::of(Ipv4Addr::new(10, 1, 2, 3), size);
            let mut seen: Vec<u32> = preferences.take(size as usize).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..size));
        }
    }

    #[test]
    fn nobody_has_a_table_of_nobody_and_a_single_backend_has_all() {
        assert!(build(101, vec![]).iter().all(|&entry| slot_of(entry).is_none()));
        assert!(build(101, backends(1)).iter().all(|&entry| slot_of(entry) == Some(0)));
    }

    #[test]
    fn shares_differ_by_one_entry_at_most() {
        for (count, size) in
            [(2, 401), (3, 401), (4, 401), (32, 3_203), (32, 65_537), (254, 65_537)]
        {
            let shares = shares(&build(size, backends(count)));
            assert_eq!(shares[0], 0, "every entry leads somewhere");
            let shares = &shares[1..=usize::from(count)];
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            assert!(most - least <= 1, "{count} backends: {shares:?}");
        }
    }

    #[test]
    fn the_table_depends_on_addresses_and_not_on_slots() {
        let one = backends(8);
        let mut other: Vec<_> = one.iter().map(|&(address, slot)| (address, 7 - slot)).collect();
        other.rotate_left(3);
        let addresses = |backends: &[(Ipv4Addr, u8)]| {
            let table = build(809, backends.to_owned());
            let of = |slot| backends.iter().find(|(_, other)| *other == slot).unwrap().0;
            table.into_iter().map(|entry| of(slot_of(entry).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(addresses(&one), addresses(&other));
    }

    #[test]
    fn primes_are_told_from_products() {
        let primes = [2, 3, 97, 101, 3_203, 65_537, 655_373];
        assert!(primes.into_iter().all(is_prime));
        assert!(![0, 1, 4, 9, 65_535, 65_536, 3_203 * 101].into_iter().any(is_prime));
    }
}

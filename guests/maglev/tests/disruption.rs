//! How much of the table and how many flows move when backends join and leave, held to bounds.
//!
//! An entry *must* move if the backend that it led to has gone, or if it leads to one that has
//! joined. Every other entry that moves is disruption, which Maglev accepts but keeps small.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use nfos::testing::frames::{self, Flow};
use nfos::testing::{Fate, Harness};

const MILLISECOND: u64 = 1_000_000;
const WAN: u16 = 0;
const LAN: u16 = 1;
const TABLE_SIZE: usize = 65_537;

/// The balancer with its default table, and its clock.
struct Balancer {
    harness: Harness,
    now_ns: u64,
}

impl Balancer {
    fn with_backends(backends: impl IntoIterator<Item = u8>) -> Self {
        let mut balancer = Self { harness: Harness::new(maglev::NATIVE, &[]), now_ns: MILLISECOND };
        balancer.harness.at(balancer.now_ns);
        balancer.beat(backends);
        balancer.wait_ms(100);
        balancer
    }

    fn beat(&mut self, backends: impl IntoIterator<Item = u8>) {
        for backend in backends {
            let flow = Flow::new((address(backend), 9_000), (Ipv4Addr::new(10, 9, 9, 9), 9_000));
            assert_eq!(self.harness.packet(LAN, &frames::udp(flow, b"alive")), Fate::Consumed);
        }
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now_ns += ms * MILLISECOND;
        self.harness.at(self.now_ns);
    }

    /// Lets one backend fall silent until it is given up, and the others not.
    fn lose(&mut self, lost: u8, backends: impl Iterator<Item = u8> + Clone) {
        for _ in 0..3 {
            self.wait_ms(5_000);
            self.beat(backends.clone().filter(|backend| *backend != lost));
        }
        self.wait_ms(100);
    }

    /// The address that each entry leads to.
    fn table(&mut self) -> Vec<u32> {
        let world = self.harness.world();
        let bytes = |words: [u64; 6]| words.into_iter().flat_map(u64::to_le_bytes);
        let entries = (0..TABLE_SIZE.div_ceil(48))
            .flat_map(|cell| bytes(world.vector_cell("table", cell)))
            .take(TABLE_SIZE)
            .collect::<Vec<u8>>();
        entries
            .into_iter()
            .map(|entry| {
                let slot = usize::from(entry).checked_sub(1).expect("somebody has each entry");
                // Behind the incarnation lie the octets of the address.
                let word = world.vector_cell("backends_records", slot)[0];
                u32::from_be((word >> 32) as u32)
            })
            .collect()
    }

    /// To whom a packet of a flow goes.
    fn backend_of(&mut self, flow: u16) -> Ipv4Addr {
        let [high, low] = flow.to_be_bytes();
        let client = (Ipv4Addr::new(198, 51, high, low), 50_000);
        let flow = Flow::new(client, (Ipv4Addr::new(118, 0, 0, 1), 80));
        match self.harness.packet(WAN, &frames::tcp(flow, 0x10, b"")) {
            Fate::Sent(LAN, frame) => Ipv4Addr::new(frame[30], frame[31], frame[32], frame[33]),
            other => panic!("{other:?}"),
        }
    }
}

fn address(backend: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, backend, 1)
}

/// Entries that moved between backends of which none joined or left.
fn disrupted(before: &[u32], after: &[u32], changed: u8) -> usize {
    let changed = address(changed).to_bits();
    let pairs = before.iter().zip(after);
    pairs.filter(|&(old, new)| old != new && *old != changed && *new != changed).count()
}

fn assert_even(table: &[u32], backends: usize) {
    let mut shares = BTreeMap::<u32, usize>::new();
    table.iter().for_each(|&address| *shares.entry(address).or_default() += 1);
    let (least, most) = (shares.values().min(), shares.values().max());
    assert_eq!(shares.len(), backends);
    assert!(least.zip(most).is_some_and(|(least, most)| most - least <= 1), "{shares:?}");
}

#[test]
fn a_backend_that_leaves_or_joins_moves_few_entries_of_the_others() {
    let all = 1..=32;
    let mut total = [0, 0];
    for changed in all.clone() {
        let mut balancer = Balancer::with_backends(all.clone());
        let full = balancer.table();
        balancer.lose(changed, all.clone());
        let without = balancer.table();
        balancer.beat([changed]);
        balancer.wait_ms(100);
        let again = balancer.table();
        assert_even(&full, 32);
        assert_even(&without, 31);
        assert!(full == again, "the table depends on who lives and on nothing else");
        for (total, moved) in total
            .iter_mut()
            .zip([disrupted(&full, &without, changed), disrupted(&without, &again, changed)])
        {
            assert!(moved * 50 < TABLE_SIZE, "{changed}: {moved} entries of others moved");
            *total += moved;
        }
    }
    let percent = |moved: usize| moved as f64 * 100.0 / (32 * TABLE_SIZE) as f64;
    let [leaving, joining] = total.map(percent);
    println!("entries of others that move, of all: leaving {leaving:.2} %, joining {joining:.2} %");
    assert!(leaving < 1.0 && joining < 1.0, "{leaving} {joining}");
}

#[test]
fn a_backend_that_joins_moves_no_flow_and_one_that_leaves_its_own_only() {
    let flows = 0..4_000;
    let mut balancer = Balancer::with_backends(1..=16);
    let first: Vec<_> = flows.clone().map(|flow| balancer.backend_of(flow)).collect();
    balancer.beat([99]);
    balancer.wait_ms(100);
    let joined: Vec<_> = flows.clone().map(|flow| balancer.backend_of(flow)).collect();
    assert_eq!(first, joined);
    assert!(!joined.contains(&address(99)));
    balancer.lose(5, (1..=16).chain([99]));
    let left: Vec<_> = flows.map(|flow| balancer.backend_of(flow)).collect();
    let moved = |(old, new): &(&Ipv4Addr, &Ipv4Addr)| old != new;
    let moved: Vec<_> = joined.iter().zip(&left).filter(moved).collect();
    assert!(moved.iter().all(|(old, _)| **old == address(5)), "flows of living backends moved");
    assert_eq!(moved.len(), joined.iter().filter(|&&backend| backend == address(5)).count());
    // A sixteenth of them, and a little.
    assert!((150..350).contains(&moved.len()), "{}", moved.len());
    let emitted = &balancer.harness.world().emitted;
    assert_eq!(emitted.iter().filter(|(event, _)| *event == 4).count(), moved.len());
}

#[test]
fn without_room_for_flows_few_move_that_need_not() {
    let flows = 0..4_000;
    let mut balancer = Balancer::with_backends(1..=16);
    balancer.harness.configuration_mut().packet_sets = 0;
    let first: Vec<_> = flows.clone().map(|flow| balancer.backend_of(flow)).collect();
    balancer.beat([99]);
    balancer.wait_ms(100);
    let joined: Vec<_> = flows.map(|flow| balancer.backend_of(flow)).collect();
    let pairs = || first.iter().zip(&joined).filter(|(old, new)| old != new);
    let needless = pairs().filter(|(_, new)| **new != address(99)).count();
    assert!(pairs().count() > 150, "flows follow the table");
    assert!(needless * 50 < first.len(), "{needless} flows moved between old backends");
    assert_eq!(balancer.harness.packet_sets(), 0);
}

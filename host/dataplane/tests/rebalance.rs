//! Entries of the steering table move from worker to worker while packets flow: every packet of a
//! set is handled once, in order, on the state that the one before it left, wherever that was; and
//! what is lost has a reason.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod moves;
mod support;

use moves::traffic::{Plan, SoftPort};
use moves::witness::{Gaps, Witness};
use moves::{PORTS, SETS};
use nfos_dataplane::{Launch, Observation, Rebalance, run_over};
use nfos_netio::{Classifier, Field, KeyRule, Layer, Port, PortId, SetRules, Steering};
use nfos_records::Summary;
use nfos_sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;
use support::{assert_adds_up, dropped, until};

/// Moves at every turn of the control loop.
fn at_random(seed: u64) -> Rebalance {
    Rebalance::AtRandom { interval: Duration::from_micros(100), seed }
}

fn launch(workers: usize, rebalance: Rebalance) -> Launch {
    let ports = vec!["synthetic:flows=1".parse().unwrap(); PORTS];
    Launch { workers, ports, rebalance, pin: false, ..Launch::default() }
}

/// Runs it over ports that never fail.
fn run(nf: &Witness, launch: &Launch, plan: &Arc<Plan>) -> Summary {
    let ports = (0..PORTS).map(|port| Box::new(SoftPort::new(port, plan)) as Box<dyn Port>);
    let (summary, lines) = run_with(nf, launch, ports.collect(), &plan.stop);
    assert_eq!(lines, [""; 0]);
    let missed: u64 = summary.ports.iter().map(|port| port.missed).sum();
    assert_eq!(summary.received + missed, plan.made(), "{summary:#?}");
    summary
}

/// Runs it, checks what holds of every run, and answers what was logged too.
fn run_with(
    nf: &Witness,
    launch: &Launch,
    ports: Vec<Box<dyn Port>>,
    stop: &AtomicBool,
) -> (Summary, Vec<String>) {
    let mut lines = Vec::new();
    let summary = run_over(nf, launch, ports, stop, &mut |observation| {
        if let Observation::Log { message, .. } = observation {
            lines.push(message.to_owned());
        }
    });
    let summary = summary.unwrap();
    assert_eq!(*nf.seen.wrong.lock().unwrap(), [""; 0], "{summary:#?}");
    assert_adds_up(&summary);
    let sets = &summary.packet_sets;
    assert_eq!(sets.registered - sets.expired, sets.live, "{sets:?}");
    assert_eq!(sets.expired, nf.seen.ended.load(Ordering::SeqCst));
    (summary, lines)
}

/// Half of all packets are of eight sets.
fn skewed(random: u64) -> usize {
    let set = random / 2;
    (if random.is_multiple_of(2) { set % 8 } else { set % (SETS as u64 + 1) }) as usize
}

/// Runs until some hundred sets have moved, each time over all of `packets`.
fn run_until_moved(nf: impl Fn() -> Witness, workers: usize, plan: impl Fn() -> Arc<Plan>) {
    let (mut seed, mut moved) = (0, 0);
    let run = || {
        seed += 1;
        let (plan, nf) = (plan(), nf());
        let summary = run(&nf, &launch(workers, at_random(seed)), &plan);
        assert_eq!((summary.received, summary.sent), (plan.made(), plan.made()), "{summary:#?}");
        moved += summary.steering.packet_sets;
        let ended = nf.idle_timeout_ns == 0 || summary.packet_sets.expired > 0;
        let kept_back = summary.steering.packets_kept_back > 0;
        ended && kept_back && moved > 200
    };
    until(run, |enough| *enough);
}

#[test]
fn sets_that_move_all_the_time_lose_no_packet_and_keep_their_state() {
    for workers in [2, 3] {
        run_until_moved(|| Witness::new(0), workers, || Plan::new(200_000, 128, skewed));
    }
}

#[test]
fn sets_end_when_their_time_is_over_wherever_they_are() {
    let plan = || {
        Plan::new(200_000, 128, |random| match random % 500 {
            // Some that come once in a while.
            0 => 16 + (random / 500) as usize % (SETS - 16),
            _ => random as usize % 16,
        })
    };
    run_until_moved(|| Witness::new(2_000_000), 3, plan);
}

#[test]
fn a_run_that_ends_during_a_move_accounts_for_every_packet_and_set() {
    let mut kept_back = 0;
    for seed in 0..20 {
        let plan = Plan::new(u64::MAX, 128, skewed);
        let nf = Witness::new(0);
        let duration = Some(Duration::from_micros(10_000 + 777 * seed));
        let launch = Launch { duration, ..launch(3, at_random(seed)) };
        let summary = run(&nf, &launch, &plan);
        let stopped = dropped(&summary, "stopped");
        assert_eq!(summary.dropped, stopped, "{:?}", summary.drops);
        kept_back += stopped + summary.steering.packets_kept_back;
    }
    assert!(kept_back > 0);
}

#[test]
fn a_worker_that_is_held_up_costs_what_is_kept_back_and_no_order() {
    let duration = Some(Duration::from_millis(300));
    let mut seed = 0;
    let run = || {
        seed += 1;
        let set =
            |random| if u64::is_multiple_of(random, 20) { 0 } else { 1 + random as usize % 40 };
        let plan = Plan::new(u64::MAX, 4_000, set);
        let nf = Witness { gaps: Gaps::Allowed, slow_every: 16, ..Witness::new(0) };
        run(&nf, &Launch { duration, ..launch(2, at_random(seed)) }, &plan)
    };
    let summary = until(run, |summary| dropped(summary, "packet_set_moving") > 0);
    let reasons = dropped(&summary, "stopped") + dropped(&summary, "packet_set_moving");
    assert_eq!(summary.dropped, reasons, "{:?}", summary.drops);
}

#[test]
fn a_worker_with_all_the_load_gives_some_away_and_an_even_load_stays() {
    let when_skewed = Rebalance::WhenSkewed { interval: Duration::from_millis(10) };
    let one = sets_of_worker(0, 2);
    let (plan, nf) =
        (Plan::new(2_400_000, 128, move |n| one[n as usize % one.len()]), Witness::new(0));
    let summary = run(&nf, &launch(2, when_skewed), &plan);
    assert_eq!(summary.sent, plan.made());
    assert!(summary.steering.packet_sets > 0, "{:?}", summary.steering);
    assert!(summary.workers[1].packets > 0);
    assert!(summary.workers[0].packet_sets > 0);

    // Two sets of each worker, as often.
    let one = [sets_of_worker(0, 2), sets_of_worker(1, 2)].map(|sets| sets[0]);
    let (plan, nf) = (Plan::new(300_000, 128, move |n| one[n as usize % 2]), Witness::new(0));
    let summary = run(&nf, &launch(2, when_skewed), &plan);
    assert_eq!((summary.sent, summary.steering.moves), (plan.made(), 0), "{:?}", summary.workers);
}

#[test]
fn without_rebalancing_nothing_moves() {
    let one = sets_of_worker(1, 2);
    let (plan, nf) =
        (Plan::new(100_000, 128, move |n| one[n as usize % one.len()]), Witness::new(0));
    let summary = run(&nf, &launch(2, Rebalance::Never), &plan);
    assert_eq!((summary.steering.moves, summary.workers[0].packets), (0, 0));
}

/// Sets whose packets go to this worker as long as nothing moves.
fn sets_of_worker(worker: usize, workers: usize) -> Vec<usize> {
    use Field::{DestinationAddress, DestinationPort, Protocol, SourceAddress, SourcePort};
    let key = [SourceAddress, DestinationAddress, SourcePort, DestinationPort, Protocol];
    let rule = |port, key: Vec<Field>| KeyRule {
        ports: vec![port],
        layer: Layer::Ipv4,
        protocols: vec![17],
        key,
        symmetric: false,
    };
    let back = key.iter().map(|field| field.reverse()).collect();
    let rules = vec![rule(0, key.to_vec()), rule(1, back)];
    let session = SetRules { name: "session".into(), rules };
    let steering = Steering::new(Classifier::new(&[session], &[]).unwrap(), workers).unwrap();
    let is_of_worker =
        |set: &usize| steering.worker(PortId::new(0), &moves::frame(*set, 0, 0)) == worker;
    (0..SETS).filter(is_of_worker).collect()
}

#[test]
fn a_port_that_does_not_follow_ends_all_moves_and_no_set_is_torn_apart() {
    let plan = Plan::new(100_000, 128, skewed);
    let nf = Witness { gaps: Gaps::Allowed, ..Witness::new(0) };
    let ports = [
        Box::new(SoftPort::new(0, &plan)) as Box<dyn Port>,
        Box::new(SoftPort::that_fails_at(3, 1, &plan)),
    ];
    let launch = Launch { duration: Some(Duration::from_secs(1)), ..launch(3, at_random(3)) };
    let (summary, lines) = run_with(&nf, &launch, ports.into(), &plan.stop);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("steering: nothing moves any more: "), "{lines:?}");
    assert_eq!(summary.steering.moves, 2);
    assert_eq!(summary.dropped, dropped(&summary, "packet_set_moving"), "{:?}", summary.drops);
}

#[cfg(feature = "dpdk")]
#[test]
fn sets_move_while_their_packets_circulate_through_devices() {
    use moves::rings::{PACKETS, rings};
    let duration = Some(Duration::from_millis(300));
    let mut seed = 0;
    let run = || {
        seed += 1;
        let nf = Witness { raised_by: PACKETS, ..Witness::new(0) };
        let launch = Launch { duration, ..launch(3, at_random(seed)) };
        let ports = rings([&format!("net_ring{seed}a"), &format!("net_ring{seed}b")]);
        let (summary, lines) = run_with(&nf, &launch, ports, &AtomicBool::new(false));
        assert_eq!(lines, [""; 0]);
        assert_eq!(summary.dropped, dropped(&summary, "stopped"), "{:?}", summary.drops);
        summary.steering
    };
    until(run, |moved| moved.packet_sets > 20 && moved.packets_kept_back > 0);
}

//! What the benchmark must hold, and that it agrees with the model on anything.

mod arrivals;
mod model;

use std::cell::RefCell;
use std::collections::BTreeMap;

use arrivals::{damaged, packet, whole};
use model::ArrayModel;
use nfos::testing::{Arrival, Fate, Harness, Model};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const ACCESSES: [&str; 4] = ["read", "read-write", "write-per-flow", "add"];

fn array(parameters: &[(&str, &str)]) -> Harness {
    Harness::new(array::NATIVE, parameters)
}

fn elements(array: &mut Harness, count: usize) -> Vec<u64> {
    (0..count).map(|index| array.world().vector_cell("elements", index)[0]).collect()
}

/// What it tells at its end.
fn sum(array: &mut Harness) -> u64 {
    array.exit();
    let [(0, sum)] = array.world().emitted[..] else { panic!("it tells one thing") };
    sum
}

#[test]
fn the_sum_is_what_wrote() {
    for (access, expected) in [("read", 0), ("read-write", 60), ("write-per-flow", 3), ("add", 60)]
    {
        let mut array = array(&[("access", access), ("work", "0")]);
        for step in 0..60_u16 {
            array.packet(step % 2, &packet(step % 3, 18));
        }
        assert_eq!(sum(&mut array), expected, "{access}");
    }
}

#[test]
fn a_full_table_drops_what_it_does_not_count() {
    let mut array = array(&[("work", "0")]);
    array.configuration_mut().packet_sets = 1;
    let passed = (0..10).filter(|step| array.packet(0, &packet(step % 2, 18)) != full()).count();
    assert_eq!((passed, sum(&mut array)), (5, 5));
}

fn full() -> Fate {
    Fate::dropped("packet_set_table_full")
}

/// Every element of the sequence, found by as many packets of one flow.
fn drawn(skew: &str, elements_count: usize) -> Vec<u64> {
    let count = elements_count.to_string();
    let mut array = array(&[("skew", skew), ("elements", &count), ("work", "0")]);
    let (frame, burst) = (packet(1, 18), 100);
    for _ in 0..10_000 / burst {
        array.burst(&vec![(0, &frame[..]); burst]);
    }
    elements(&mut array, elements_count)
}

#[test]
fn a_flow_goes_through_a_sequence_that_the_model_draws_as_well() {
    for (skew, exponent) in [("0", 0.0), ("0.99", 0.99)] {
        for count in [1, 2, 3, 100, 10_000, 65_537] {
            let mut model = ArrayModel::new(count, exponent, "read-write", 42, 65_536);
            for _ in 0..10_000 {
                model.packet(&Arrival { time_ns: 0, port: 0, frame: packet(1, 18) });
            }
            assert_eq!(drawn(skew, count), model.elements, "{skew} over {count}");
        }
    }
}

/// Shares of the elements drawn most, most first, in thousandths.
fn shares(skew: &str) -> Vec<u64> {
    let mut drawn = drawn(skew, 10_000);
    drawn.sort_unstable_by_key(|&times| std::cmp::Reverse(times));
    drawn.truncate(100);
    drawn.into_iter().map(|times| times / 10).collect()
}

#[test]
fn zipf_has_the_shares_of_its_law_and_uniform_has_none_above_others() {
    // The sum of rank^−0.99 over 10,000 ranks is 10.22, so the first has 98 thousandths and the
    // second 49.
    let zipf = shares("0.99");
    assert!((90..106).contains(&zipf[0]) && (43..56).contains(&zipf[1]), "{zipf:?}");
    assert!((460..580).contains(&zipf.iter().sum::<u64>()), "{zipf:?}");
    assert_eq!(shares("0")[0], 0);
}

#[test]
fn the_hottest_elements_are_no_neighbours() {
    let drawn = drawn("0.99", 10_000);
    let mut hottest: Vec<usize> = (0..drawn.len()).collect();
    hottest.sort_unstable_by_key(|&element| std::cmp::Reverse(drawn[element]));
    let neighbours = hottest[..20].iter().filter(|&&one| hottest[..20].contains(&(one + 1)));
    assert!(neighbours.count() <= 2, "{:?}", &hottest[..20]);
}

#[test]
fn another_seed_draws_another_sequence() {
    let with_seed = |seed| {
        let mut array = array(&[("seed", seed), ("work", "0")]);
        let frame = packet(1, 18);
        array.burst(&[(0, &frame[..]); 100]);
        elements(&mut array, 10_000)
    };
    assert_ne!(with_seed("1"), with_seed("2"));
    assert_eq!(with_seed("2"), with_seed("2"));
}

/// Packets to be handed over at once; and then a damaged one.
type Step = (Vec<(u16, Vec<u8>)>, (u16, Vec<u8>));

fn step() -> impl Strategy<Value = Step> {
    (prop::collection::vec(whole(), 1..32), damaged())
}

#[test]
fn the_benchmark_agrees_with_the_model_whatever_comes() {
    let reached = RefCell::new(BTreeMap::<String, u64>::new());
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(300) });
    let steps = prop::collection::vec(step(), 1..60);
    let settings = (prop::sample::select(&ACCESSES), any::<bool>(), 1..200_usize, any::<u64>());
    let outcome = runner.run(&(settings, steps), |((access, zipf, count, seed), steps)| {
        let (count_text, seed_text) = (count.to_string(), seed.to_string());
        let (skew, exponent) = if zipf { ("0.99", 0.99) } else { ("0", 0.0) };
        let mut array = array(&[
            ("access", access),
            ("skew", skew),
            ("elements", &count_text[..]),
            ("seed", &seed_text[..]),
            ("work", "1"),
        ]);
        array.configuration_mut().packet_sets = 10;
        let mut model = ArrayModel::new(count, exponent, access, seed, 10);
        for (mut frames, damaged) in steps {
            let burst: Vec<_> = frames.iter().map(|(port, frame)| (*port, &frame[..])).collect();
            let mut fates = array.burst(&burst);
            fates.push(array.packet(damaged.0, &damaged.1));
            frames.push(damaged);
            for ((port, frame), fate) in frames.into_iter().zip(fates) {
                prop_assert_eq!(&fate, &model.packet(&Arrival { time_ns: 0, port, frame }));
                let outcome = match fate {
                    Fate::Dropped(reason) => reason,
                    _ => format!("passed, {access}, {skew}"),
                };
                *reached.borrow_mut().entry(outcome).or_default() += 1;
            }
            prop_assert_eq!(array.packet_sets(), model.flows());
        }
        prop_assert_eq!(elements(&mut array, count), &model.elements[..]);
        prop_assert_eq!(sum(&mut array), model.elements.iter().sum::<u64>());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let reached = reached.into_inner();
    assert_eq!(reached.len(), 2 * ACCESSES.len() + 2, "{reached:?}");
}

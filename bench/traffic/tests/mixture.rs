//! The mixtures against the data that they were fitted to.

use nfos_netio::synthetic::Random;
use nfos_traffic::mixture::Mixture;

const FLOWS: usize = 2_000_000;

fn lengths(mixture: Mixture) -> Vec<u64> {
    let mut random = Random::new(7);
    (0..FLOWS).map(|_| mixture.draw(&mut random)).collect()
}

fn mean(lengths: &[u64], most: u64) -> f64 {
    lengths.iter().map(|length| (*length).min(most) as f64).sum::<f64>() / lengths.len() as f64
}

/// Packets at most n: percent of flows, in the thirty days of the campus.
fn assert_near(mixture: Mixture, data: &[(u64, f64)]) {
    let lengths = lengths(mixture);
    for &(most, percent) in data {
        let flows = lengths.iter().filter(|length| **length <= most).count();
        let drawn = flows as f64 * 100.0 / FLOWS as f64;
        // The fit itself is up to 1.3 points off, the draw less than a tenth of one.
        let near = (drawn - percent).abs() <= 1.4;
        assert!(near, "{mixture:?}: {drawn:.2} % have at most {most} packets, not {percent}");
    }
}

#[test]
fn flow_lengths_are_those_of_the_campus() {
    let all = [
        (1, 47.83),
        (2, 65.34),
        (4, 74.89),
        (8, 84.13),
        (16, 90.58),
        (32, 94.34),
        (64, 96.46),
        (128, 97.74),
        (1_024, 99.46),
    ];
    assert_near(Mixture::All, &all);
    assert_near(Mixture::Tcp, &[(1, 26.57), (8, 73.15), (64, 93.88)]);
    assert_near(Mixture::Udp, &[(1, 72.09), (8, 96.91)]);
}

#[test]
fn means_are_those_of_the_mixtures() {
    let all = lengths(Mixture::All);
    let whole = mean(&all, u64::MAX);
    // The tail is so long that two million flows leave some points open.
    assert!((66.0..88.0).contains(&whole), "{whole}");
    let capped = mean(&all, 2_020);
    assert!((20.5..21.5).contains(&capped), "{capped}");
    let tcp = mean(&lengths(Mixture::Tcp), 1_870);
    let udp = mean(&lengths(Mixture::Udp), 1_870);
    let caida = 0.555 * tcp + 0.445 * udp;
    assert!((20.5..21.5).contains(&caida), "{caida}");
}

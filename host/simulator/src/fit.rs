//! Least squares, for costs out of times of bursts.

/// Of the samples, ordered by time for each unit, this share is taken as good.
const GOOD: f64 = 0.9;
/// What takes so many times as long for each unit as the slowest good one was interrupted.
const INTERRUPTED: f64 = 4.0;

/// The coefficients that come nearest to `y = Σ c·x`, none below 0. A column that is all zero gets
/// 0.
///
/// Samples of the same `x` may differ, since packets of one kind cost this or that: the answer is
/// their mean. So a sample weighs by how many units it has and not by how long it took, and only
/// what was interrupted is left out.
pub(crate) fn fit<const N: usize>(samples: &[([f64; N], f64)]) -> [f64; N] {
    let each = |(x, y): &([f64; N], f64)| y / units(x);
    let mut times: Vec<f64> = samples.iter().map(each).collect();
    if times.is_empty() {
        return [0.0; N];
    }
    times.sort_by(f64::total_cmp);
    let limit = INTERRUPTED * times[((times.len() - 1) as f64 * GOOD) as usize];
    solve(samples.iter().filter(|sample| each(sample) <= limit))
}

fn units<const N: usize>(x: &[f64; N]) -> f64 {
    x.iter().sum::<f64>().max(1.0)
}

/// Weighted so that a packet counts as much in a burst of 32 as in one of its own, of which there
/// are 32 times as many for as many packets.
fn solve<'a, const N: usize>(samples: impl Iterator<Item = &'a ([f64; N], f64)>) -> [f64; N] {
    let (mut a, mut b) = ([[0.0; N]; N], [0.0; N]);
    for (x, y) in samples {
        let weight = 1.0 / units(x);
        for row in 0..N {
            for column in 0..N {
                a[row][column] += weight * x[row] * x[column];
            }
            b[row] += weight * x[row] * y;
        }
    }
    let mut kept = [true; N];
    loop {
        let c = eliminate(a, b, &kept);
        let lowest = (0..N).filter(|&at| kept[at]).min_by(|&p, &q| c[p].total_cmp(&c[q]));
        match lowest {
            // A cost below nothing is nothing.
            Some(at) if c[at] < 0.0 => kept[at] = false,
            _ => return c,
        }
    }
}

/// Gauss and Jordan, over the columns that are kept and not all zero.
fn eliminate<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N], kept: &[bool; N]) -> [f64; N] {
    let usable: Vec<usize> = (0..N).filter(|&at| kept[at] && a[at][at] > 0.0).collect();
    for &pivot in &usable {
        let divisor = a[pivot][pivot];
        if divisor.abs() < 1e-12 {
            continue;
        }
        for &row in &usable {
            if row == pivot {
                continue;
            }
            let factor = a[row][pivot] / divisor;
            for &column in &usable {
                a[row][column] -= factor * a[pivot][column];
            }
            b[row] -= factor * b[pivot];
        }
    }
    let mut c = [0.0; N];
    for &at in usable.iter().filter(|&&at| a[at][at].abs() >= 1e-12) {
        c[at] = b[at] / a[at][at];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_found_again_in_spite_of_a_few_bursts_that_were_interrupted() {
        let mut samples = Vec::new();
        for n in 0..600 {
            let (a, b) = (f64::from(n % 32 + 1), f64::from(n % 3));
            let late = if n % 50 == 0 { 100_000.0 } else { 0.0 };
            samples.push(([1.0, a, b, 0.0], 120.0 + 75.0 * a + 300.0 * b + late));
        }
        let [burst, packet, first, never] = fit(&samples);
        assert!((burst - 120.0).abs() < 2.0 && (packet - 75.0).abs() < 1.0, "{burst} {packet}");
        assert!((first - 300.0).abs() < 2.0 && never == 0.0, "{first} {never}");
    }

    #[test]
    fn packets_of_one_kind_that_cost_this_or_that_are_found_at_their_mean() {
        let samples: Vec<_> = (0..640)
            .map(|n| {
                let (events, each) =
                    (f64::from(n % 32 + 1), if n / 32 % 2 == 0 { 50.0 } else { 250.0 });
                ([1.0, events], 100.0 + each * events)
            })
            .collect();
        let [burst, packet] = fit(&samples);
        assert!((burst - 100.0).abs() < 2.0 && (packet - 150.0).abs() < 1.0, "{burst} {packet}");
    }

    #[test]
    fn a_cost_is_never_negative() {
        let samples: Vec<_> = (1..20).map(|n| ([1.0, f64::from(n)], f64::from(n * n))).collect();
        assert!(fit(&samples).iter().all(|c| *c >= 0.0));
        assert_eq!(fit::<2>(&[]), [0.0, 0.0]);
    }
}

//! Logarithms, exponentials and normal deviates that are the same to the last bit everywhere.
//!
//! The mathematical functions of the standard library may differ between platforms and versions.
//! These use the four operations and the square root alone, which IEEE 754 rounds in one way.
//! They are good to about 14 digits, which is more than the distributions need.

use std::f64::consts::{LN_2, SQRT_2};

use nfos_netio::synthetic::Random;

/// The natural logarithm of a normal number above 0.
pub(crate) fn ln(x: f64) -> f64 {
    // x = mantissa · 2^exponent, with the mantissa about 1: between the roots of 1/2 and 2.
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 · artanh z = 2 · (z + z³/3 + z⁵/5 + …); |z| < 0.172, so the 11th term is 1e-18.
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let series = (0..11).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    2.0 * z * series + f64::from(exponent) * LN_2
}

/// e to the power of a number between -700 and 700.
pub(crate) fn exp(x: f64) -> f64 {
    // x = r + k · ln 2, with |r| at most half of it: so the 18th term is below 1e-22.
    let k = (x / LN_2).round();
    let r = x - k * LN_2;
    let series = (1..18).rev().fold(1.0, |sum, n| sum * r / f64::from(n) + 1.0);
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// A normal deviate, mean 0 and variance 1, by Marsaglia's polar method.
pub(crate) fn normal(random: &mut Random) -> f64 {
    loop {
        let (x, y) = (2.0 * random.unit() - 1.0, 2.0 * random.unit() - 1.0);
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            return x * (-2.0 * ln(square) / square).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_exponentials_are_those_of_the_standard_library() {
        let mut x = 1e-9;
        while x < 1e9 {
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "ln {x}");
            assert!((exp(ln(x)) - x).abs() <= 1e-13 * x, "exp ln {x}");
            x *= 1.37;
        }
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
    }

    #[test]
    fn normal_deviates_have_mean_and_variance_and_tails() {
        let mut random = Random::new(1);
        let drawn: Vec<f64> = (0..200_000).map(|_| normal(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / 200_000.0;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 200_000.0;
        let beyond = drawn.iter().filter(|x| x.abs() > 1.96).count();
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.01, "{mean} {variance}");
        assert!((9_500..10_500).contains(&beyond), "{beyond}");
    }
}

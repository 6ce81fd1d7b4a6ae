//! How many packets a flow has: the mixtures fitted to thirty days of a campus network.
//!
//! P. Jurkiewicz, G. Rzym, P. Boryło, *Flow length and size distributions in campus Internet
//! traffic*, Computer Communications 2021, doi:10.1016/j.comcom.2020.12.016: unsampled NetFlow of
//! AGH, 4.03·10⁹ flows. A mixture draws a component by its weight, from that a number, and rounds
//! up to whole packets.

use nfos_netio::synthetic::Random;

use crate::exact::{exp, ln, normal};

/// Which flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixture {
    /// All of them.
    All,
    /// Those of TCP.
    Tcp,
    /// Those of UDP.
    Udp,
}

#[derive(Clone, Copy)]
enum Component {
    /// Uniform above 0, up to this.
    U(f64),
    /// Log-normal: shape and median.
    Ln(f64, f64),
}

use Component::{Ln, U};

type Weighted = (f64, Component);

const ALL: [Weighted; 10] = [
    (0.305_026_6, U(1.0)),
    (0.248_419_9, U(2.0)),
    (0.063_660_6, U(3.0)),
    (0.049_216_5, U(4.0)),
    (0.009_315_6, U(5.0)),
    (0.082_174_7, U(6.0)),
    (0.131_263_7, Ln(0.520_702_3, 7.805_599_3)),
    (0.073_286_2, Ln(0.770_105_7, 22.109_725_0)),
    (0.029_289_1, Ln(1.125_264_5, 128.645_151_5)),
    (0.008_347_0, Ln(1.983_836_9, 1_084.470_758_5)),
];

const TCP: [Weighted; 10] = [
    (0.058_043_8, U(1.0)),
    (0.310_525_0, U(2.0)),
    (0.055_097_3, U(3.0)),
    (0.047_754_0, U(4.0)),
    (0.005_882_5, U(5.0)),
    (0.125_291_1, U(6.0)),
    (0.206_543_3, Ln(0.512_238_2, 7.954_332_0)),
    (0.121_895_8, Ln(0.750_762_7, 21.741_573_3)),
    (0.052_507_4, Ln(1.108_544_2, 115.968_893_8)),
    (0.016_459_7, Ln(1.993_211_9, 845.912_178_8)),
];

const UDP: [Weighted; 13] = [
    (0.582_734_1, U(1.0)),
    (0.187_225_9, U(2.0)),
    (0.091_470_5, U(3.0)),
    (0.056_223_5, U(4.0)),
    (0.029_447_5, Ln(0.489_467_6, 9.674_436_5)),
    (0.040_227_8, Ln(0.260_264_7, 4.883_836_3)),
    (0.004_722_6, Ln(0.449_429_9, 29.410_908_6)),
    (0.005_631_3, Ln(0.924_717_3, 67.481_219_2)),
    (0.001_811_8, Ln(1.049_808_8, 594.492_187_8)),
    (0.000_320_8, Ln(1.854_772_9, 7_892.503_625_9)),
    (0.000_156_5, Ln(1.126_363_7, 19_824.000_189_6)),
    (0.000_027_6, Ln(0.401_289_7, 90_369.610_881_5)),
    (0.000_000_149, Ln(0.573_387_8, 12_757_029.47)),
];

impl Mixture {
    /// The packets of a flow: at least 1.
    pub fn draw(self, random: &mut Random) -> u64 {
        let components = self.components();
        let mut at = random.unit() * components.iter().map(|(weight, _)| weight).sum::<f64>();
        for (weight, component) in components {
            if at < *weight {
                return component.draw(random);
            }
            at -= weight;
        }
        components[0].1.draw(random)
    }

    fn components(self) -> &'static [Weighted] {
        match self {
            Self::All => &ALL,
            Self::Tcp => &TCP,
            Self::Udp => &UDP,
        }
    }
}

impl Component {
    fn draw(self, random: &mut Random) -> u64 {
        let value = match self {
            U(most) => most * (1.0 - random.unit()),
            Ln(shape, median) => exp(ln(median) + shape * normal(random)),
        };
        value.ceil().max(1.0) as u64
    }
}

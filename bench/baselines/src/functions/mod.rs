//! The network functions, one per file.

pub mod anti_ddos;
pub mod array;
pub mod bridge;
pub mod bridge_shared;
pub mod counter;
pub mod firewall;
pub mod maglev;
pub mod maglev_shared;
pub mod message;
pub mod nat;
pub mod nat_shared;
pub mod policer;

use crate::settings::Settings;
use crate::worker::{Variant, Worker, alone, locked};

/// All of them.
pub const NAMES: [&str; 8] =
    ["counter", "firewall", "policer", "bridge", "nat", "maglev", "anti-ddos", "array"];

/// The workers of a baseline; of [`Variant::Sequential`] one, whatever `count`.
///
/// # Panics
/// For a name that is none of [`NAMES`].
pub fn workers(
    name: &str,
    variant: Variant,
    count: usize,
    settings: &Settings,
) -> Vec<Box<dyn Worker>> {
    macro_rules! of {
        ($make:expr, $expert:expr) => {
            match variant {
                Variant::Sequential => alone(1, || $make),
                Variant::GlobalLock => locked(count, $make),
                Variant::Expert => $expert,
            }
        };
    }
    match name {
        // What one worker has is of no use to another: each has a table of its own.
        "counter" => of!(counter::Counter::default(), alone(count, counter::Counter::default)),
        "firewall" => {
            of!(
                firewall::Firewall::new(settings),
                alone(count, || firewall::Firewall::new(settings))
            )
        }
        "policer" => {
            of!(policer::Policer::new(settings), alone(count, || policer::Policer::new(settings)))
        }
        "bridge" => of!(bridge::Bridge::new(settings), bridge_shared::workers(count, settings)),
        "nat" => of!(nat::Nat::new(settings), nat_shared::workers(count, settings)),
        "maglev" => of!(maglev::Maglev::new(settings), maglev_shared::workers(count, settings)),
        "anti-ddos" => {
            of!(anti_ddos::AntiDdos::new(settings), anti_ddos::workers(count, settings))
        }
        "array" => of!(array::Array::new(settings), array::workers(count, settings)),
        _ => panic!("there is no baseline `{name}`"),
    }
}

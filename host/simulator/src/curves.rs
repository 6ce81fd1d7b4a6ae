//! Curves: points by number of cores, each with its band, and one curve for each value that is
//! tried.

use nfos_dataplane::stepwise::Protocol;
use nfos_dataplane::{Factory, Launch, RunError};
use nfos_records::profile::Profile;
use nfos_records::simulation::{Costs, Curve, Point, SCHEMA, Setting, Simulation};

use crate::causes::causes;
use crate::play::{Played, Settings, play};

/// What a transfer costs at the ends of the band, times what was measured.
const BAND: [f64; 2] = [2.0, 0.5];

/// A launch to be played, and the value that it tries.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What is tried; none: nothing.
    pub setting: Option<Setting>,
    /// With its parameters; the number of workers does not matter.
    pub launch: Launch,
    /// What it costs.
    pub costs: Costs,
}

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of cores.
    pub cores: Vec<usize>,
    /// One, or one for each value.
    pub variants: Vec<Variant>,
    /// The rest; its costs are not used.
    pub settings: Settings,
    /// Whether the ends of the band are played too.
    pub band: bool,
    /// Whether the last point is profiled.
    pub profile: bool,
}

/// Plays all of it. `done` is told of each point.
///
/// # Errors
/// What a launch is refused for.
pub fn curves<F: Factory>(
    factory: &F,
    plan: &Plan,
    done: &mut dyn FnMut(&Variant, &Point),
) -> Result<(Simulation, Option<Profile>), RunError> {
    let mut profile = None;
    let mut curves = Vec::new();
    for (number, variant) in plan.variants.iter().enumerate() {
        let mut points = Vec::new();
        for &cores in &plan.cores {
            let is_last = number + 1 == plan.variants.len() && plan.cores.last() == Some(&cores);
            let mut launch = Launch { workers: cores, ..variant.launch.clone() };
            launch.profile = plan.profile && is_last;
            let (point, of_point) = point(factory, plan, variant, &launch)?;
            profile = of_point.or(profile);
            done(variant, &point);
            points.push(point);
        }
        curves.push(Curve { setting: variant.setting.clone(), points });
    }
    let first = &plan.variants[0];
    let simulation = Simulation {
        schema: SCHEMA,
        simulated: true,
        nf: factory.description().name.clone(),
        protocol: match plan.settings.protocol {
            Protocol::Ours => "ours".to_owned(),
            Protocol::Original => "original".to_owned(),
        },
        seed: plan.settings.seed,
        ports: first.launch.ports.iter().map(ToString::to_string).collect(),
        port_limit_mpps: plan.settings.port_limit_mpps,
        in_step: plan.settings.in_step,
        burst_max: first.launch.burst_max as u64,
        packets: plan.settings.packets,
        warm_up: plan.settings.warm_up,
        parameters: Vec::new(),
        costs: first.costs.clone(),
        curves,
    };
    Ok((simulation, profile))
}

fn point<F: Factory>(
    factory: &F,
    plan: &Plan,
    variant: &Variant,
    launch: &Launch,
) -> Result<(Point, Option<Profile>), RunError> {
    let played = at(factory, plan, variant, launch, 1.0)?;
    let mpps = played.mpps();
    let (mut low, mut high) = (mpps, mpps);
    if plan.band && launch.workers > 1 {
        let launch = Launch { profile: false, ..launch.clone() };
        for times in BAND {
            let mpps = at(factory, plan, variant, &launch, times)?.mpps();
            (low, high) = (low.min(mpps), high.max(mpps));
        }
    }
    let counted = &played.counted;
    let point = Point {
        cores: launch.workers as u64,
        mpps,
        mpps_low: low,
        mpps_high: high,
        aborted_share: counted.aborted_share(),
        failing_bursts_share: counted.failing_share(),
        runs_per_event: counted.runs_per_event(),
        burst_mean: counted.burst_mean(),
        time: counted.shares(),
        causes: causes(&played, plan.settings.protocol),
        packets: counted.packets,
        span_ns: played.span_ps / 1_000,
    };
    Ok((point, played.profile))
}

fn at<F: Factory>(
    factory: &F,
    plan: &Plan,
    variant: &Variant,
    launch: &Launch,
    transfer_times: f64,
) -> Result<Played, RunError> {
    let mut settings = Settings { costs: variant.costs.clone(), ..plan.settings.clone() };
    settings.costs.machine.transfer_ns *= transfer_times;
    play(factory, launch, &settings)
}

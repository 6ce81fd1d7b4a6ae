//! `nfos-host simulate`: how a network function will scale, foretold on one core.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use nfos_records::simulation::{Point, Setting, Simulation};

use super::{Traffic, cores_of_machine, json};
use crate::costs::CostsFile;
use crate::failure::Failure;
use crate::launch::{self, Launch, NetworkFunction, Protocol, SimulatedPlan, Variant};
use crate::parameters::shown;
use crate::profile_file::ProfileFile;
use crate::terminal::{plain, print, print_aside};

/// Foretell how a network function scales with the number of cores, on this machine
///
/// Its guests, structures and transactions are real, and so are their conflicts; time is simulated.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The network function: a component, or a core module with the contract's type in it
    #[arg(long, value_name = "FILE")]
    nf: PathBuf,

    /// Numbers of cores
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,4,8,16,23,64")]
    cores: Vec<Cores>,

    #[command(flatten)]
    traffic: Traffic,

    /// Try values of a parameter: a curve for each
    #[arg(long, value_name = "NAME=V1,V2,…")]
    what_if: Option<WhatIf>,

    /// Million packets per second that each port hands over at most [default: no limit]
    #[arg(long, value_name = "MPPS", value_parser = positive)]
    port_limit: Option<f64>,

    /// Let workers go through the traffic together, each at the share that steering sends it: the
    /// rate is that at which nothing is lost, and the fullest worker decides it
    #[arg(long)]
    in_step: bool,

    /// How many events a burst may have, which commits as one transaction
    #[arg(long, value_name = "N", default_value = "32")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=32))]
    burst: u8,

    /// How many packets each point counts
    #[arg(long, value_name = "N", default_value = "200000")]
    packets: std::num::NonZeroU64,

    /// How many come before them and are not counted [default: half as many]
    #[arg(long, value_name = "N")]
    warm_up: Option<u64>,

    /// What commits and structures follow
    #[arg(long, value_name = "PROTOCOL", default_value = "ours")]
    protocol: Protocols,

    /// Leave out the band from twice to half the cost of moving a cache line
    #[arg(long)]
    no_band: bool,

    /// The file of costs [default: one in the user's cache]; what it lacks is measured and added
    #[arg(long, value_name = "FILE.json")]
    costs: Option<PathBuf>,

    /// Record the last point as `run --profile` does, for nfos-profile
    #[arg(long, value_name = "FILE.json")]
    profile: Option<PathBuf>,

    /// Write a page with the curves
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Print the simulation as JSON, and nothing else on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocols {
    /// This host's.
    Ours,
    /// That of the NFOS prototype, with its structures: to compare.
    Original,
}

/// A number of cores that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cores(usize);

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let most = launch::SIMULATED_WORKERS_MAX;
        let cores = text.trim().parse().ok().filter(|cores| (1..=most).contains(cores));
        cores.map(Self).ok_or_else(|| format!("write whole numbers from 1 to {most}"))
    }
}

/// `NAME=V1,V2,…`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WhatIf {
    name: String,
    values: Vec<String>,
}

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, values) = text.split_once('=').unwrap_or_default();
        let values: Vec<_> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if name.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err("write it like name=value,value".to_owned());
        }
        Ok(Self { name: name.trim().to_owned(), values })
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "write a number above 0".to_owned())
}

/// # Errors
/// Wrong options or input; a file that cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (nf, launch) = arguments.traffic.load(&arguments.nf, cores_of_machine())?;
    let launch = Launch { burst_max: arguments.burst.into(), ..launch };
    let mut profile = arguments.profile.as_deref().map(ProfileFile::create).transpose()?;
    let page = arguments.html.as_deref().map(create_page).transpose()?;
    let plan = SimulatedPlan {
        cores: arguments.cores.iter().map(|cores| cores.0).collect(),
        variants: variants(arguments, &nf, &launch)?,
        protocol: match arguments.protocol {
            Protocols::Ours => Protocol::Ours,
            Protocols::Original => Protocol::Original,
        },
        packets: arguments.packets.get(),
        warm_up: arguments.warm_up.unwrap_or(arguments.packets.get() / 2),
        port_limit_mpps: arguments.port_limit,
        in_step: arguments.in_step,
        band: !arguments.no_band,
        profile: arguments.profile.is_some(),
    };
    let quiet = arguments.json;
    let mut written = Ok(());
    let (mut simulation, profiled) = launch::simulate(&nf, &plan, &mut |variant, point| {
        if !quiet && written.is_ok() {
            written = print_aside(&progress(variant, point));
        }
    })?;
    written?;
    simulation.parameters = parameters(&nf, &launch);
    if let (Some(html), Some(mut page)) = (&arguments.html, page) {
        let text = launch::simulation_page(&simulation);
        page.write_all(text.as_bytes())
            .map_err(|error| Failure::failed(unwritable(html, &error)))?;
    }
    if let (Some(profiled), Some(file)) = (&profiled, &mut profile) {
        file.write(profiled);
    }
    print(&shown_as(&simulation, arguments.json))?;
    profile.map_or(Ok(()), |file| file.finish(arguments.json))
}

/// A file that is there before anything is simulated, so that nothing is in vain.
fn create_page(html: &Path) -> Result<File, Failure> {
    File::create(html).map_err(|error| Failure::input(unwritable(html, &error)))
}

fn unwritable(html: &Path, error: &io::Error) -> String {
    format!("--html {}: cannot be written: {error}", html.display())
}

/// The launch itself, or one for each value that is tried; each with its costs.
fn variants(
    arguments: &Arguments,
    nf: &NetworkFunction,
    launch: &Launch,
) -> Result<Vec<Variant>, Failure> {
    let mut costs = CostsFile::open(arguments.costs.as_deref())?;
    let Some(WhatIf { name, values }) = &arguments.what_if else {
        let costs = costs.of(nf, launch)?;
        return Ok(vec![Variant { setting: None, launch: launch.clone(), costs }]);
    };
    let mut variants = Vec::new();
    for value in values {
        let parameters = arguments.traffic.parameters_with(nf, name, value)?;
        let launch = Launch { parameters, ..launch.clone() };
        let setting = Some(Setting { name: name.clone(), value: value.clone() });
        let costs = costs.of(nf, &launch)?;
        variants.push(Variant { setting, launch, costs });
    }
    Ok(variants)
}

fn parameters(nf: &NetworkFunction, launch: &Launch) -> Vec<Setting> {
    let known = nf.description().parameters.iter();
    let given = known.filter_map(|parameter| {
        let value = launch.parameters.get(&parameter.name)?;
        let setting = || Setting { name: parameter.name.clone(), value: shown(value) };
        (*value != parameter.default).then(setting)
    });
    given.collect()
}

fn progress(variant: &Variant, point: &Point) -> String {
    let tried = variant.setting.as_ref();
    let tried = tried.map_or_else(String::new, |set| format!("{} = {}, ", set.name, set.value));
    format!("{}{} cores: {:.2} Mpps simulated\n", plain(&tried), point.cores, point.mpps)
}

fn shown_as(simulation: &Simulation, as_json: bool) -> String {
    if as_json {
        return json(simulation);
    }
    let text = launch::simulation_text(simulation);
    text.lines().flat_map(|line| [plain(line).into_owned(), "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_to_try_are_divided_by_commas() {
        let parsed: WhatIf = "staleness_us=0,100".parse().unwrap();
        assert_eq!((parsed.name.as_str(), parsed.values.len()), ("staleness_us", 2));
        for wrong in ["", "x", "x=", "=1", "x=1,,2"] {
            assert!(wrong.parse::<WhatIf>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_of_cores_have_a_limit() {
        assert!("23".parse::<Cores>().is_ok() && "127".parse::<Cores>().is_ok());
        assert!("0".parse::<Cores>().is_err() && "128".parse::<Cores>().is_err());
    }
}

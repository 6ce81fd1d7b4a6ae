//! The file of costs: what things cost on this machine, measured once and kept with its date.
//!
//! Costs are those of one build of the host, whose code is what was timed. What another build has
//! measured is measured anew, and the operator is told why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nfos_records::simulation::{Costs, FunctionCosts, MachineCosts};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, warn};
use crate::launch::{self, Launch, NetworkFunction, cache_directory};
use crate::parameters::differing;

/// How long a network function is timed.
const TIMED: Duration = Duration::from_millis(600);

/// Costs by what they are of.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    machine: Option<Measured<MachineCosts>>,
    /// By network function, engine, parameters, ports and room for packet sets.
    functions: BTreeMap<String, Measured<FunctionCosts>>,
}

/// Costs, and the build of the host that measured them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Measured<C> {
    /// As [`launch::build_of_host`]; empty in files of hosts that did not write it.
    #[serde(default)]
    host: String,
    #[serde(flatten)]
    costs: C,
}

impl<C: Clone> Measured<C> {
    /// The costs, if this build has measured them; else why they are measured anew is told.
    fn known(&self, what: &str, build: &str) -> Option<C> {
        if self.host == build {
            return Some(self.costs.clone());
        }
        let version = |host| str::split_once(host, ' ').map(|(version, _)| version);
        let by = match version(&self.host) {
            None => "a host that did not name itself".to_owned(),
            theirs if theirs == version(build) => "another build of this version".to_owned(),
            Some(theirs) => format!("version {theirs}"),
        };
        warn(&format!("costs of {what} are measured anew: those known were measured by {by}"));
        None
    }
}

/// The file of costs.
#[derive(Debug)]
pub(crate) struct CostsFile {
    /// None: the user has nowhere to keep it.
    path: Option<PathBuf>,
    /// Whether the operator has named it.
    is_given: bool,
    content: Content,
    /// This host.
    build: String,
}

impl CostsFile {
    /// Reads a file, or the user's own; one that is not there is empty.
    ///
    /// # Errors
    /// A file that cannot be read or is none of costs.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, Failure> {
        let own = || Some(cache_directory()?.join("costs.json"));
        let path = given.map(Path::to_path_buf).or_else(own);
        let (is_given, build) = (given.is_some(), launch::build_of_host());
        let Some(text) = path.as_ref().filter(|path| path.exists()).map(std::fs::read_to_string)
        else {
            return Ok(Self { path, is_given, content: Content::default(), build });
        };
        let name = path.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let text = text
            .map_err(|error| Failure::input(format!("--costs {name}: cannot be read: {error}")))?;
        let content = serde_json::from_str(&text).map_err(|error| {
            Failure::input(format!("--costs {name}: is no file of costs: {error}"))
        })?;
        Ok(Self { path, is_given, content, build })
    }

    /// Forgets what the machine costs, so that it is measured again.
    pub(crate) fn forget_machine(&mut self) {
        self.content.machine = None;
    }

    /// Forgets what a launch costs, so that it is measured again.
    pub(crate) fn forget(&mut self, nf: &NetworkFunction, launch: &Launch) {
        self.content.functions.remove(&key(nf, launch));
    }

    /// What the machine costs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn machine(&mut self) -> Result<MachineCosts, Failure> {
        let known = self.content.machine.as_ref();
        if let Some(costs) = known.and_then(|known| known.known("this machine", &self.build)) {
            return Ok(costs);
        }
        let costs = launch::measure_machine();
        self.content.machine = Some(Measured { host: self.build.clone(), costs: costs.clone() });
        self.write()?;
        Ok(costs)
    }

    /// What a launch costs, the machine included.
    ///
    /// # Errors
    /// What the launch is refused for; the file cannot be written.
    pub(crate) fn of(&mut self, nf: &NetworkFunction, launch: &Launch) -> Result<Costs, Failure> {
        let machine = self.machine()?;
        let key = key(nf, launch);
        let known = self.content.functions.get(&key);
        if let Some(function) = known.and_then(|known| known.known(nf.name(), &self.build)) {
            return Ok(Costs { machine, function });
        }
        let function = launch::measure_function(nf, launch, TIMED)?;
        let measured = Measured { host: self.build.clone(), costs: function.clone() };
        self.content.functions.insert(key, measured);
        self.write()?;
        Ok(Costs { machine, function })
    }

    /// Where the operator has named no file, costs that cannot be kept are told and used.
    fn write(&mut self) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let directory = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let text = crate::commands::json(&self.content);
        let Err(error) = directory.and_then(|()| std::fs::write(path, text)) else {
            return Ok(());
        };
        let what = format!("{}: cannot be written: {error}", path.display());
        if self.is_given {
            return Err(Failure::input(format!("--costs {what}")));
        }
        warn(&format!("costs are not kept: {what}"));
        self.path = None;
        Ok(())
    }
}

/// Names what costs differ by. Files of traffic are told apart by their names alone.
fn key(nf: &NetworkFunction, launch: &Launch) -> String {
    let ports: Vec<_> = launch.ports.iter().map(ToString::to_string).collect();
    let parameters = differing(&launch.parameters, nf.description());
    let mut words = vec![nf.name().to_owned(), nf.digest().to_string()];
    words.push(nf.engine_kind().to_owned());
    words.extend(parameters);
    words.extend(ports);
    words.extend(launch.packet_sets.map(|sets| format!("{sets} packet sets")));
    words.join(" ")
}

//! The file of costs: what things cost on this machine, measured once and kept with its date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nfos_records::simulation::{Costs, FunctionCosts, MachineCosts};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::launch::{self, Launch, NetworkFunction, cache_directory};
use crate::parameters::differing;

/// How long a network function is timed.
const TIMED: Duration = Duration::from_millis(600);

/// Costs by what they are of.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    machine: Option<MachineCosts>,
    /// By network function, engine, parameters and ports.
    functions: BTreeMap<String, FunctionCosts>,
}

/// The file of costs.
#[derive(Debug)]
pub(crate) struct CostsFile {
    /// None: the user has nowhere to keep it.
    path: Option<PathBuf>,
    content: Content,
}

impl CostsFile {
    /// Reads a file, or the user's own; one that is not there is empty.
    ///
    /// # Errors
    /// A file that cannot be read or is none of costs.
    pub(crate) fn open(given: Option<&Path>) -> Result<Self, Failure> {
        let own = || Some(cache_directory()?.join("costs.json"));
        let path = given.map(Path::to_path_buf).or_else(own);
        let Some(text) = path.as_ref().filter(|path| path.exists()).map(std::fs::read_to_string)
        else {
            return Ok(Self { path, content: Content::default() });
        };
        let name = path.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let text = text
            .map_err(|error| Failure::input(format!("--costs {name}: cannot be read: {error}")))?;
        let content = serde_json::from_str(&text).map_err(|error| {
            Failure::input(format!("--costs {name}: is no file of costs: {error}"))
        })?;
        Ok(Self { path, content })
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
        if let Some(known) = &self.content.machine {
            return Ok(known.clone());
        }
        let measured = launch::measure_machine();
        self.content.machine = Some(measured.clone());
        self.write()?;
        Ok(measured)
    }

    /// What a launch costs, the machine included.
    ///
    /// # Errors
    /// What the launch is refused for; the file cannot be written.
    pub(crate) fn of(&mut self, nf: &NetworkFunction, launch: &Launch) -> Result<Costs, Failure> {
        let machine = self.machine()?;
        let key = key(nf, launch);
        let function = match self.content.functions.get(&key) {
            Some(known) => known.clone(),
            None => {
                let measured = launch::measure_function(nf, launch, TIMED)?;
                self.content.functions.insert(key, measured.clone());
                self.write()?;
                measured
            }
        };
        Ok(Costs { machine, function })
    }

    fn write(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let directory = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let text = crate::commands::json(&self.content);
        directory.and_then(|()| std::fs::write(path, text)).map_err(|error| {
            Failure::failed(format!("--costs {}: cannot be written: {error}", path.display()))
        })
    }
}

/// Names what costs differ by. Files of traffic are told apart by their names alone.
fn key(nf: &NetworkFunction, launch: &Launch) -> String {
    let ports: Vec<_> = launch.ports.iter().map(ToString::to_string).collect();
    let parameters = differing(&launch.parameters, nf.description());
    let mut words = vec![nf.description().name.clone(), nf.digest().to_string()];
    words.push(nf.engine_kind().to_owned());
    words.extend(parameters);
    words.extend(ports);
    words.join(" ")
}

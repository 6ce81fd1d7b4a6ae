//! The file of `--profile`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use nfos_records::profile::Profile;

use crate::failure::Failure;
use crate::terminal::print_aside;

/// A file that is there before the run, so that a run is not recorded in vain.
pub(crate) struct ProfileFile {
    path: PathBuf,
    writer: BufWriter<File>,
    written: std::io::Result<()>,
}

impl ProfileFile {
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::input(format!("--profile {}: cannot be written: {error}", path.display()))
        })?;
        Ok(Self { path: path.into(), writer: BufWriter::new(file), written: Ok(()) })
    }

    /// Writes the profile; [`Self::finish`] tells how that went.
    pub(crate) fn write(&mut self, profile: &Profile) {
        let written = serde_json::to_writer(&mut self.writer, profile).map_err(Into::into);
        self.written = written.and_then(|()| self.writer.write_all(b"\n"));
    }

    /// Closes the file and, unless standard error is to stay quiet, says how to read it.
    ///
    /// # Errors
    /// It could not be written.
    pub(crate) fn finish(mut self, quiet: bool) -> Result<(), Failure> {
        let path = self.path.display();
        self.written.and_then(|()| self.writer.flush()).map_err(|error| {
            Failure::failed(format!("--profile {path}: cannot be written: {error}"))
        })?;
        if quiet {
            return Ok(());
        }
        print_aside(&format!("profile written; read it with: nfos-profile report {path}\n"))
    }
}

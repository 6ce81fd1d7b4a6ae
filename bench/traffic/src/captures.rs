//! Traffic as capture files, one per port.

use std::path::{Path, PathBuf};

use nfos_netio::capture::{CaptureError, CaptureWriter};

use crate::traffic::Traffic;

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// How many packets.
    pub packets: u64,
    /// Bytes of frames.
    pub bytes: u64,
}

/// Writes what is left of the traffic to one file per port.
///
/// # Errors
/// [`CaptureError`] for a file that cannot be written.
///
/// # Panics
/// Unless there are as many paths as ports.
pub fn write(traffic: &mut Traffic, paths: &[PathBuf]) -> Result<Vec<Written>, CaptureError> {
    assert_eq!(paths.len(), usize::from(traffic.ports()), "each port has a file");
    let writers = paths.iter().map(|path| CaptureWriter::create(path));
    let mut writers = writers.collect::<Result<Vec<_>, _>>()?;
    while let Some(packet) = traffic.next() {
        let length = packet.frame.len() as u32;
        writers[usize::from(packet.port)].write(packet.time_ns, length, packet.frame)?;
    }
    let finish = |writer: CaptureWriter| {
        let (packets, bytes) = (writer.packets(), writer.bytes());
        let written = Written { path: writer.path().to_owned(), packets, bytes };
        writer.finish().map(|()| written)
    };
    writers.into_iter().map(finish).collect()
}

/// The files of a workload. `out` is a file if it ends in `.pcap`, otherwise a folder; where there
/// are several ports, each file's name ends in the number of its port.
pub fn paths(out: &Path, name: &str, ports: u16) -> Vec<PathBuf> {
    let is_file = out.extension().is_some_and(|extension| extension == "pcap");
    let whole = match is_file {
        true => out.with_extension(""),
        false => out.join(name.replace('=', "-")),
    };
    let path = |port: u16| match ports {
        1 => format!("{}.pcap", whole.display()),
        _ => format!("{}.{port}.pcap", whole.display()),
    };
    (0..ports).map(|port| PathBuf::from(path(port))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_a_file() {
        let paths = |out: &str, name, ports| {
            let paths = paths(Path::new(out), name, ports);
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(paths("out", "flows=4096", 1), ["out/flows-4096.pcap"]);
        assert_eq!(paths("out", "bridge", 2), ["out/bridge.0.pcap", "out/bridge.1.pcap"]);
        assert_eq!(paths("a/b.pcap", "caida", 1), ["a/b.pcap"]);
        assert_eq!(paths("a/b.pcap", "bridge", 2), ["a/b.0.pcap", "a/b.1.pcap"]);
    }
}

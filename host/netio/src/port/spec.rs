//! What the operator writes to name a port: `kind:key=value,…`.
//!
//! Files must not have a comma in their names. `Display` writes what parses to the same port.

use super::Clock;
use super::error::{SpecError, SpecFault};
#[cfg(feature = "dpdk")]
use crate::dpdk::DeviceSpec;
use crate::synthetic::Workload;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A port as written.
#[derive(Clone, Debug, PartialEq)]
pub enum PortSpec {
    /// `pcap:rx=FILE,tx=FILE`, either of which may be left out.
    Pcap(CaptureSpec),
    /// `memory:FILE,repeat=N`.
    Memory(MemorySpec),
    /// `synthetic:flows=N,…`.
    Synthetic(Workload),
    /// `dpdk:DEVARGS`.
    #[cfg(feature = "dpdk")]
    Device(DeviceSpec),
}

/// Capture files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureSpec {
    /// What arrives; without it nothing does.
    pub rx: Option<PathBuf>,
    /// Where to write what is sent; without it that is counted and forgotten.
    pub tx: Option<PathBuf>,
}

/// A trace that is loaded and played from memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemorySpec {
    /// The capture.
    pub trace: PathBuf,
    /// How often it is played.
    pub repeat: Repeat,
}

/// How often a trace is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Until the run ends.
    #[default]
    Endless,
    /// This many times, at least once.
    Times(u64),
}

impl PortSpec {
    /// The device, of a port that is one.
    #[cfg(feature = "dpdk")]
    pub(crate) fn device(&self) -> Option<&DeviceSpec> {
        match self {
            Self::Device(device) => Some(device),
            _ => None,
        }
    }

    /// What tells the time of its frames.
    pub fn clock(&self) -> Clock {
        match self {
            Self::Pcap(_) => Clock::Trace,
            Self::Memory(_) | Self::Synthetic(_) => Clock::Live,
            #[cfg(feature = "dpdk")]
            Self::Device(_) => Clock::Live,
        }
    }
}

/// Checks that no file is written that is read, or written by another port too, and that no device
/// is named twice.
///
/// Two names of one file are noticed where the file exists already.
///
/// # Errors
/// [`SpecError`] of the port that would overwrite.
pub fn check_files(specs: &[PortSpec]) -> Result<(), SpecError> {
    let files = |spec: &PortSpec| match spec {
        PortSpec::Pcap(pcap) => (pcap.rx.clone(), pcap.tx.clone()),
        PortSpec::Memory(memory) => (Some(memory.trace.clone()), None),
        PortSpec::Synthetic(_) => (None, None),
        #[cfg(feature = "dpdk")]
        PortSpec::Device(_) => (None, None),
    };
    #[cfg(feature = "dpdk")]
    crate::dpdk::check_devices(specs.iter().filter_map(PortSpec::device))?;
    let same = |a: &PathBuf, b: &PathBuf| {
        a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
    };
    let all: Vec<_> = specs.iter().map(files).collect();
    for (index, (_, tx)) in all.iter().enumerate() {
        // What is no regular file (/dev/null) holds nothing that could be lost.
        let Some(tx) = tx.as_ref().filter(|tx| !tx.exists() || tx.is_file()) else { continue };
        let is_read = all.iter().any(|(rx, _)| rx.as_ref().is_some_and(|rx| same(rx, tx)));
        let mut before = all[..index].iter();
        let is_written = before.any(|(_, other)| other.as_ref().is_some_and(|o| same(o, tx)));
        if is_read || is_written {
            let fault = SpecFault::Overwritten(tx.clone());
            return Err(SpecError { spec: specs[index].to_string(), fault });
        }
    }
    Ok(())
}

impl FromStr for PortSpec {
    type Err = SpecError;

    fn from_str(spec: &str) -> Result<Self, SpecError> {
        parse(spec).map_err(|fault| SpecError { spec: spec.to_string(), fault })
    }
}

fn parse(spec: &str) -> Result<PortSpec, SpecFault> {
    let (kind, rest) = spec.split_once(':').unwrap_or((spec, ""));
    match kind {
        "pcap" => parse_pcap(rest),
        "memory" => parse_memory(rest),
        "synthetic" => Workload::parse(&Pairs::new(rest)?).map(PortSpec::Synthetic),
        #[cfg(feature = "dpdk")]
        "dpdk" => DeviceSpec::parse(rest).map(PortSpec::Device),
        #[cfg(not(feature = "dpdk"))]
        "dpdk" => Err(SpecFault::NoDpdk),
        _ => Err(SpecFault::Kind(kind.to_string())),
    }
}

fn parse_pcap(rest: &str) -> Result<PortSpec, SpecFault> {
    let pairs = Pairs::new(rest)?;
    pairs.only("pcap", &["rx", "tx"], "rx=FILE and tx=FILE")?;
    let file = |key| pairs.value(key).map(PathBuf::from);
    let (rx, tx) = (file("rx"), file("tx"));
    if rx.is_none() && tx.is_none() {
        return Err(SpecFault::NoCapture);
    }
    Ok(PortSpec::Pcap(CaptureSpec { rx, tx }))
}

fn parse_memory(rest: &str) -> Result<PortSpec, SpecFault> {
    let (trace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    if trace.is_empty() || trace.starts_with("repeat=") {
        return Err(SpecFault::NoTrace);
    }
    let pairs = Pairs::new(rest)?;
    pairs.only("memory", &["repeat"], "a FILE and repeat=N")?;
    let repeat = Repeat::parse(&pairs)?;
    Ok(PortSpec::Memory(MemorySpec { trace: trace.into(), repeat }))
}

impl Repeat {
    pub(crate) fn parse(pairs: &Pairs<'_>) -> Result<Self, SpecFault> {
        match pairs.value("repeat") {
            None | Some("endless") => Ok(Self::Endless),
            Some(value) => match value.parse() {
                Ok(times @ 1..) => Ok(Self::Times(times)),
                _ => Err(SpecFault::Value {
                    key: "repeat",
                    value: value.to_string(),
                    allowed: "a number from 1, or endless",
                }),
            },
        }
    }
}

/// `key=value` pairs, each key at most once, no value empty.
#[derive(Debug)]
pub(crate) struct Pairs<'a> {
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Pairs<'a> {
    pub(crate) fn new(text: &'a str) -> Result<Self, SpecFault> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if !value.is_empty() => {
                    if pairs.iter().any(|(other, _)| *other == key) {
                        return Err(SpecFault::Twice(key.to_string()));
                    }
                    pairs.push((key, value));
                }
                _ => return Err(SpecFault::NoValue(part.trim_end_matches('=').to_string())),
            }
        }
        Ok(Self { pairs })
    }

    /// Fails for a key that is none of these.
    pub(crate) fn only(
        &self,
        kind: &'static str,
        keys: &[&str],
        allowed: &'static str,
    ) -> Result<(), SpecFault> {
        match self.pairs.iter().find(|(key, _)| !keys.contains(key)) {
            Some((key, _)) => Err(SpecFault::Key { key: key.to_string(), kind, allowed }),
            None => Ok(()),
        }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(other, _)| *other == key).map(|(_, value)| *value)
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcap(CaptureSpec { rx, tx }) => {
                let files = [("rx", rx), ("tx", tx)].into_iter();
                let named: Vec<String> = files
                    .filter_map(|(key, file)| Some(format!("{key}={}", file.as_ref()?.display())))
                    .collect();
                write!(f, "pcap:{}", named.join(","))
            }
            Self::Memory(MemorySpec { trace, repeat }) => {
                write!(f, "memory:{},repeat={repeat}", trace.display())
            }
            #[cfg(feature = "dpdk")]
            Self::Device(device) => write!(f, "dpdk:{device}"),
            Self::Synthetic(workload) => write!(f, "synthetic:{workload}"),
        }
    }
}

impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endless => f.write_str("endless"),
            Self::Times(times) => times.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(spec: &str) -> String {
        spec.parse::<PortSpec>().unwrap_err().to_string()
    }

    #[test]
    fn good_specifications_parse_and_print() {
        let cases = [
            ("pcap:rx=in.pcap,tx=out.pcap", "pcap:rx=in.pcap,tx=out.pcap"),
            ("pcap:tx=out.pcap", "pcap:tx=out.pcap"),
            ("memory:trace.pcap", "memory:trace.pcap,repeat=endless"),
            ("memory:a/b=c.pcap,repeat=3", "memory:a/b=c.pcap,repeat=3"),
        ];
        for (written, printed) in cases {
            let spec: PortSpec = written.parse().unwrap();
            assert_eq!(spec.to_string(), printed);
            assert_eq!(printed.parse::<PortSpec>().unwrap(), spec);
        }
        assert_eq!("pcap:rx=a".parse::<PortSpec>().unwrap().clock(), Clock::Trace);
        assert_eq!("synthetic:".parse::<PortSpec>().unwrap().clock(), Clock::Live);
        assert_eq!("synthetic".parse::<PortSpec>(), "synthetic:flows=4096".parse());
    }

    #[test]
    fn bad_specifications_are_told_what_would_be_right() {
        let cases = [
            ("pcpa:rx=a", "no kind `pcpa`; write pcap:"),
            #[cfg(not(feature = "dpdk"))]
            ("dpdk:0000:18:00.0", "this build has no DPDK; build with --features dpdk, or use"),
            #[cfg(feature = "dpdk")]
            ("dpdk:,iface=eth0", "it names no device; write a PCI address or"),
            ("pcap:", "names no file; write pcap:rx=FILE"),
            ("pcap:in.pcap", "`in.pcap` needs a value"),
            ("pcap:rx=", "`rx` needs a value"),
            ("pcap:rx=a,rx=b", "`rx` is there twice"),
            ("pcap:in=a", "no `in` here; pcap: takes rx=FILE and tx=FILE"),
            ("memory:", "names no trace"),
            ("memory:repeat=2", "names no trace"),
            ("memory:a,repeat=0", "repeat=0 cannot be; repeat takes a number from 1, or endless"),
            ("memory:a,times=2", "no `times` here; memory: takes a FILE and repeat=N"),
            ("synthetic:flow=1", "no `flow` here; synthetic: takes flows"),
            ("synthetic:flows=0", "flows=0 cannot be; flows takes"),
            ("synthetic:size=63", "size=63 cannot be; size takes"),
            ("synthetic:size=big", "size=big cannot be"),
            ("synthetic:protocol=icmp", "protocol takes tcp, udp or mixed"),
            ("synthetic:distribution=normal", "distribution takes uniform or zipf"),
            ("synthetic:packets=1e9", "packets=1e9 cannot be"),
            ("synthetic:exponent=2,distribution=uniform", "so distribution must be zipf"),
            ("synthetic:distribution=zipf,exponent=-1", "exponent=-1 cannot be"),
        ];
        for (spec, expected) in cases {
            let message = fault(spec);
            assert!(message.starts_with(&format!("port `{spec}`: ")), "{message}");
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains('\n'));
        }
    }

    #[test]
    fn a_file_in_use_is_not_overwritten() {
        let specs = |specs: &[&str]| -> Vec<PortSpec> {
            specs.iter().map(|spec| spec.parse().unwrap()).collect()
        };
        assert!(check_files(&specs(&["pcap:rx=a,tx=b", "pcap:rx=a,tx=c", "synthetic:"])).is_ok());
        for bad in
            [&["pcap:rx=a,tx=a"][..], &["pcap:rx=a,tx=b", "pcap:tx=b"], &["pcap:tx=b", "memory:b"]]
        {
            let error = check_files(&specs(bad)).unwrap_err().to_string();
            assert!(error.contains("would be overwritten"), "{error}");
        }
    }
}

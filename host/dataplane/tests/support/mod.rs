//! Runs guests of the repository over captures made here.

#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

pub(crate) mod golden;

use nfos_dataplane::{Launch, Observation, RunError};
use nfos_engine::services::Value;
use nfos_engine::{Engine, EngineChoice, NetworkFunction, Settings};
use nfos_netio::PortSpec;
use nfos_netio::capture::{CaptureWriter, Reader};
use nfos_records::Summary;
use nfos_records::profile::Profile;
use nfos_sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// A frame and when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timed {
    /// Nanoseconds.
    pub(crate) at_ns: u64,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The engine of this test binary. A guest gets more time than it takes on any machine: what a
/// test counts must not depend on how busy the machine is.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| engine_with_limit(Duration::from_mins(1)))
}

fn engine_with_limit(time_limit: Duration) -> Engine {
    let settings = Settings { time_limit, memory_bytes_max: 32 << 20, ..Settings::default() };
    Engine::new(settings).expect("the machine runs guests")
}

/// A guest, `firewall` or `test/trap-on-magic`; built by ci/guests.sh if it is not there.
pub(crate) fn guest(name: &str) -> NetworkFunction {
    let file = guest_file(name);
    engine().load(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A guest that has so much CPU time for each call.
pub(crate) fn guest_with_limit(name: &str, time_limit: Duration) -> NetworkFunction {
    let file = guest_file(name);
    let engine = engine_with_limit(time_limit);
    engine.load(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A guest on this engine.
pub(crate) fn guest_on(name: &str, engine: EngineChoice) -> NetworkFunction {
    let settings = Settings { engine, ..Settings::default() };
    let file = guest_file(name);
    let engine = Engine::new(settings).expect("the machine runs guests");
    engine.load(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Its file.
pub(crate) fn guest_file(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let file = root().join("target/guests").join(format!("{name}.wasm"));
    if !file.exists() {
        BUILT.get_or_init(|| {
            let status = Command::new("bash").arg("ci/guests.sh").current_dir(root()).status();
            assert!(status.expect("bash is there").success(), "ci/guests.sh failed");
        });
    }
    file
}

/// A file of this test that no other test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let file = format!("{}-{number}-{name}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(file)
}

/// Writes a capture.
pub(crate) fn write_capture(frames: &[Timed]) -> PathBuf {
    let path = scratch("in.pcap");
    let mut writer = CaptureWriter::create(&path).unwrap();
    for frame in frames {
        writer.write(frame.at_ns, frame.bytes.len() as u32, &frame.bytes).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// Reads one.
pub(crate) fn read_capture(path: &Path) -> Vec<Timed> {
    let mut reader = Reader::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        frames.push(Timed { at_ns: record.timestamp_ns, bytes: record.bytes.to_vec() });
    }
    frames
}

/// Files that go with what made them; after a failure they stay, to be looked at.
struct Files(Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.iter().for_each(|file| drop(std::fs::remove_file(file)));
        }
    }
}

/// A run over captures, one for each port; an empty one is a port on which nothing arrives.
pub(crate) struct Run {
    pub(crate) launch: Launch,
    _inputs: Files,
    outputs: Files,
    /// Lines that the network function logged, or that were logged of it.
    pub(crate) lines: Vec<String>,
    /// Of the last run, if it was asked for.
    pub(crate) profile: Option<Profile>,
}

impl Run {
    /// On that many workers.
    pub(crate) fn new(workers: usize, inputs: &[&[Timed]]) -> Self {
        let mut ports = Vec::new();
        let (mut read, mut outputs) = (Vec::new(), Vec::new());
        for frames in inputs {
            let out = scratch("out.pcap");
            let tx = out.display();
            let spec = match frames.is_empty() {
                true => format!("pcap:tx={tx}"),
                false => {
                    let path = write_capture(frames);
                    let spec = format!("pcap:rx={},tx={tx}", path.display());
                    read.push(path);
                    spec
                }
            };
            ports.push(spec.parse::<PortSpec>().unwrap());
            outputs.push(out);
        }
        let launch = Launch { workers, ports, pin: false, ..Launch::default() };
        let (inputs, outputs) = (Files(read), Files(outputs));
        Self { launch, _inputs: inputs, outputs, lines: Vec::new(), profile: None }
    }

    /// With a parameter.
    pub(crate) fn set(mut self, name: &str, value: Value) -> Self {
        self.launch.parameters.insert(name.to_owned(), value);
        self
    }

    /// Runs it; the summary and what left each port.
    pub(crate) fn run(&mut self, nf: &NetworkFunction) -> (Summary, Vec<Vec<Timed>>) {
        let summary = self.try_run(nf).unwrap();
        assert_adds_up(&summary);
        (summary, self.outputs.0.iter().map(|path| read_capture(path)).collect())
    }

    /// Runs it.
    pub(crate) fn try_run(&mut self, nf: &NetworkFunction) -> Result<Summary, RunError> {
        let (lines, profile) = (&mut self.lines, &mut self.profile);
        nfos_dataplane::run(nf, &self.launch, &AtomicBool::new(false), &mut |observation| {
            match observation {
                Observation::Log { message, .. } => lines.push(message.to_owned()),
                Observation::Profile(recorded) => *profile = Some(recorded.clone()),
                Observation::Counters(_) | Observation::Remark(_) => {}
            }
        })
    }
}

/// Runs it until something has happened, up to three hundred times. Whether workers meet depends on
/// how the machine shares its cores; that they do at all does not.
pub(crate) fn until<T>(mut run: impl FnMut() -> T, happened: impl Fn(&T) -> bool) -> T {
    let run = (0..300).map(|_| run()).find(happened);
    run.expect("three hundred runs, and workers never met")
}

/// Every packet ended in exactly one way, and every frame too.
pub(crate) fn assert_adds_up(summary: &Summary) {
    let Summary { received, sent, consumed, dropped, in_flight, frames, .. } = summary;
    assert_eq!(*received, sent + consumed + dropped, "{summary:#?}");
    assert_eq!(*in_flight, 0);
    let by_reason: u64 = summary.drops.iter().map(|count| count.packets).sum();
    assert_eq!(*dropped, by_reason);
    let made = frames.forwarded + frames.copies + frames.generated;
    assert_eq!(made, frames.transmitted + frames.refused, "{summary:#?}");
}

/// How many packets were dropped for a reason.
pub(crate) fn dropped(summary: &Summary, reason: &str) -> u64 {
    summary.drops.iter().find(|count| count.reason == reason).map_or(0, |count| count.packets)
}

/// A UDP packet with correct headers; `from` and `to` are (address, port).
pub(crate) fn udp(from: (u32, u16), to: (u32, u16), payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00];
    let total = (28 + payload.len()) as u16;
    let mut ip = vec![0x45, 0, (total >> 8) as u8, total as u8, 0, 0, 0, 0, 64, 17, 0, 0];
    ip.extend(from.0.to_be_bytes());
    ip.extend(to.0.to_be_bytes());
    let checksum = !ip.as_chunks::<2>().0.iter().fold(0_u32, |sum, word| {
        let sum = sum + u32::from(u16::from_be_bytes(*word));
        (sum & 0xFFFF) + (sum >> 16)
    }) as u16;
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(ip);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend((8 + payload.len() as u16).to_be_bytes());
    // No checksum (RFC 768).
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// The frame at which guests of `guests/test` misbehave.
pub(crate) fn magic() -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    frame[12..15].copy_from_slice(&[0x88, 0xB5, 0xFA]);
    frame
}

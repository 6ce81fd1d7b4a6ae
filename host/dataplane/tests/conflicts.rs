//! Network functions conflict where the paper says that they do, the causes are told, and with the
//! recipe applied the conflicts are gone. Eight workers share whatever cores there are.

mod support;

use nfos_dataplane::{Launch, Observation};
use nfos_engine::services::Value;
use nfos_netio::PortSpec;
use nfos_records::{CauseCount, Summary};
use nfos_sync::atomic::AtomicBool;
use support::{Run, Timed, assert_adds_up, guest, udp, until, write_capture};

const WORKERS: usize = 8;
const HOST: u32 = 0x0A00_0001;
const SERVER: u32 = 0xC633_6401;

/// Plays frames to each of the ports from memory, as fast as it goes, so many times.
fn run(nf: &str, frames: &[Vec<Vec<u8>>], repeat: u64, parameters: &[(&str, Value)]) -> Summary {
    let port = |frames: &Vec<Vec<u8>>| -> PortSpec {
        let frames =
            frames.iter().zip(0..).map(|(bytes, at_ns)| Timed { at_ns, bytes: bytes.clone() });
        let trace = write_capture(&frames.collect::<Vec<_>>());
        format!("memory:{},repeat={repeat}", trace.display()).parse().expect("a port")
    };
    let owned = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    let launch = Launch {
        workers: WORKERS,
        ports: frames.iter().map(port).collect(),
        parameters: parameters.iter().map(owned).collect(),
        pin: false,
        ..Launch::default()
    };
    let ignore = &mut |_: Observation<'_>| {};
    let nf = guest(nf);
    let summary = nfos_dataplane::run(&nf, &launch, &AtomicBool::new(false), ignore);
    let summary = summary.expect("a run");
    assert_adds_up(&summary);
    summary
}

/// Aborts of one cause on one object.
fn count(summary: &Summary, id: &str, object: &str) -> u64 {
    let of = |count: &&CauseCount| count.id == id && count.object == object;
    summary.causes.iter().find(of).map_or(0, |count| count.aborts)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// Two stations that talk in 512 conversations, which all workers share.
fn two_stations() -> Vec<Vec<Vec<u8>>> {
    let swap = |mut frame: Vec<u8>| {
        frame[..12].rotate_left(6);
        frame
    };
    let there = |number: u16| udp((HOST, number), (SERVER, 53), b"there");
    let back = |number: u16| swap(udp((SERVER, 53), (HOST, number), b"back"));
    vec![(0..512).map(there).collect(), (0..512).map(back).collect()]
}

#[test]
fn a_bridge_without_a_refresh_interval_has_no_abort_but_those_of_the_first_frames() {
    let summary = run("bridge", &two_stations(), 100, &[]);
    assert_eq!(summary.received, 102_400);
    let once_learned = ["V1", "V2", "A2", "A3", "A4", "A5", "M1", "M2"];
    let later = |count: &&CauseCount| once_learned.contains(&count.id.as_str());
    assert_eq!(summary.causes.iter().find(later), None, "{:?}", summary.causes);
    // A worker's first burst may look for a station that another inserts.
    let first: u64 = summary.causes.iter().map(|count| count.aborts).sum();
    assert!(first <= 32 * 2 * WORKERS as u64, "{:?}", summary.causes);
}

#[test]
fn a_bridge_that_renews_by_writing_conflicts_on_its_stations_and_says_so() {
    let write = || run("bridge", &two_stations(), 100, &[("refresh", text("write"))]);
    let summary = until(write, |summary| count(summary, "V1", "last_seen") > 0);
    assert_eq!(summary.received, 102_400);
    let first = &summary.causes[0];
    assert_eq!((first.id.as_str(), first.object.as_str()), ("V1", "last_seen"));
    assert!(first.cause.contains("last_seen was read here and rewritten"), "{}", first.cause);
    assert!(first.recipe.contains("write less often"), "{}", first.recipe);
}

#[test]
fn a_refresh_interval_relieves_the_bridge_that_renews_by_writing() {
    let interval = [("refresh", text("write")), ("refresh_interval_ms", Value::Unsigned(60_000))];
    let summary = run("bridge", &two_stations(), 100, &interval);
    assert_eq!(count(&summary, "V1", "last_seen"), 0, "{:?}", summary.causes);
}

/// Flows of one packet each, 100 ns apart.
fn flows(count: u32) -> Vec<Timed> {
    let flow = |number: u32| Timed {
        at_ns: 1_000_000_000 + u64::from(number) * 100,
        bytes: udp((HOST + number / 2_048, number as u16 % 2_048), (SERVER, 53), b""),
    };
    (0..count).map(flow).collect()
}

/// Staleness is counted in the time of the capture here, so that it means the same however the
/// cores are shared: 100 µs are 1,000 packets.
#[test]
fn anti_ddos_aborts_for_its_counters_and_staleness_is_the_recipe() {
    let (nf, flows) = (guest("anti-ddos"), flows(100_000));
    let with = |staleness_us| {
        let mut run = Run::new(WORKERS, &[&flows, &[]]);
        run = run.set("staleness_us", Value::Unsigned(staleness_us));
        let (summary, out) = run.run(&nf);
        assert_eq!((summary.packet_sets.registered, out[1].len()), (100_000, 100_000));
        summary
    };
    let fresh = until(|| with(0), |summary| count(summary, "D1", "counters") > 100);
    let first = &fresh.causes[0];
    assert_eq!((first.id.as_str(), first.object.as_str()), ("D1", "counters"));
    assert!(first.cause.starts_with("counters was older than its staleness"), "{}", first.cause);
    assert!(first.recipe.contains("staleness"), "{}", first.recipe);
    let [fresh, stale] = [fresh, with(100)].map(|summary| count(&summary, "D1", "counters"));
    assert!(stale * 4 < fresh, "{fresh} at 0, {stale} at 100 µs");
}

//! The thread that limits the time of guests lives as long as anything that may run one.
#![allow(clippy::unwrap_used, reason = "a test's own functions are tests")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest as _;
use nfos_engine::{Engine, Settings};
use support::Guest;
use support::recorder::Recorder;

fn ticking() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.flatten().flat_map(|task| fs::read_to_string(task.path().join("comm")));
    names.filter(|name| name.trim() == "guest-clock").count()
}

#[test]
fn the_guests_clock_ends_with_the_last_guest() {
    let settings = Settings { time_limit: Duration::from_millis(10), ..Settings::default() };
    let engine = Engine::new(settings).unwrap();
    let exit = "(loop $for_ever (br $for_ever))".to_owned();
    let nf = engine.load_bytes(&Guest { exit, ..Guest::default() }.module()).unwrap();
    let mut guest = nf.instantiate(Recorder::default()).unwrap();
    drop((engine, nf));
    assert_eq!(guest.exit(), Err(GuestFault::TimeLimit));
    assert_eq!(ticking(), 1);
    drop(guest);
    let patience = Instant::now() + Duration::from_secs(60);
    while ticking() > 0 {
        assert!(Instant::now() < patience, "the clock still ticks");
        std::thread::sleep(Duration::from_millis(5));
    }
}

//! A test that fails instead of hanging.
//!
//! A thread that panics may hold what the others wait for; and what is being looked for may be a
//! circle of waiting. Both end the process, with the way to see it again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long all threads together may get nothing done, unless `NFOS_PATIENCE_S` says otherwise.
const PATIENCE_S: u64 = 20;

/// While it lives, progress is asked for.
pub(crate) struct Watch<'a> {
    name: &'a str,
    progress: AtomicU64,
    patience_s: u64,
}

impl<'a> Watch<'a> {
    /// `name` is what to say when it goes wrong.
    pub(crate) fn new(name: &'a str) -> Self {
        let patience_s = std::env::var("NFOS_PATIENCE_S").ok().and_then(|text| text.parse().ok());
        let patience_s = patience_s.unwrap_or(PATIENCE_S);
        Self { name, progress: AtomicU64::new(0), patience_s }
    }

    /// Something got done.
    pub(crate) fn progress(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the process unless there is progress, until `done`.
    pub(crate) fn until(&self, done: impl Fn() -> bool) {
        let (mut last, mut idle_ms) = (0, 0);
        while !done() {
            std::thread::sleep(Duration::from_millis(5));
            let now = self.progress.load(Ordering::Relaxed);
            idle_ms = if now == last { idle_ms + 5 } else { 0 };
            last = now;
            if idle_ms > self.patience_s * 1_000 {
                self.give_up("nothing gets done any more");
            }
        }
    }

    fn give_up(&self, why: &str) -> ! {
        eprintln!("{why}: {}", self.name);
        std::process::exit(101)
    }
}

/// Ends the process when its thread panics.
pub(crate) struct EndsAll<'a>(pub(crate) &'a Watch<'a>);

impl Drop for EndsAll<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up("a thread panicked");
        }
    }
}

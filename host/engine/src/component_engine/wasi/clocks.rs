//! `wasi:clocks`: the clock of the transaction, and no waiting.

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::super::Host;
use crate::services::Answer;

const NANOSECONDS: u64 = 1_000_000_000;

/// A time that has come, or one that will not come while the guest runs: its clock stands still.
enum Alarm {
    Rung,
    Never,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Alarm {
    async fn ready(&mut self) {
        match self {
            Self::Rung => {}
            Self::Never => std::future::pending().await,
        }
    }
}

impl Host {
    fn time(&mut self) -> Answer<u64> {
        match self.wasi.still {
            Some(_) => Ok(0),
            None => self.services.now(),
        }
    }

    fn alarm(&mut self, after: u64) -> Result<Resource<DynPollable>> {
        let alarm = if after == 0 { Alarm::Rung } else { Alarm::Never };
        let alarm = self.wasi.table.push(alarm)?;
        subscribe(&mut self.wasi.table, alarm)
    }
}

impl monotonic_clock::Host for Host {
    fn now(&mut self) -> Result<Instant> {
        Ok(self.time()?)
    }

    fn resolution(&mut self) -> Result<Duration> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: Instant) -> Result<Resource<DynPollable>> {
        let now = self.time()?;
        self.alarm(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, when: Duration) -> Result<Resource<DynPollable>> {
        self.alarm(when)
    }
}

impl wall_clock::Host for Host {
    fn now(&mut self) -> Result<Datetime> {
        let now = self.time()?;
        Ok(Datetime { seconds: now / NANOSECONDS, nanoseconds: (now % NANOSECONDS) as u32 })
    }

    fn resolution(&mut self) -> Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: 1 })
    }
}

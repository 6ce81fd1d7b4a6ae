//! Periodic events: several intervals side by side, each at its exact times of the trace, and each
//! event a transaction like any other, on every structure.

#![allow(clippy::unwrap_used, reason = "a test ends where it finds what it must not")]

mod support;

use nfos_dataplane::{Factory, Launch, WorkerServices};
use nfos_engine::description::{Configuration, Description};
use nfos_engine::exchange::{Event, EventKind, Exchange, VERDICT_SIZE};
use nfos_engine::fault::GuestFault;
use nfos_engine::guest::Guest;
use nfos_engine::services::{Merge, Services, SetOutcome};
use nfos_sync::atomic::AtomicBool;
use support::{Timed, assert_adds_up, magic, write_capture};

const MS: u64 = 1_000_000;
const PERIODS_MS: [u64; 2] = [3, 5];

const KEYS_MAX: u32 = 4;
const LEASE_NS: u64 = 7 * MS;

/// Counts, in a vector, the events of each period, and emits the time of each; `exit` emits what
/// the vector holds. Each event also uses all other structures.
struct Ticking {
    services: WorkerServices,
    ticks: u32,
    others: Others,
}

#[derive(Default)]
struct Others {
    map: u32,
    ids: u32,
    sum: u32,
    parts: u32,
}

impl Others {
    fn open(services: &mut WorkerServices) -> Result<Self, GuestFault> {
        Ok(Self {
            map: services.open_map("latest", KEYS_MAX + 1, 8)?,
            ids: services.open_allocator("ids", 8, 0)?,
            sum: services.open_distributed("sum", &[Merge::Sum], 0)?,
            parts: services.open_parts("parts", 0)?,
        })
    }

    /// Every operation, in the event that `before` others came before; what each must find follows
    /// from that number alone, if all of them took effect once.
    fn use_all(
        &self,
        services: &mut WorkerServices,
        before: u64,
        now_ns: u64,
    ) -> Result<(), GuestFault> {
        // The last few events by their numbers.
        let key = |number: u64| number.to_be_bytes();
        assert_eq!(services.map_get(self.map, &key(before))?, None);
        assert_eq!(services.map_set(self.map, &key(before), [now_ns; 6])?, SetOutcome::Ok);
        if let Some(old) = before.checked_sub(u64::from(KEYS_MAX)) {
            assert!(services.map_remove(self.map, &key(old))?);
        }
        let (mut at, mut found) = (0, 0);
        while let Some(entry) = services.map_next(self.map, at)? {
            (at, found) = (entry.next, found + 1);
        }
        assert_eq!(found, (before as u32 + 1).min(KEYS_MAX));
        assert_eq!(services.map_len(self.map)?, found);

        // Leases end by themselves, and are given back here.
        while let Some(lease) = services.next_expired(self.ids)? {
            assert!(lease.deadline <= now_ns);
            services.free(self.ids, lease.id)?;
        }
        let id = services.allocate(self.ids, 1)?.expect("leases of 7 ms, and few events in that");
        assert!(services.refresh(self.ids, id, LEASE_NS)?);
        assert!(services.is_live(self.ids, id)?);

        services.distributed_update(self.sum, 0, 1)?;
        assert_eq!(services.distributed_read(self.sum)?[0], before + 1);
        let [mine, ..] = services.own_part(self.parts)?;
        services.set_part(self.parts, [mine + 1; 6])?;
        let mut of_all = 0;
        for index in 0..services.parts(self.parts)? {
            of_all += services.part(self.parts, index)?[0];
        }
        assert_eq!(of_all, before + 1);
        Ok(())
    }
}

impl Guest<WorkerServices> for Ticking {
    fn init(&mut self) -> Result<Configuration, GuestFault> {
        self.ticks = self.services.open_vector("ticks", 2)?;
        self.others = Others::open(&mut self.services)?;
        let periods_ns = PERIODS_MS.map(|ms| ms * MS).to_vec();
        Ok(Configuration { idle_timeout_ns: 0, packet_sets: 0, periods_ns })
    }

    fn handle<E: Exchange<WorkerServices>>(&mut self, burst: &mut E) -> Result<(), GuestFault> {
        let layout = burst.layout();
        let mut events = vec![[0; 24]; layout.events as usize];
        let (mut frames, mut states) = (vec![0; layout.frames as usize], Vec::new());
        burst.fill(&mut events, &mut frames, &mut states);
        for (index, event) in events.iter().enumerate() {
            assert!(self.services.begin(index as u32)?);
            let event = Event::load(event)?;
            assert_eq!(event.kind, EventKind::Periodic);
            let period = u32::from(event.port);
            let mut before = 0;
            for other in 0..2 {
                before += self.services.vector_read(self.ticks, other)?[0];
            }
            self.services.vector_add(self.ticks, period, 0, 1)?;
            let now_ns = self.services.now()?;
            self.others.use_all(&mut self.services, before, now_ns)?;
            self.services.emit(period, now_ns)?;
        }
        let verdicts = vec![[0; VERDICT_SIZE]; events.len()];
        burst.accept(&mut self.services, &verdicts, &frames, &states)
    }

    fn exit(&mut self) -> Result<(), GuestFault> {
        for period in 0..2 {
            let [count, ..] = self.services.vector_read(self.ticks, period)?;
            self.services.emit(2 + period, count)?;
        }
        Ok(())
    }

    fn services(&mut self) -> &mut WorkerServices {
        &mut self.services
    }

    fn replace(&mut self) -> Result<(), GuestFault> {
        unreachable!("nothing faults here")
    }
}

struct Ticker(Description);

impl Factory for Ticker {
    type Guest = Ticking;

    fn description(&self) -> &Description {
        &self.0
    }

    fn engine(&self) -> &'static str {
        "native"
    }

    fn make(&self, services: WorkerServices) -> Result<Ticking, GuestFault> {
        Ok(Ticking { services, ticks: 0, others: Others::default() })
    }
}

fn ticker() -> Ticker {
    Ticker(Description {
        name: "ticker".into(),
        summary: String::new(),
        ports: 1,
        handles: vec![EventKind::Periodic],
        packet_sets: vec![],
        orphans: vec![],
        state_size: 0,
        window: 128,
        headroom: 0,
        parameters: vec![],
        drop_reasons: vec![],
        events: ["first", "second", "firsts", "seconds"].map(String::from).to_vec(),
    })
}

#[test]
fn several_intervals_coexist_and_each_event_uses_every_structure() {
    let start_ns = 1_000 * MS;
    // Three packets, nothing in between: the stretches are skipped from period to period.
    let at_ms = [0, 40, 100];
    let frames = at_ms.map(|ms| Timed { at_ns: start_ns + ms * MS, bytes: magic() });
    for workers in [1, 3] {
        let spec = format!("pcap:rx={}", write_capture(&frames).display());
        let ports = vec![spec.parse().unwrap()];
        let launch = Launch { workers, ports, pin: false, ..Launch::default() };
        let stop = AtomicBool::new(false);
        let summary = nfos_dataplane::run(&ticker(), &launch, &stop, &mut |_| {}).unwrap();
        assert_adds_up(&summary);
        assert_eq!((summary.received, summary.dropped), (3, 3), "no handler for packets");
        for (index, period_ms) in PERIODS_MS.into_iter().enumerate() {
            // The run ends with the packet at 100 ms: a period that is due just then still comes.
            let times = 100 / period_ms;
            let event = &summary.events[index];
            assert_eq!(event.count, times, "every {period_ms} ms on {workers} workers");
            assert_eq!(event.last_value, start_ns + times * period_ms * MS);
            assert_eq!(summary.events[2 + index].last_value, times, "what the vector holds");
        }
    }
}

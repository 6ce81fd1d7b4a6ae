//! The bridge once more, for tests: from its specification, on raw bytes and standard collections.

use std::collections::HashMap;

use nfos::testing::{Arrival, Fate, Model};

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) capacity: usize,
    pub(crate) ageing_ns: u64,
    pub(crate) refresh_interval_ns: u64,
    pub(crate) period_ns: u64,
    pub(crate) expire_max: usize,
}

struct Station {
    port: u16,
    deadline_ns: u64,
}

pub(crate) struct BridgeModel {
    settings: Settings,
    stations: HashMap<[u8; 6], Station>,
    next_period_ns: Option<u64>,
    pub(crate) moves: u64,
    pub(crate) not_learned: u64,
}

impl BridgeModel {
    pub(crate) fn new(settings: Settings) -> Self {
        let stations = HashMap::new();
        Self { settings, stations, next_period_ns: None, moves: 0, not_learned: 0 }
    }

    pub(crate) fn stations(&self) -> usize {
        self.stations.len()
    }

    /// The periods up to now: in each, the stations whose time was over, the oldest first.
    fn age(&mut self, now_ns: u64) {
        let Settings { period_ns, expire_max, .. } = self.settings;
        let mut due_ns = self.next_period_ns.unwrap_or(now_ns + period_ns);
        while due_ns <= now_ns {
            let over = self.stations.iter().filter(|(_, station)| station.deadline_ns < due_ns);
            let mut over: Vec<_> = over.map(|(mac, one)| (one.deadline_ns, *mac)).collect();
            over.sort_unstable();
            for (_, mac) in over.into_iter().take(expire_max) {
                self.stations.remove(&mac);
            }
            due_ns += period_ns;
        }
        self.next_period_ns = Some(due_ns);
    }

    fn learn(&mut self, mac: [u8; 6], port: u16, now_ns: u64) {
        let deadline_ns = now_ns + self.settings.ageing_ns;
        let is_full = self.stations.len() == self.settings.capacity;
        match self.stations.get_mut(&mac) {
            Some(station) => {
                self.moves += u64::from(station.port != port);
                station.port = port;
                if deadline_ns - station.deadline_ns >= self.settings.refresh_interval_ns {
                    station.deadline_ns = deadline_ns;
                }
            }
            None if is_full => self.not_learned += 1,
            None => _ = self.stations.insert(mac, Station { port, deadline_ns }),
        }
    }
}

impl Model for BridgeModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        let Arrival { time_ns, port, frame } = arrival;
        self.age(*time_ns);
        if frame.len() < 14 {
            return Fate::dropped("truncated");
        }
        let mac = |at: usize| <[u8; 6]>::try_from(&frame[at..at + 6]).expect("six bytes");
        let (destination, source) = (mac(0), mac(6));
        if source[0] % 2 == 1 || source == [0; 6] {
            return Fate::dropped("bad_source");
        }
        if destination[..5] == [0x01, 0x80, 0xc2, 0, 0] && destination[5] < 16 {
            return Fate::dropped("reserved_group");
        }
        self.learn(source, *port, *time_ns);
        match self.stations.get(&destination) {
            Some(station) if station.port == *port => Fate::dropped("same_port"),
            Some(station) => Fate::Sent(station.port, frame.clone()),
            None => Fate::Flooded(frame.clone()),
        }
    }
}

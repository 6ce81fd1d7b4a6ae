//! The balancer once more, for tests: written from its specification on raw bytes and standard
//! collections, with nothing of the SDK but the word for what became of a packet. It knows
//! backends by address and by when they joined, and has neither slots nor incarnations.

use std::collections::{BTreeMap, HashMap};

use nfos::testing::{Arrival, Fate, Model};

type Mac = [u8; 6];
const PERIOD_NS: u64 = 100_000_000;

/// The parameters, as far as the model takes them.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Address and DSCP.
    pub(crate) vips: Vec<(u32, u8)>,
    pub(crate) ports: Vec<u16>,
    pub(crate) backends_max: usize,
    pub(crate) table_size: u64,
    pub(crate) backend_timeout_ns: u64,
    pub(crate) refresh_interval_ns: u64,
    /// Network and number of bits.
    pub(crate) prefix: (u32, u32),
    pub(crate) flow_timeout_ns: u64,
    pub(crate) port1_mac: Option<Mac>,
    pub(crate) capacity: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            vips: vec![(0x7600_0001, 1), (0x7600_0002, 2)],
            ports: vec![80, 443],
            backends_max: 32,
            table_size: 65_537,
            backend_timeout_ns: 10_000_000_000,
            refresh_interval_ns: 1_000_000_000,
            prefix: (0x0a00_0000, 8),
            flow_timeout_ns: 72_000_000_000,
            port1_mac: None,
            capacity: 5_800_000,
        }
    }
}

#[derive(Clone, Copy)]
struct Backend {
    /// How many had joined before it.
    number: u64,
    mac: Mac,
    port: u16,
    deadline_ns: u64,
}

struct Flow {
    address: u32,
    number: u64,
    last_ns: u64,
}

pub(crate) struct MaglevModel {
    settings: Settings,
    backends: BTreeMap<u32, Backend>,
    joined: u64,
    /// Addresses; as of the last period.
    table: Vec<Option<u32>>,
    changed: bool,
    flows: HashMap<[u8; 13], Flow>,
    /// When the next period is due; `None` before the first packet.
    due_ns: Option<u64>,
}

struct Parsed {
    tuple: [u8; 13],
    source: u32,
    destination: u32,
    destination_port: u16,
    ttl: u8,
}

enum Outcome {
    To(u32),
    Consumed,
    Dropped(&'static str),
}

impl MaglevModel {
    pub(crate) fn new(settings: Settings) -> Self {
        let table = vec![None; settings.table_size as usize];
        Self {
            settings,
            backends: BTreeMap::new(),
            joined: 0,
            table,
            changed: false,
            flows: HashMap::new(),
            due_ns: None,
        }
    }

    #[allow(dead_code, reason = "of the tests that share this model one asks")]
    pub(crate) fn flows(&self) -> usize {
        self.flows.len()
    }

    fn advance(&mut self, now_ns: u64) {
        let mut due_ns = self.due_ns.unwrap_or(now_ns + PERIOD_NS);
        while due_ns <= now_ns {
            let before = self.backends.len();
            self.backends.retain(|_, backend| backend.deadline_ns >= due_ns);
            self.changed |= self.backends.len() != before;
            if std::mem::take(&mut self.changed) {
                self.rebuild();
            }
            due_ns += PERIOD_NS;
        }
        self.due_ns = Some(due_ns);
        let timeout = self.settings.flow_timeout_ns;
        self.flows.retain(|_, flow| now_ns - flow.last_ns <= timeout);
    }

    /// Whole permutations, as in the paper's pseudocode.
    fn rebuild(&mut self) {
        let size = self.settings.table_size;
        self.table.fill(None);
        let permutations: Vec<(u32, Vec<u64>)> = self
            .backends
            .keys()
            .map(|&address| {
                let offset = hash(1, &address.to_be_bytes()) % size;
                let skip = hash(2, &address.to_be_bytes()) % (size - 1) + 1;
                (address, (0..size).map(|k| (offset + k * skip) % size).collect())
            })
            .collect();
        let mut next = vec![0; permutations.len()];
        let mut filled = 0;
        while filled < size && !permutations.is_empty() {
            for (turn, (address, preferences)) in permutations.iter().enumerate() {
                if filled == size {
                    break;
                }
                while self.table[preferences[next[turn]] as usize].is_some() {
                    next[turn] += 1;
                }
                self.table[preferences[next[turn]] as usize] = Some(*address);
                filled += 1;
            }
        }
    }

    fn judge(&mut self, arrival: &Arrival) -> Outcome {
        let Arrival { time_ns, port, frame } = arrival;
        self.advance(*time_ns);
        let packet = match parse(frame) {
            Ok(packet) => packet,
            Err(reason) => return Outcome::Dropped(reason),
        };
        if port % 2 == 1 {
            return self.heartbeat(&packet, frame, *port, *time_ns);
        }
        // Whatever becomes of it, a packet of a flow begins the idle time anew.
        if let Some(flow) = self.flows.get_mut(&packet.tuple) {
            flow.last_ns = *time_ns;
        }
        if packet.ttl < 2 {
            return Outcome::Dropped("ttl_expired");
        }
        let served = self.settings.vips.iter().any(|(vip, _)| *vip == packet.destination)
            && self.settings.ports.contains(&packet.destination_port);
        if !served {
            return Outcome::Dropped("not_vip");
        }
        match self.destination(&packet, *time_ns) {
            Some(address) => Outcome::To(address),
            None => Outcome::Dropped("no_backend"),
        }
    }

    fn destination(&mut self, packet: &Parsed, now_ns: u64) -> Option<u32> {
        let lives = |address: u32, number: u64| {
            self.backends.get(&address).is_some_and(|backend| backend.number == number)
        };
        if let Some(flow) = self.flows.get(&packet.tuple)
            && lives(flow.address, flow.number)
        {
            return Some(flow.address);
        }
        let at = hash(0, &packet.tuple) % self.settings.table_size;
        let address = self.table[at as usize]?;
        let number = self.backends.get(&address)?.number;
        let flow = Flow { address, number, last_ns: now_ns };
        if self.flows.contains_key(&packet.tuple) || self.flows.len() < self.settings.capacity {
            self.flows.insert(packet.tuple, flow);
        }
        Some(address)
    }

    fn heartbeat(&mut self, packet: &Parsed, frame: &[u8], port: u16, now_ns: u64) -> Outcome {
        let (network, bits) = self.settings.prefix;
        if packet.source >> (32 - bits) != network >> (32 - bits) {
            return Outcome::Dropped("not_backend");
        }
        let mut mac = [0; 6];
        mac.copy_from_slice(&frame[6..12]);
        let deadline_ns = now_ns + self.settings.backend_timeout_ns;
        if let Some(backend) = self.backends.get_mut(&packet.source) {
            (backend.mac, backend.port) = (mac, port);
            if deadline_ns - backend.deadline_ns >= self.settings.refresh_interval_ns {
                backend.deadline_ns = deadline_ns;
            }
        } else if self.backends.len() < self.settings.backends_max {
            let backend = Backend { number: self.joined, mac, port, deadline_ns };
            self.backends.insert(packet.source, backend);
            self.joined += 1;
            self.changed = true;
        }
        Outcome::Consumed
    }

    fn rewrite(&self, frame: &[u8], address: u32) -> Fate {
        let backend = self.backends[&address];
        let mut frame = frame.to_owned();
        let vip = u32::from_be_bytes([frame[30], frame[31], frame[32], frame[33]]);
        let dscp = self.settings.vips.iter().find(|(known, _)| *known == vip).expect("a VIP").1;
        let before = checksums(&frame);
        frame[..6].copy_from_slice(&backend.mac);
        if let (1, Some(mac)) = (backend.port, self.settings.port1_mac) {
            frame[6..12].copy_from_slice(&mac);
        }
        frame[15] = dscp * 4 + frame[15] % 4;
        frame[22] -= 1;
        frame[30..34].copy_from_slice(&address.to_be_bytes());
        repair(&mut frame, before);
        Fate::Sent(backend.port, frame)
    }
}

impl Model for MaglevModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        match self.judge(arrival) {
            Outcome::To(address) => self.rewrite(&arrival.frame, address),
            Outcome::Consumed => Fate::Consumed,
            Outcome::Dropped(reason) => Fate::dropped(reason),
        }
    }
}

/// How wrong a packet's checksums are, as one's complement differences: what was wrong on arrival
/// stays wrong by as much.
#[derive(Clone, Copy)]
struct Checksums {
    ip: u32,
    transport: u32,
}

/// Where the checksum of TCP or UDP lies, if there is one.
fn transport_checksum(frame: &[u8]) -> Option<usize> {
    let at = 14 + usize::from(frame[14] % 16) * 4;
    match frame[23] {
        6 => Some(at + 16),
        _ => Some(at + 6).filter(|&field| frame[field..field + 2] != [0, 0]),
    }
}

fn checksums(frame: &[u8]) -> Checksums {
    let end = 14 + usize::from(frame[14] % 16) * 4;
    let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    let mut pseudo = frame[26..34].to_owned();
    pseudo.extend([0, frame[23]]);
    pseudo.extend(((14 + total - end) as u16).to_be_bytes());
    pseudo.extend(&frame[end..14 + total]);
    Checksums { ip: ones_sum(&frame[14..end]), transport: ones_sum(&pseudo) }
}

fn repair(frame: &mut [u8], before: Checksums) {
    set_difference(frame, 24, before.ip, |frame| checksums(frame).ip);
    if let Some(at) = transport_checksum(frame) {
        set_difference(frame, at, before.transport, |frame| checksums(frame).transport);
        if frame[23] == 17 && frame[at..at + 2] == [0, 0] {
            frame[at..at + 2].fill(0xff);
        }
    }
}

/// Sets a checksum so that the sum over all it covers is what it was.
fn set_difference(frame: &mut [u8], at: usize, wanted: u32, sum: impl Fn(&[u8]) -> u32) {
    frame[at..at + 2].fill(0);
    let rest = sum(frame);
    // Of the two zeros this is the one that RFC 1624, equation 3, gives.
    let value = (wanted + 0xffff - rest) % 0xffff;
    frame[at..at + 2].copy_from_slice(&(value as u16).to_be_bytes());
}

fn ones_sum(bytes: &[u8]) -> u32 {
    let word = |word: &[u8]| u32::from(word[0]) * 256 + u32::from(*word.get(1).unwrap_or(&0));
    bytes.chunks(2).map(word).sum::<u32>() % 0xffff
}

/// FNV-1a, finished by splitmix64.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in seed.to_le_bytes().into_iter().chain(bytes.iter().copied()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    for (shift, factor) in [(30, 0xbf58_476d_1ce4_e5b9_u64), (27, 0x94d0_49bb_1331_11eb)] {
        state = (state ^ state >> shift).wrapping_mul(factor);
    }
    state ^ state >> 31
}

/// Rules F1 to F5, and that it is TCP or UDP.
fn parse(frame: &[u8]) -> Result<Parsed, &'static str> {
    let half = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let full = |at: usize| u32::from(half(at)) << 16 | u32::from(half(at + 2));
    if frame.len() < 14 {
        return Err("truncated");
    }
    if half(12) != 0x0800 {
        return Err("not_ipv4");
    }
    if frame.len() < 34 {
        return Err("malformed_ip");
    }
    let header = usize::from(frame[14] % 16) * 4;
    let total = usize::from(half(16));
    if frame[14] / 16 != 4 || header < 20 || header > total || total > frame.len() - 14 {
        return Err("malformed_ip");
    }
    if half(20) & 0x3fff != 0 {
        return Err("fragment");
    }
    let (at, payload) = (14 + header, total - header);
    let in_order = match frame[23] {
        6 => {
            let offset = frame.get(at + 12).map_or(0, |byte| usize::from(byte / 16) * 4);
            payload >= 20 && (20..=payload).contains(&offset)
        }
        17 => payload >= 8 && (8..=payload).contains(&usize::from(half(at + 4))),
        _ => return Err("unsupported_protocol"),
    };
    if !in_order {
        return Err("malformed_l4");
    }
    let mut tuple = [0; 13];
    tuple[..8].copy_from_slice(&frame[26..34]);
    tuple[8..12].copy_from_slice(&frame[at..at + 4]);
    tuple[12] = frame[23];
    Ok(Parsed {
        tuple,
        source: full(26),
        destination: full(30),
        destination_port: half(at + 2),
        ttl: frame[22],
    })
}

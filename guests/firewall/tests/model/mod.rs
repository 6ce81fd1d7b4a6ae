//! The firewall once more, for tests: written from its specification on raw bytes and standard
//! collections, with nothing of the SDK but the word for what became of a packet.

use std::collections::HashMap;

use nfos::testing::{Arrival, Fate, Model};

type Mac = [u8; 6];

/// The parameters, as far as the model takes them.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) idle_timeout_ns: u64,
    pub(crate) transparent: bool,
    pub(crate) tcp_strict: bool,
    /// Network and number of bits.
    pub(crate) lan_prefix: Option<(u32, u32)>,
    /// Source and destination address of what leaves through each port.
    pub(crate) macs: [Option<(Mac, Mac)>; 2],
    pub(crate) capacity: usize,
}

#[derive(Default)]
struct Session {
    fin: [bool; 2],
    rst: bool,
    last_ns: u64,
}

/// (inside address, outside address, inside port, outside port, protocol)
type Key = (u32, u32, u16, u16, u8);

pub(crate) struct FirewallModel {
    settings: Settings,
    sessions: HashMap<Key, Session>,
}

struct Parsed {
    source: u32,
    destination: u32,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    ttl: u8,
    tcp_flags: u8,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

impl FirewallModel {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, sessions: HashMap::new() }
    }

    #[allow(dead_code, reason = "of the tests that share this model one asks")]
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn judge(&mut self, arrival: &Arrival) -> Result<(), &'static str> {
        let Arrival { time_ns, port, frame } = arrival;
        let timeout = self.settings.idle_timeout_ns;
        self.sessions.retain(|_, session| time_ns - session.last_ns <= timeout);
        let packet = parse(frame)?;
        let from_lan = *port == 0;
        let (inside, outside) = match from_lan {
            true => {
                ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
            }
            false => {
                ((packet.destination, packet.destination_port), (packet.source, packet.source_port))
            }
        };
        let key = (inside.0, outside.0, inside.1, outside.1, packet.protocol);
        let known = self.sessions.get_mut(&key).map(|session| session.last_ns = *time_ns).is_some();
        if (known || from_lan) && !self.settings.transparent && packet.ttl < 2 {
            return Err("ttl_expired");
        }
        if let Some((network, bits)) = self.settings.lan_prefix {
            let shift = 32 - bits;
            let inside_source = packet.source >> shift == network >> shift;
            if inside_source != from_lan {
                return Err("spoofed");
            }
        }
        match known {
            true => self.next(key, from_lan, &packet),
            false => self.first(key, from_lan, &packet, *time_ns),
        }
    }

    fn first(
        &mut self,
        key: Key,
        from_lan: bool,
        packet: &Parsed,
        now: u64,
    ) -> Result<(), &'static str> {
        if !from_lan {
            return Err("unsolicited");
        }
        let lone_syn = packet.tcp_flags & (SYN | ACK | RST | FIN) == SYN;
        if self.settings.tcp_strict && packet.protocol == 6 && !lone_syn {
            return Err("no_syn");
        }
        if self.sessions.len() >= self.settings.capacity {
            return Err("packet_set_table_full");
        }
        self.sessions.insert(key, Session { last_ns: now, ..Session::default() });
        Ok(())
    }

    fn next(&mut self, key: Key, from_lan: bool, packet: &Parsed) -> Result<(), &'static str> {
        if packet.protocol != 6 {
            return Ok(());
        }
        let session = self.sessions.get_mut(&key).expect("it is known");
        session.fin[usize::from(!from_lan)] |= packet.tcp_flags & FIN != 0;
        session.rst |= packet.tcp_flags & RST != 0;
        let closed = session.rst || session.fin == [true, true];
        let syn = packet.tcp_flags & SYN != 0;
        if closed && !from_lan && syn {
            return Err("closed");
        }
        if from_lan && syn {
            (session.fin, session.rst) = ([false; 2], false);
        }
        Ok(())
    }

    fn rewrite(&self, arrival: &Arrival) -> Vec<u8> {
        let mut frame = arrival.frame.clone();
        if self.settings.transparent {
            return frame;
        }
        frame[22] -= 1;
        let end = 14 + usize::from(frame[14] % 16) * 4;
        frame[24..26].fill(0);
        let mut sum: u32 = frame[14..end]
            .chunks(2)
            .map(|word| u32::from(word[0]) * 256 + u32::from(word[1]))
            .sum();
        while sum > 0xffff {
            sum = sum % 0x1_0000 + sum / 0x1_0000;
        }
        frame[24..26].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        if let Some((source, destination)) = self.settings.macs[usize::from(1 - arrival.port)] {
            frame[..6].copy_from_slice(&destination);
            frame[6..12].copy_from_slice(&source);
        }
        frame
    }
}

impl Model for FirewallModel {
    fn packet(&mut self, arrival: &Arrival) -> Fate {
        match self.judge(arrival) {
            Ok(()) => Fate::Sent(1 - arrival.port, self.rewrite(arrival)),
            Err(reason) => Fate::dropped(reason),
        }
    }
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
    let (at, payload, protocol) = (14 + header, total - header, frame[23]);
    let mut tcp_flags = 0;
    match protocol {
        6 => {
            if payload < 20 {
                return Err("malformed_l4");
            }
            let offset = usize::from(frame[at + 12] / 16) * 4;
            if offset < 20 || offset > payload {
                return Err("malformed_l4");
            }
            tcp_flags = frame[at + 13];
        }
        17 => {
            if payload < 8 || half(at + 4) < 8 || usize::from(half(at + 4)) > payload {
                return Err("malformed_l4");
            }
        }
        _ => return Err("unsupported_protocol"),
    }
    let (source_port, destination_port) = (half(at), half(at + 2));
    let (source, destination) = (full(26), full(30));
    Ok(Parsed {
        source,
        destination,
        source_port,
        destination_port,
        protocol,
        ttl: frame[22],
        tcp_flags,
    })
}

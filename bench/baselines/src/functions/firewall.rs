//! The firewall, routed. Parallelized: steering brings both directions of a session to one worker,
//! so each has a table of its own.

use nfos::prelude::{FrameReason, Ipv4, Packet, TCP, TcpFlags};

use crate::flows::{Flows, Tuple, five_tuple, key_of};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Reason, Sequential};

const LAN: u16 = 0;

/// How a TCP session has ended so far.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    fin: [bool; 2],
    reset: bool,
}

/// The firewall.
#[derive(Debug)]
pub struct Firewall {
    sessions: Flows<Tuple, Session>,
    idle_ns: u64,
}

impl Firewall {
    /// One with no session.
    pub fn new(settings: &Settings) -> Self {
        let sessions = Flows::new(settings.packet_sets);
        Self { sessions, idle_ns: settings.firewall_idle_ns }
    }
}

/// The key of a session, inside first.
#[inline]
fn session(ip: &mut Ipv4<'_>, from_lan: bool) -> Result<Tuple, FrameReason> {
    let mut tuple = five_tuple(ip)?;
    if !from_lan {
        let swapped = tuple;
        tuple[..4].copy_from_slice(&swapped[4..8]);
        tuple[4..8].copy_from_slice(&swapped[..4]);
        tuple[8..10].copy_from_slice(&swapped[10..12]);
        tuple[10..12].copy_from_slice(&swapped[8..10]);
    }
    Ok(key_of(tuple, 0))
}

impl Sequential for Firewall {
    fn is_due(&self, now_ns: u64) -> bool {
        self.sessions.is_due(now_ns)
    }

    fn tick(&mut self, now_ns: u64) {
        self.sessions.expire(now_ns, usize::MAX, |_| {});
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        let ingress = packet.port();
        let from_lan = ingress == LAN;
        let mut ip = packet.ipv4()?;
        let key = session(&mut ip, from_lan)?;
        let Some(entry) = self.sessions.get_mut(&key) else {
            if !from_lan {
                return Err(Reason("unsolicited"));
            }
            ip.hops()?;
            if self.sessions.is_full() {
                return Err(Reason("packet_set_table_full"));
            }
            self.sessions.insert(key, Session::default(), now_ns + self.idle_ns);
            ip.decrement_ttl()?;
            return Ok(Outcome::Send(ingress ^ 1));
        };
        entry.set_end_ns(now_ns + self.idle_ns);
        ip.decrement_ttl()?;
        if ip.protocol() == TCP {
            let flags = ip.tcp()?.flags();
            let session = &mut entry.value;
            session.fin[usize::from(!from_lan)] |= flags.has(TcpFlags::FIN);
            session.reset |= flags.has(TcpFlags::RST);
            if flags.has(TcpFlags::SYN) {
                let is_closed = session.reset || session.fin == [true; 2];
                match from_lan {
                    true => *session = Session::default(),
                    false if is_closed => return Err(Reason("closed")),
                    false => {}
                }
            }
        }
        Ok(Outcome::Send(ingress ^ 1))
    }

    #[inline]
    fn glance(&self, packet: &mut Packet<'_>, now_ns: u64) -> Option<Judged> {
        let ingress = packet.port();
        let mut ip = match packet.ipv4() {
            Ok(ip) => ip,
            Err(reason) => return Some(Err(reason.into())),
        };
        let key = match session(&mut ip, ingress == LAN) {
            Ok(key) => key,
            Err(reason) => return Some(Err(reason.into())),
        };
        let Some(entry) = self.sessions.get(&key) else {
            return (ingress != LAN).then_some(Err(Reason("unsolicited")));
        };
        if ip.protocol() == TCP {
            let flags = ip.tcp().ok()?.flags();
            let changes = [TcpFlags::FIN, TcpFlags::RST, TcpFlags::SYN];
            if changes.into_iter().any(|flag| flags.has(flag)) {
                return None;
            }
        }
        entry.set_end_ns(now_ns + self.idle_ns);
        Some(ip.decrement_ttl().map(|()| Outcome::Send(ingress ^ 1)).map_err(Reason::from))
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.sessions.len() as u64]
    }
}

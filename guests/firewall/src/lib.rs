//! Lets sessions of TCP and UDP through that were opened from the LAN, and nothing else.
//!
//! Port 0 is the LAN, port 1 the WAN. A session is a packet set whose key is the same from both
//! sides: (inside, outside) addresses and ports, source first on the LAN, destination first on
//! the WAN. It exists once a LAN packet has opened it and until it has been idle; a WAN packet
//! without one is dropped. All else fails closed.

use nfos::prelude::*;

mod state;

use state::{Session, Side};

const LAN: u16 = 0;
const WAN: u16 = 1;

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// Milliseconds without a packet after which a session is forgotten.
    #[default(48_000)]
    #[range(1..=86_400_000)]
    idle_timeout_ms: u64,
    /// `routed` counts hops and rewrites MAC addresses, `transparent` changes no byte.
    #[default(Mode::Routed)]
    mode: Mode,
    /// Open TCP sessions by a lone SYN only.
    tcp_strict: bool,
    /// The addresses of the LAN; packets whose source is on the wrong side are dropped.
    #[default("")]
    lan_prefix: Option<Ipv4Prefix>,
    /// Source MAC address of packets that leave through port 0; unset: stays.
    port0_mac: Option<MacAddress>,
    /// Destination MAC address of packets that leave through port 0; unset: stays.
    port0_next_hop_mac: Option<MacAddress>,
    /// Source MAC address of packets that leave through port 1; unset: stays.
    port1_mac: Option<MacAddress>,
    /// Destination MAC address of packets that leave through port 1; unset: stays.
    port1_next_hop_mac: Option<MacAddress>,
}

/// How packets are passed on.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As by a router: a hop less, and the MAC addresses of the next link.
    Routed,
    /// As by a wire.
    Transparent,
}

/// Why the firewall drops, beside the frame rules.
#[derive(Reason)]
pub enum Reason {
    /// A WAN packet of no session.
    Unsolicited,
    /// The first packet of a TCP session is no lone SYN, and `tcp_strict` is on.
    NoSyn,
    /// A WAN packet would reopen a session that is over.
    Closed,
    /// The source address belongs to the other side.
    Spoofed,
}

/// The firewall: its parameters, and no aggregate state.
pub struct Firewall(Parameters);

#[nfos::export]
impl NetworkFunction for Firewall {
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Session;
    type Reason = Reason;

    fn packet_sets() -> Vec<PacketSet> {
        let session = PacketSet::new("session")
            .rule(Rule::ipv4(FIVE_TUPLE).ports([LAN]).protocols([TCP, UDP]))
            .rule(Rule::ipv4(ANSWERING_FIVE_TUPLE).ports([WAN]).protocols([TCP, UDP]));
        vec![session]
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.0.idle_timeout_ms)
    }

    fn capacity(&self) -> u32 {
        8_388_608
    }

    fn init(parameters: Parameters) -> Self {
        Self(parameters)
    }

    fn init_packet_set(&self, packet: &mut Packet, _: &mut Session) -> Result<Verdict, Dropped> {
        let from = Side::of(packet.port());
        let mut ip = packet.ipv4()?;
        if from == Side::Wan {
            self.check_source(from, &ip)?;
            return Ok(Verdict::drop(Reason::Unsolicited));
        }
        self.take_hop(&mut ip)?;
        self.check_source(from, &ip)?;
        if self.0.tcp_strict && ip.protocol() == TCP && !ip.tcp()?.flags().is_lone_syn() {
            return Ok(Verdict::drop(Reason::NoSyn));
        }
        // Required: with a full table a LAN packet is dropped, never passed unrecorded.
        Ok(self.forward(packet)?.register())
    }

    fn packet(&self, packet: &mut Packet, session: &mut Session) -> Result<Verdict, Dropped> {
        let from = Side::of(packet.port());
        let mut ip = packet.ipv4()?;
        self.take_hop(&mut ip)?;
        self.check_source(from, &ip)?;
        if ip.protocol() == TCP {
            let flags = ip.tcp()?.flags();
            session.record(from, flags);
            match from {
                Side::Wan if session.is_closed() && flags.has(TcpFlags::SYN) => {
                    return Ok(Verdict::drop(Reason::Closed));
                }
                Side::Lan if flags.has(TcpFlags::SYN) => session.reopen(),
                _ => {}
            }
        }
        self.forward(packet)
    }

    /// Fails closed; which rule it was that a packet breaks, the header views say.
    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        if !ip.is_fragment() && ![TCP, UDP].contains(&ip.protocol()) {
            return Err(FrameReason::UnsupportedProtocol.into());
        }
        ip.transport()?;
        // In order, so it came from a port that is neither side.
        Ok(Verdict::drop(Reason::Unsolicited))
    }
}

impl Firewall {
    fn take_hop(&self, ip: &mut Ipv4) -> Result<(), FrameReason> {
        match self.0.mode {
            Mode::Routed => ip.decrement_ttl(),
            Mode::Transparent => Ok(()),
        }
    }

    /// RFC 2827: what comes from a side has a source on that side.
    fn check_source(&self, from: Side, ip: &Ipv4) -> Result<(), Dropped> {
        match self.0.lan_prefix {
            Some(lan) if lan.contains(ip.source()) != (from == Side::Lan) => {
                Err(Reason::Spoofed.into())
            }
            _ => Ok(()),
        }
    }

    fn forward(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let egress = packet.port() ^ 1;
        if self.0.mode == Mode::Routed {
            let (own, next_hop) = match egress {
                LAN => (self.0.port0_mac, self.0.port0_next_hop_mac),
                _ => (self.0.port1_mac, self.0.port1_next_hop_mac),
            };
            let mut ethernet = packet.ethernet()?;
            if let Some(own) = own {
                ethernet.set_source(own);
            }
            if let Some(next_hop) = next_hop {
                ethernet.set_destination(next_hop);
            }
        }
        Ok(Verdict::send(egress))
    }
}

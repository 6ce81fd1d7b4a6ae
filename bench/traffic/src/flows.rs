//! Conversations in progress: how the CAIDA-like workload comes about.
//!
//! A number of flows is kept open. Each packet is of a random open one; a flow whose packets are
//! all sent makes way for a new one, of a host with a port that it has not used before. Flows of
//! TCP begin with SYN and end with FIN.

use nfos_netio::headers::{TCP, UDP};
use nfos_netio::synthetic::Random;

use crate::frame::{ACK, End, FIN, SYN, Segment};
use crate::mixture::Mixture;

/// Hosts of the LAN.
const HOSTS: u64 = 65_536;
/// Ports that they use, from 1,024 on.
const PORTS: u64 = 64_512;
const SERVICES: [u16; 8] = [443, 80, 53, 22, 123, 8080, 8443, 5060];

/// What flows are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    /// Flows of TCP, of a thousand.
    pub(crate) tcp_permille: u64,
    /// Lengths: of TCP and of UDP.
    pub(crate) mixtures: [Mixture; 2],
    /// The most packets that a flow has.
    pub(crate) packets_max: u64,
}

impl Nature {
    /// As the paper's trace: 55.5 % TCP, a mean of 21 packets.
    pub(crate) const CAIDA: Self =
        Self { tcp_permille: 555, mixtures: [Mixture::Tcp, Mixture::Udp], packets_max: 1_870 };
}

/// A flow in progress.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) inside: End,
    pub(crate) outside: End,
    pub(crate) protocol: u8,
    /// How many flows there were before it.
    pub(crate) number: u64,
    packets: u64,
    sent: u64,
}

/// The open flows.
pub(crate) struct OpenFlows {
    nature: Nature,
    open: Vec<Flow>,
    /// How many flows each host has had.
    used: Vec<u16>,
    random: Random,
    opened: u64,
}

impl Flow {
    /// Its next packet, from the inside.
    fn packet(&mut self) -> Segment {
        self.sent += 1;
        let flags = match self.protocol {
            TCP if self.sent == 1 => SYN,
            TCP if self.sent == self.packets => FIN | ACK,
            TCP => ACK,
            _ => 0,
        };
        Segment { flags, protocol: self.protocol, ..Segment::udp(self.inside, self.outside) }
    }

    /// Whether its last packet has been sent.
    pub(crate) fn is_over(&self) -> bool {
        self.sent == self.packets
    }
}

impl OpenFlows {
    /// `count` flows that are about to begin.
    pub(crate) fn new(nature: Nature, count: u64, random: Random) -> Self {
        let used = vec![0; HOSTS as usize];
        let mut flows = Self { nature, open: Vec::new(), used, random, opened: 0 };
        for _ in 0..count {
            let flow = flows.begin();
            flows.open.push(flow);
        }
        flows
    }

    /// The next packet, with its flow as it was when the packet was sent.
    pub(crate) fn next(&mut self) -> (Segment, Flow) {
        let at = self.random.below(self.open.len() as u64) as usize;
        let segment = self.open[at].packet();
        let flow = self.open[at];
        if flow.is_over() {
            self.open[at] = self.begin();
        }
        (segment, flow)
    }

    /// Any open flow.
    pub(crate) fn any(&mut self) -> Flow {
        self.open[self.random.below(self.open.len() as u64) as usize]
    }

    fn begin(&mut self) -> Flow {
        let random = &mut self.random;
        let tcp = random.below(1_000) < self.nature.tcp_permille;
        let packets = self.nature.mixtures[usize::from(!tcp)].draw(random);
        let host = random.below(HOSTS);
        let used = &mut self.used[host as usize];
        let first = Random::new(host).below(PORTS);
        let port = 1_024 + (first + u64::from(*used)) % PORTS;
        *used = used.wrapping_add(1);
        let [_, a, b, c] = (257 * (host as u32 + 1)).to_be_bytes();
        let [d, e, f, ..] = random.next().to_be_bytes();
        let service = SERVICES[random.below(SERVICES.len() as u64) as usize];
        self.opened += 1;
        Flow {
            inside: ([10, a, b, c], port as u16),
            outside: ([198, 18 + d % 2, e, f], service),
            protocol: if tcp { TCP } else { UDP },
            number: self.opened - 1,
            packets: packets.min(self.nature.packets_max),
            sent: 0,
        }
    }
}

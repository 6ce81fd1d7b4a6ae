//! Spreads connections to virtual addresses over backends, and keeps each on its own: Maglev
//! (Eisenbud et al., NSDI '16) with direct server return.
//!
//! Even ports are the WAN, odd ones the LAN. The packets of one 5-tuple from the WAN are a packet
//! set that remembers its backend; its first packet chooses it from the table, by hash. Whatever a
//! backend sends to its LAN port is a heartbeat: answers to clients bypass the balancer. The
//! periodic handler gives up backends that have gone silent and builds the table anew; heartbeats
//! themselves never touch it.

use nfos::prelude::*;

mod parameters;
mod state;
mod table;

pub use parameters::Parameters;
use state::{Backend, Flow, Membership};

/// Ports that a host may have.
const PORTS: u16 = 64;
const PERIOD: Duration = Duration::from_millis(100);
/// The only cell of `membership`.
const MEMBERSHIP: u32 = 0;

/// Why the balancer drops, beside the frame rules.
#[derive(Reason)]
pub enum Reason {
    /// A WAN packet to an address or a port that is not served.
    NotVip,
    /// No backend lives.
    NoBackend,
    /// A LAN packet from outside `backend_prefix`, so no heartbeat.
    NotBackend,
}

/// What the operator is told.
#[derive(Event)]
pub enum Event {
    /// A backend joined; its address.
    BackendJoined,
    /// A backend was given up; its address.
    BackendLeft,
    /// A backend could not join: there are `backends_max`; its address.
    BackendsFull,
    /// The table was built anew; how many entries changed.
    TableRebuilt,
    /// A flow found its backend gone and was bound to another; the hash of the flow.
    FlowMoved,
}

/// The balancer.
pub struct Maglev {
    parameters: Parameters,
    backend_timeout: Duration,
    /// Their leases are the slots.
    backends: LeasedMap<Ipv4Addr, (), Backend>,
    table: Vector<[u8; 48]>,
    membership: Vector<Membership>,
}

/// What a packet asks for.
struct Request {
    dscp: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
}

impl Request {
    /// Of the 5-tuple. Made of it when it is asked for, which it is not once a flow is bound.
    fn hash(&self) -> u64 {
        let mut tuple = [0; 13];
        tuple[..4].copy_from_slice(&self.source.octets());
        tuple[4..8].copy_from_slice(&self.destination.octets());
        tuple[8..10].copy_from_slice(&self.source_port.to_be_bytes());
        tuple[10..12].copy_from_slice(&self.destination_port.to_be_bytes());
        tuple[12] = self.protocol;
        hash(0, &tuple)
    }

    /// Sends the packet to a backend's address.
    fn readdress(&self, ip: &mut Ipv4<'_>, backend: &Backend) -> Result<(), Dropped> {
        ip.decrement_ttl()?;
        ip.set_dscp(self.dscp);
        ip.set_destination(backend.address);
        Ok(())
    }
}

#[nfos::export]
impl NetworkFunction for Maglev {
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Flow;
    type Reason = Reason;
    type Event = Event;

    fn packet_sets() -> Vec<PacketSet> {
        let wan: Vec<u16> = (0..PORTS).step_by(2).collect();
        let flow = Rule::ipv4(FIVE_TUPLE).ports(wan).protocols([TCP, UDP]);
        vec![PacketSet::new("flow").rule(flow)]
    }

    /// The heartbeats of a backend are handled in their order.
    fn orphans() -> Vec<Rule> {
        let lan: Vec<u16> = (1..PORTS).step_by(2).collect();
        vec![Rule::ipv4([Field::SourceAddress]).ports(lan)]
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.parameters.flow_timeout_ms)
    }

    fn capacity(&self) -> u32 {
        5_800_000
    }

    fn periods(&self) -> Vec<Duration> {
        vec![PERIOD]
    }

    fn init(parameters: Parameters) -> Self {
        parameters.check();
        let slots = parameters.backends_max;
        let refresh_interval = Duration::from_millis(parameters.heartbeat_refresh_interval_ms);
        Self {
            backend_timeout: Duration::from_millis(parameters.backend_timeout_ms),
            backends: LeasedMap::open("backends", slots, refresh_interval),
            table: Vector::open("table", parameters.table_size.div_ceil(table::PER_CELL)),
            membership: Vector::open("membership", 1),
            parameters,
        }
    }

    fn init_packet_set(&self, packet: &mut Packet, flow: &mut Flow) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        ip.hops()?;
        let request = self.request(&mut ip)?;
        let backend = self.bind(flow, &request)?;
        request.readdress(&mut ip, &backend)?;
        // Optional: with a full table the table alone decides, packet by packet.
        Ok(self.forward(packet, &backend)?.register_if_room())
    }

    fn packet(&self, packet: &mut Packet, flow: &mut Flow) -> Result<Verdict, Dropped> {
        let mut ip = packet.ipv4()?;
        ip.hops()?;
        let request = self.request(&mut ip)?;
        let mut backend = self.backends.record(flow.slot.into());
        if !backend.live || backend.incarnation != flow.incarnation {
            backend = self.bind(flow, &request)?;
            emit(Event::FlowMoved, request.hash());
        }
        request.readdress(&mut ip, &backend)?;
        self.forward(packet, &backend)
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, Dropped> {
        let port = packet.port();
        let mac = packet.ethernet()?.source();
        let mut ip = packet.ipv4()?;
        if !ip.is_fragment() && ![TCP, UDP].contains(&ip.protocol()) {
            return Err(FrameReason::UnsupportedProtocol.into());
        }
        ip.transport()?;
        let address = ip.source();
        if port.is_multiple_of(2) {
            // In order, so it had a packet set.
            return Ok(Verdict::drop(Reason::NotVip));
        }
        if !self.parameters.backend_prefix.contains(address) {
            return Ok(Verdict::drop(Reason::NotBackend));
        }
        self.heartbeat(address, mac, port);
        Ok(Verdict::consume())
    }

    fn periodic(&self, _: usize) {
        while let Some((lease, backend)) = self.backends.next_expired() {
            self.give_up(lease.id, backend);
        }
        let Membership { generation, built } = self.membership.read(MEMBERSHIP);
        if generation != built {
            self.rebuild();
            self.membership.write(MEMBERSHIP, &Membership { generation, built: generation });
        }
    }
}

impl Maglev {
    fn request(&self, ip: &mut Ipv4) -> Result<Request, Dropped> {
        let (source, destination, protocol) = (ip.source(), ip.destination(), ip.protocol());
        let dscp = self.parameters.vips.dscp(destination).ok_or(Reason::NotVip)?;
        let (source_port, destination_port) = match ip.transport()? {
            Transport::Tcp(tcp) => (tcp.source_port(), tcp.destination_port()),
            Transport::Udp(udp) => (udp.source_port(), udp.destination_port()),
            Transport::Icmp(_) => return Err(FrameReason::UnsupportedProtocol.into()),
        };
        if !self.parameters.vip_ports.contains(destination_port) {
            return Err(Reason::NotVip.into());
        }
        Ok(Request { dscp, source, destination, source_port, destination_port, protocol })
    }

    /// Binds a flow to the backend that the table has for it.
    fn bind(&self, flow: &mut Flow, request: &Request) -> Result<Backend, Dropped> {
        let at = (request.hash() % u64::from(self.parameters.table_size)) as u32;
        let entries = self.table.read(at / table::PER_CELL);
        let slot = table::slot_of(entries[(at % table::PER_CELL) as usize]);
        let slot = slot.ok_or(Reason::NoBackend)?;
        let backend = self.backends.record(slot.into());
        if !backend.live {
            return Err(Reason::NoBackend.into());
        }
        *flow = Flow { incarnation: backend.incarnation, slot };
        Ok(backend)
    }

    fn forward(&self, packet: &mut Packet, backend: &Backend) -> Result<Verdict, Dropped> {
        let mut ethernet = packet.ethernet()?;
        ethernet.set_destination(backend.mac);
        let own = match backend.port {
            1 => self.parameters.port1_mac,
            3 => self.parameters.port3_mac,
            _ => None,
        };
        if let Some(own) = own {
            ethernet.set_source(own);
        }
        Ok(Verdict::send(backend.port))
    }

    fn heartbeat(&self, address: Ipv4Addr, mac: MacAddress, port: u16) {
        if let Some(Leased { lease: slot, .. }) = self.backends.get(&address) {
            self.backends.refresh(slot, self.backend_timeout);
            let backend = self.backends.record(slot);
            if backend.mac != mac || backend.port != port {
                self.backends.write_record(slot, &Backend { mac, port, ..backend });
            }
            return;
        }
        let joined = self.backends.insert_with((), self.backend_timeout, |before| Backend {
            incarnation: before.incarnation.wrapping_add(1),
            address,
            mac,
            port,
            live: true,
        });
        if joined.is_none() {
            return emit(Event::BackendsFull, address.to_bits().into());
        }
        self.membership.add(MEMBERSHIP, Membership::GENERATION, 1);
        emit(Event::BackendJoined, address.to_bits().into());
    }

    fn give_up(&self, slot: u32, backend: Backend) {
        let address = backend.address;
        self.backends.write_record(slot, &Backend { live: false, ..backend });
        self.backends.remove(slot, &address);
        self.membership.add(MEMBERSHIP, Membership::GENERATION, 1);
        emit(Event::BackendLeft, address.to_bits().into());
    }

    /// Builds the table anew and writes the cells that change, so that packets of other flows are
    /// not disturbed.
    fn rebuild(&self) {
        let slots =
            (0..self.parameters.backends_max).map(|slot| (slot, self.backends.record(slot)));
        let live = slots.filter(|(_, backend)| backend.live);
        let live = live.map(|(slot, backend)| (backend.address, slot as u8)).collect();
        let table = table::build(self.parameters.table_size, live);
        let mut changed = 0;
        for (at, entries) in (0_u32..).zip(table.chunks(table::PER_CELL as usize)) {
            let mut cell = [0; table::PER_CELL as usize];
            cell[..entries.len()].copy_from_slice(entries);
            let before = self.table.read(at);
            let differ = cell.iter().zip(&before).filter(|(new, old)| new != old).count();
            if differ > 0 {
                self.table.write(at, &cell);
                changed += differ as u64;
            }
        }
        emit(Event::TableRebuilt, changed);
    }
}

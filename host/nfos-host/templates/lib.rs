//! Counts packets and bytes per ingress port, and passes each packet to the other port.

use nfos::prelude::*;

/// More ports than a host has.
const PORTS_MAX: u32 = 64;

/// What is counted of a port; shared by all cores.
#[derive(Cell)]
pub struct Traffic {
    packets: u64,
    bytes: u64,
}

/// The network function: what `init` opens, and what all handlers see.
pub struct Counter {
    traffic: Vector<Traffic>,
}

#[nfos::export]
impl NetworkFunction for Counter {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self { traffic: Vector::open("traffic", PORTS_MAX) }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        // An addition is not an observation, so counting never makes two packets conflict.
        self.traffic.add(packet.port(), Traffic::PACKETS, 1);
        self.traffic.add(packet.port(), Traffic::BYTES, packet.wire_length().into());
        Verdict::send(packet.port() ^ 1)
    }

    fn exit(&self) {
        for port in 0..PORTS_MAX {
            let Traffic { packets, bytes } = self.traffic.read(port);
            if packets > 0 {
                log!(Level::Information, "port {port}: {packets} packets, {bytes} bytes");
            }
        }
    }
}

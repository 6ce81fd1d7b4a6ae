"""Counts packets and bytes per ingress port, and passes each packet to the other port."""

import nfos
from nfos import Level, Vector, Verdict, log, u64

# More ports than a host has.
PORTS_MAX = 64


class Traffic(nfos.Stored):
    """What is counted of a port; shared by all cores."""

    packets: u64
    bytes: u64


@nfos.export
class Counter(nfos.NetworkFunction):
    NAME = "{name}"
    SUMMARY = "Counts packets and bytes per port."
    PORTS = 2

    def init(self, parameters):
        self.traffic = Vector.open("traffic", PORTS_MAX, Traffic)

    def orphan_packet(self, packet):
        # An addition is not an observation, so counting never makes two packets conflict.
        self.traffic.add(packet.port, "packets", 1)
        self.traffic.add(packet.port, "bytes", packet.wire_length)
        return Verdict.send(packet.port ^ 1)

    def exit(self):
        for port in range(PORTS_MAX):
            seen = self.traffic.read(port)
            if seen.packets > 0:
                log(Level.INFORMATION, f"port {port}: {seen.packets} packets, {seen.bytes} bytes")

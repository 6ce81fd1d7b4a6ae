"""The header views of the Python SDK do to the frames of ../../c/tests/wire.c what those of the C SDK
do: prints the same digest."""

import sys
import types
from enum import Enum
from pathlib import Path

# What the views need of the bindings outside a component: two enumerations.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[1] / "nfos"))
bindings = types.ModuleType("wit_world.imports.types")
bindings.Action = Enum("Action", ["DROP", "SEND", "FLOOD", "CONSUME"], start=0)
bindings.Registration = Enum("Registration", ["NONE", "OPTIONAL", "REQUIRED"], start=0)
package = types.ModuleType("nfos")
package.__path__ = [str(Path(__file__).parents[1] / "nfos")]
sys.modules |= {"wit_world": types.ModuleType("wit_world"), "nfos": package,
                "wit_world.imports": types.ModuleType("wit_world.imports"),
                "wit_world.imports.types": bindings}

from nfos.packet import Packet  # noqa: E402
from nfos.verdict import Dropped  # noqa: E402
from nfos.wire import checksum  # noqa: E402

WORD = (1 << 64) - 1
state = 1


def below(bound):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) & WORD
    return (state >> 33 & 0xFFFF_FFFF) % bound


def transport_checksum(ip, length):
    pseudo = bytes(ip[12:20]) + bytes([0, ip[9]]) + length.to_bytes(2, "big")
    return checksum(pseudo + bytes(ip[20:20 + length]))


def make():
    tcp, without = below(2) == 1, below(8) == 0
    payload = below(40)
    header = 20 if tcp else 8
    length = header + payload
    frame = bytearray(below(256) for _ in range(34 + length))
    frame[12:14] = b"\x08\x00"
    ip = memoryview(frame)[14:]
    ip[0] = 0x45
    ip[2:4] = (20 + length).to_bytes(2, "big")
    ip[6:8] = bytes(2)
    ip[8] = below(4)
    ip[9] = 6 if tcp else 17
    ip[10:12] = bytes(2)
    ip[10:12] = checksum(ip[:20]).to_bytes(2, "big")
    if tcp:
        ip[32] = 5 << 4
    else:
        ip[24:26] = length.to_bytes(2, "big")
    place = 36 if tcp else 26
    ip[place:place + 2] = bytes(2)
    total = transport_checksum(ip, length)
    if not tcp:
        total = 0 if without else total or 0xFFFF
    ip[place:place + 2] = total.to_bytes(2, "big")
    damage = below(10)
    cut = below(40) if below(10) == 0 else 0
    if damage == 0:
        at = 12 + below(12)
        frame[at] ^= 1 << below(8)
    return frame, 34 + length - cut


def rewrite(packet, source, destination, port):
    ip = packet.ipv4()
    ip.source = source.to_bytes(4, "big")
    ip.destination = destination.to_bytes(4, "big")
    transport = ip.transport()
    transport.source_port = port
    transport.destination_port = port + 1
    ip.decrement_ttl()


digest = 0xCBF2_9CE4_8422_2325
for _ in range(20_000):
    frame, length = make()
    on_wire = length + (4 if below(6) == 0 else 0)
    packet = Packet(0, on_wire, memoryview(frame), 0, length, 0)
    source, destination = below(0x7FFF_FFFF), below(0x7FFF_FFFF)
    reason = -1
    try:
        rewrite(packet, source, destination, below(65535))
    except Dropped as dropped:
        reason = dropped.reason.index
    for value in (reason + 1, *frame[:length]):
        digest = (digest ^ value) * 0x100000001B3 & WORD
print(f"{digest:016x}")

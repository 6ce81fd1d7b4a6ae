"""The SDK in which network functions are written in Python.

An author subclasses `NetworkFunction` and marks the class with `@export`. What they see is one
packet, its packet set's state and the structures that all packets share; the burst that the host
hands over stays in here. The words are those of the SDK for Rust. Times are in nanoseconds.

| to                                     | see                     |
|----------------------------------------|-------------------------|
| write the handlers                     | `function`, `verdict`   |
| say which packets share state          | `packet_sets`           |
| read and change headers                | `packet`, `wire`        |
| say what a state or a cell holds       | `layout`                |
| share state between packets            | `structures`            |
| a map whose entries expire             | `leased_map`            |
| send, log, emit, tell the time         | `effects`               |
| be set by the operator                 | `parameters`            |

Import at the top of a module: nothing can be loaded when a handler runs.
"""

from .effects import MILLISECOND, SECOND, Level, emit, hash, log, now, ns_since, random, send
from .function import NetworkFunction, export
from .layout import Stored, boolean, ipv4, mac, octets, u8, u16, u32, u64
from .leased_map import Leased, LeasedMap
from .packet import Packet
from .packet_sets import (ANSWERING_FIVE_TUPLE, FIVE_TUPLE, ICMP, TCP, UDP, Field, PacketSet, Rule)
from .parameters import Boolean, Choice, Parameters, Text, Unsigned
from .structures import Allocator, Distributed, Hashing, Map, Merge, Parts, Vector
from .verdict import Dropped, Event, FrameReason, Reason, Verdict

__all__ = [
    "ANSWERING_FIVE_TUPLE", "Allocator", "Boolean", "Choice", "Distributed", "Dropped", "Event",
    "FIVE_TUPLE", "Field", "FrameReason", "Hashing", "ICMP", "Leased", "LeasedMap", "Level",
    "MILLISECOND", "Map", "Merge", "NetworkFunction", "Packet", "PacketSet", "Parameters", "Parts",
    "Reason", "Rule", "SECOND", "Stored", "TCP", "Text", "UDP", "Unsigned", "Vector", "Verdict", "boolean", "emit",
    "export", "hash", "ipv4", "log", "mac", "now", "ns_since", "octets", "random", "send", "u16",
    "u32", "u64", "u8",
]

"""What a handler does beside answering: it sends, logs, emits, tells the time."""

from wit_world.imports import clock as _clock, event as _event, log as _log
from wit_world.imports import random as _random, send as _send
from wit_world.imports.log import Level

MILLISECOND = 1_000_000
SECOND = 1_000_000_000

_WORD = (1 << 64) - 1


def now():
    """Nanoseconds since a start that is the same for all workers; of a packet from a capture its
    time stamp. Constant within an event."""
    return _clock.now()


def ns_since(now, earlier):
    """How long ago `earlier` was; 0 if it is later: clocks of two workers may be read in one order
    and commit in the other."""
    return now - earlier if now > earlier else 0


def random():
    """A number below 2^64. Not for secrets."""
    return _random.next()


def send(port, frame):
    """Sends a frame through a port, before the packet of the event. At most 64 in one event."""
    _send.send(port, bytes(frame))


def emit(event, value):
    """Emits an event, a member of the network function's `Event`, with a value."""
    _event.emit(event.index, value)


def log(level, line):
    """Logs a line."""
    _log.write(level, line)


def hash(seed, data):
    """FNV-1a 64 over the seed as 8 little-endian bytes and then the data, finished by splitmix64:
    the same number in the SDKs of all languages."""
    value = 0xCBF2_9CE4_8422_2325
    for byte in seed.to_bytes(8, "little") + bytes(data):
        value = (value ^ byte) * 0x0000_0100_0000_01B3 & _WORD
    value = (value ^ value >> 30) * 0xBF58_476D_1CE4_E5B9 & _WORD
    value = (value ^ value >> 27) * 0x94D0_49BB_1331_11EB & _WORD
    return value ^ value >> 31

"""The packet of an event: its frame, and where it came from."""

from .verdict import Dropped, FrameReason
from .wire import Ethernet


class Packet:
    """A frame with its ingress port.

    The header views check once that their header is there and whole, and raise the reason to drop
    the packet if not; after that nothing they do can fail.
    """

    __slots__ = ("port", "wire_length", "_frames", "_start", "_end", "_room")

    def __init__(self, port, wire_length, frames, start, end, room):
        self.port, self.wire_length = port, wire_length
        self._frames, self._start, self._end, self._room = frames, start, end, room

    @property
    def bytes(self):
        """The frame, all of it or its window, as a memoryview to be changed in place."""
        return self._frames[self._start:self._end]

    def grow_front(self, count):
        """Puts `count` bytes before the frame, of arbitrary content; False, and as it was, if it
        would grow beyond the headroom."""
        if count > self._start - self._room:
            return False
        self._start -= count
        self.wire_length += count
        return True

    def shrink_front(self, count):
        """Takes `count` bytes off the front of the frame."""
        if count > self._end - self._start:
            raise Dropped(FrameReason.TRUNCATED)
        self._start += count
        self.wire_length -= count

    def ethernet(self):
        """Its Ethernet header."""
        return Ethernet(self.bytes, self.wire_length)

    def ipv4(self):
        """Its IPv4 header, if it is untagged IPv4."""
        return self.ethernet().into_ipv4()

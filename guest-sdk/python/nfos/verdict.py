"""What a handler answers, why packets are dropped, and what is told beside."""

from enum import Enum

from wit_world.imports.types import Action, Registration


class FrameReason(Enum):
    """The reasons that header views give; one rule each. They come first in every network
    function's list."""

    TRUNCATED = "truncated"
    NOT_IPV4 = "not_ipv4"
    MALFORMED_IP = "malformed_ip"
    FRAGMENT = "fragment"
    MALFORMED_L4 = "malformed_l4"
    TTL_EXPIRED = "ttl_expired"
    UNSUPPORTED_PROTOCOL = "unsupported_protocol"


class _Listed(Enum):
    """A member knows its place in the list of the description."""

    def _generate_next_value_(name, *_):
        return name.lower()


class Reason(_Listed):
    """A network function's own drop reasons: subclass it, with members that are `auto()`."""


class Event(_Listed):
    """Events that a network function emits: likewise."""


for _index, _member in enumerate(FrameReason):
    _member.index = _index


def number(members, first):
    """Gives the members their places, from `first` on."""
    for index, member in enumerate(members, first):
        member.index = index


class Dropped(Exception):
    """Raised by header views; a handler that lets it through drops the packet."""

    def __init__(self, reason):
        super().__init__(reason.value)
        self.reason = reason


class Verdict:
    """What becomes of a packet."""

    __slots__ = ("action", "registration", "target")

    def __init__(self, action, target=0, registration=Registration.NONE):
        self.action, self.target, self.registration = action, target, registration

    @classmethod
    def send(cls, port):
        """It leaves through a port."""
        return cls(Action.SEND, port)

    @classmethod
    def drop(cls, reason):
        """It is dropped, and counted under the reason."""
        return cls(Action.DROP, reason.index)

    @classmethod
    def flood(cls):
        """A copy of it leaves through every port but its own."""
        return cls(Action.FLOOD)

    @classmethod
    def consume(cls):
        """It was for the network function itself and goes no further."""
        return cls(Action.CONSUME)

    def register(self):
        """Of a first packet: its set gets state. If there is no room, the event is undone and the
        packet is dropped as packet_set_table_full."""
        self.registration = Registration.REQUIRED
        return self

    def register_if_room(self):
        """Of a first packet: its set gets state if there is room. If there is none, what the event
        did to aggregate state is undone, and this verdict stands."""
        self.registration = Registration.OPTIONAL
        return self

"""The network function as its author writes it: handlers over one packet at a time."""

from wit_world.imports import types as _types
from wit_world.imports.types import EventKind

from .parameters import Parameters
from .verdict import Event, FrameReason, Reason, Verdict, number

_HANDLERS = {
    "init_packet_set": EventKind.INIT_PACKET_SET,
    "packet": EventKind.PACKET,
    "expired_packet_set": EventKind.EXPIRED_PACKET_SET,
    "orphan_packet": EventKind.ORPHAN_PACKET,
    "periodic": EventKind.PERIODIC,
}


class NetworkFunction:
    """A network function: subclass it and mark the class with `@export`.

    Every handler appears to run alone and at once, on any number of cores. The host may run one
    again after undoing all that it did, so a handler needs no precaution but this one: what it
    leaves in `self` or in a global may vanish. Set attributes in `init` alone; state lives in the
    packet-set state and in the structures that `init` opens.

    A handler that is left out costs nothing. An exception drops the packet as guest_trap, with its
    text in the host's log.
    """

    NAME = None
    """Lower-case letters, digits and hyphens."""
    SUMMARY = ""
    """One sentence on what it does."""
    PORTS = 1
    """The least number of ports it works with."""
    WINDOW = 128
    """Leading bytes of a frame that the handlers see; 0: all of them."""
    HEADROOM = 0
    """By how many bytes a frame may grow at its front, at most 128."""
    Parameters = Parameters
    """What the operator may set."""
    State = None
    """What each packet set remembers, a subclass of `Stored`."""
    Reason = Reason
    """Its own drop reasons."""
    Event = Event
    """The events it emits."""

    @classmethod
    def packet_sets(cls):
        """The packets that share state. The first definition that a packet fits decides."""
        return []

    @classmethod
    def orphans(cls):
        """Rules for which orphan packets must meet one worker."""
        return []

    def idle_timeout(self):
        """How long a packet set may be without a packet; 0: for ever."""
        return 0

    def capacity(self):
        """How many packet sets there is room for, unless the operator says otherwise."""
        return 65_536

    def periods(self):
        """The intervals of periodic events, at most 16."""
        return []

    def init(self, parameters):
        """Opens the structures and computes what stays."""

    def exit(self):
        """The last words, after the last event."""

    def init_packet_set(self, packet, state):
        """The first packet of a set that has no state yet: `state` is all zero."""
        return Verdict.consume()

    def packet(self, packet, state):
        """A packet of a set that has state."""
        return Verdict.consume()

    def expired_packet_set(self, state):
        """A packet set has been idle for longer than the time-out: its last event."""

    def orphan_packet(self, packet):
        """A packet that fits no packet-set definition."""
        return Verdict.consume()

    def periodic(self, period):
        """The interval `period` of `periods()` has passed."""


exported = None
"""The class that the component exports."""


def export(function):
    """Exports a network function: one in a component."""
    global exported
    exported = function
    number(function.Reason, len(FrameReason))
    number(function.Event, 0)
    return function


def state_size(function):
    """Bytes of a packet set's state."""
    return function.State.size if function.State else 0


def describe(function):
    """The description of a network function's class."""
    handled = [kind for name, kind in _HANDLERS.items()
               if getattr(function, name) is not getattr(NetworkFunction, name)]
    return _types.Description(
        name=function.NAME or function.__name__.lower(),
        summary=function.SUMMARY,
        ports=function.PORTS,
        handles=handled,
        packet_sets=[one.into_contract() for one in function.packet_sets()],
        orphans=[rule.into_contract() for rule in function.orphans()],
        state_size=state_size(function),
        window=function.WINDOW,
        headroom=function.HEADROOM,
        parameters=function.Parameters.describe(),
        drop_reasons=[reason.value for reason in [*FrameReason, *function.Reason]],
        events=[event.value for event in function.Event],
    )

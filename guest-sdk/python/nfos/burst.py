"""From a burst of events to the handlers, one event after the other.

An event whose set had an earlier event in the same burst takes over the state that event left: the
host could not have known it. Whether the set has state at all is then known only here as well.
"""

import wit_world.exports
from wit_world.imports import burst as _burst, fault as _fault
from wit_world.imports.types import (Action, Configuration, EventKind, Outcome, Registration)
from wit_world.imports.types import Verdict as _Verdict

from . import function as _function
from .packet import Packet
from .verdict import Dropped, Verdict

_NO_PREVIOUS = 0xFFFF_FFFF

_instance = None


class Handlers(wit_world.exports.Handlers):
    """What the component exports."""

    def describe(self):
        return _reporting(lambda: _function.describe(_function.exported))

    def init(self):
        return _reporting(_init)

    def handle(self, events, frames, states):
        return _reporting(lambda: _handle(_instance, events, frames, states))

    def exit(self):
        _reporting(_instance.exit)


def _reporting(call):
    """Exceptions end in a trap, which carries no text: so it is told before."""
    try:
        return call()
    except BaseException as error:
        _fault.report(f"{_text(error)}, at {_place(error)}")
        raise


def _text(error):
    return f"{type(error).__name__}: {error}"


def _place(error):
    """The innermost line of the author's."""
    place, at = "an unknown place", error.__traceback__
    while at is not None:
        file = at.tb_frame.f_code.co_filename
        if "/nfos/" not in file:
            place = f"{file.rsplit('/', 1)[-1]}:{at.tb_lineno}"
        at = at.tb_next
    return place


def _init():
    global _instance
    function = _function.exported()
    function.init(function.Parameters.read())
    _instance = function
    return Configuration(function.idle_timeout(), function.capacity(), function.periods())


def _handle(function, events, frames, states):
    frames, states = bytearray(frames), bytearray(states)
    view = memoryview(frames)
    verdicts = []
    for index, event in enumerate(events):
        if not _burst.begin(index):
            break
        if event.previous != _NO_PREVIOUS:
            _take_over(function, events, event, states, verdicts)
        verdicts.append(_handle_one(function, event, view, states))
    return Outcome(verdicts, bytes(frames), bytes(states))


def _take_over(function, events, event, states, verdicts):
    earlier = events[event.previous]
    size, to, start = _function.state_size(function), event.state_offset, earlier.state_offset
    registered = verdicts[event.previous].registration is not Registration.NONE
    if registered or earlier.kind is EventKind.PACKET:
        states[to:to + size] = states[start:start + size]
        event.kind = EventKind.PACKET
    else:
        states[to:to + size] = bytes(size)
        event.kind = EventKind.INIT_PACKET_SET


def _handle_one(function, event, frames, states):
    kind, start = event.kind, event.frame_offset
    if kind is EventKind.PERIODIC:
        function.periodic(event.port)
        return _Verdict(Action.CONSUME, Registration.NONE, 0, start, 0)
    # An orphan packet's burst may have no bytes of state at all.
    has_state = function.State is not None and kind is not EventKind.ORPHAN_PACKET
    state = function.State.load(states, event.state_offset) if has_state else None
    if kind is EventKind.EXPIRED_PACKET_SET:
        function.expired_packet_set(state)
        return _Verdict(Action.CONSUME, Registration.NONE, 0, start, 0)
    packet = Packet(event.port, event.wire_length, frames, start, start + event.frame_length,
                    start - function.HEADROOM)
    try:
        if kind is EventKind.PACKET:
            verdict = function.packet(packet, state)
        elif kind is EventKind.INIT_PACKET_SET:
            verdict = function.init_packet_set(packet, state)
        else:
            verdict = function.orphan_packet(packet)
    except Dropped as dropped:
        verdict = Verdict.drop(dropped.reason)
    if state is not None:
        state.store(states, event.state_offset)
    return _Verdict(verdict.action, verdict.registration, verdict.target, packet._start,
                    packet._end - packet._start)

"""The bridge in Python: see ../README.md. Held to the same captures and the same model as the one
in Rust, ../src/lib.rs."""

from enum import auto

import nfos
from nfos import MILLISECOND, Choice, LeasedMap, Unsigned, Vector, Verdict, emit, now, ns_since
from nfos import u16, u64

RESERVED_GROUP = bytes([0x01, 0x80, 0xC2, 0, 0])


class Settings(nfos.Parameters):
    capacity = Unsigned("How many stations can be known at once.", 65_536, range=(1, 16_777_216)).relaxes(
        capacity="stations*")
    ageing_ms = Unsigned(
        "Milliseconds without a frame from a station after which it is forgotten.",
        120_000, range=(1, 1_000_000_000)).relaxes(duration="stations*")
    refresh_interval_ms = Unsigned(
        "By how many milliseconds a station may be forgotten early, so that fewer of its frames "
        "renew it; at most half of `ageing_ms`.", 0).relaxes(
            refresh_interval="stations_leases", write_interval="last_seen")
    refresh = Choice(
        "Where a station is renewed: its lease, or, to compare, a time that is read and written.",
        "lease", choices=("lease", "write")).relaxes(method="last_seen")
    period_ms = Unsigned(
        "Milliseconds between two removals of stations that are forgotten.", 10, range=(1, 60_000))
    expire_max = Unsigned(
        "How many of them are removed at once at most.", 256, range=(1, 65_536))


class Why(nfos.Reason):
    BAD_SOURCE = auto()
    RESERVED_GROUP = auto()
    SAME_PORT = auto()


class Happening(nfos.Event):
    STATION_MOVED = auto()
    TABLE_FULL = auto()


@nfos.export
class Bridge(nfos.NetworkFunction):
    NAME = "bridge"
    SUMMARY = "Connects Ethernet segments, and learns which station is on which."
    PORTS = 2
    WINDOW = 14
    Parameters = Settings
    Reason = Why
    Event = Happening

    def periods(self):
        return [self.period]

    def init(self, parameters):
        self.capacity_max = parameters.capacity
        self.ageing = parameters.ageing_ms * MILLISECOND
        self.refresh_interval = parameters.refresh_interval_ms * MILLISECOND
        self.period = parameters.period_ms * MILLISECOND
        self.expire_max = parameters.expire_max
        if self.refresh_interval > self.ageing // 2:
            raise ValueError(
                f"the parameter `refresh_interval_ms` is {parameters.refresh_interval_ms}, but "
                f"should be at most {parameters.ageing_ms // 2}, half of `ageing_ms`")
        # To compare: when each was last seen, by lease, read and written at each frame.
        by_writing = parameters.refresh == "write"
        self.last_seen = Vector.open("last_seen", self.capacity_max, u64) if by_writing else None
        self.stations = LeasedMap.open(
            "stations", self.capacity_max, 0 if by_writing else self.refresh_interval, 6, u16)

    def orphan_packet(self, packet):
        ethernet = packet.ethernet()
        source, destination = ethernet.source, ethernet.destination
        if source[0] & 1 or not any(source):
            return Verdict.drop(Why.BAD_SOURCE)
        if destination[:5] == RESERVED_GROUP and destination[5] <= 0x0F:
            return Verdict.drop(Why.RESERVED_GROUP)
        self.learn(source, packet.port)
        if destination[0] & 1:
            return Verdict.flood()
        station = self.stations.get(destination)
        if station is None:
            return Verdict.flood()
        if station.value == packet.port:
            return Verdict.drop(Why.SAME_PORT)
        return Verdict.send(station.value)

    def periodic(self, _):
        for _ in range(self.expire_max):
            found = self.stations.next_expired()
            if found is None:
                return
            lease, station = found[0].id, found[1]
            left = self.time_left(lease)
            if left is None:
                self.stations.remove(lease, station)
            else:
                self.stations.refresh(lease, left)

    def learn(self, station, port):
        """Notes that a station is on a port now. If there is no room for it, that is all."""
        entry = self.stations.get(station)
        if entry is not None:
            if entry.value != port:
                entry.value = port
                self.stations.set(station, entry)
                emit(Happening.STATION_MOVED, port)
            self.renew(entry.lease)
            return
        lease = self.stations.insert(station, port, self.ageing)
        if lease is None:
            emit(Happening.TABLE_FULL, self.capacity_max)
        elif self.last_seen:
            self.last_seen.write(lease, now())

    def renew(self, lease):
        if not self.last_seen:
            self.stations.refresh(lease, self.ageing)
            return
        last, time = self.last_seen.read(lease), now()
        if ns_since(time, last) >= self.refresh_interval:
            self.last_seen.write(lease, max(time, last))

    def time_left(self, lease):
        """Of a lease that has run out: how long its station is to be believed yet."""
        if not self.last_seen:
            return None
        left = self.ageing - ns_since(now(), self.last_seen.read(lease))
        return left if left >= 0 else None

"""A map whose entries go when they are not refreshed: stations, mappings, servers.

A map leads from the key to a lease and a value; an allocator hands the leases out; and a vector has
a record per lease, which is its key, so that a lease that has run out leads back to its entry.
Nothing goes by itself: until `next_expired` has found an entry and it has been removed, it is
there.
"""

from .layout import octets, place, store, stored
from .structures import Allocator, Map, Vector


class Leased:
    """A value with its lease."""

    __slots__ = ("lease", "value")

    def __init__(self, lease, value):
        self.lease, self.value = lease, value


class _Entry:
    """How a leased value lies in a cell."""

    def __init__(self, kind):
        self.kind = kind
        self.at = place(4, kind.align)
        self.size = place(self.at + kind.size, max(4, kind.align))
        self.align = max(4, kind.align)

    def load(self, data, at=0):
        lease = int.from_bytes(data[at:at + 4], "little")
        return _Loaded(self, lease, self.kind.load(data, at + self.at))


class _Loaded(Leased):
    """A leased value that knows how it lies."""

    __slots__ = ("entry",)

    def __init__(self, entry, lease, value):
        super().__init__(lease, value)
        self.entry = entry

    def store(self, data, at=0):
        data[at:at + 4] = self.lease.to_bytes(4, "little")
        store(self.entry.kind, self.value, data, at + self.entry.at)


class LeasedMap:
    """A map with leases."""

    def __init__(self, entry, entries, leases, records):
        self._entry, self._entries, self._leases, self._records = entry, entries, leases, records

    @classmethod
    def open(cls, name, capacity, refresh_interval, key_size, value):
        """Opens the map `name`, the allocator `name_leases` and the vector `name_records`, with
        room for `capacity` entries. A refresh that would move a deadline by less than
        `refresh_interval` is skipped. Keys are `bytes` of `key_size`, at most 48."""
        entry = _Entry(stored(value))
        entries = Map.open(name, capacity, key_size, entry)
        leases = Allocator.open(f"{name}_leases", capacity, refresh_interval)
        return cls(entry, entries, leases,
                   Vector.open(f"{name}_records", capacity, octets(key_size)))

    def get(self, key):
        """The entry of a key, `Leased`, or None: an observation of this key alone."""
        return self._entries.get(key)

    def insert(self, key, value, duration):
        """Makes an entry for `duration` from now on and answers its lease; None if no lease is
        left anywhere. The key must have no entry: `get` has just answered so."""
        lease = self._leases.allocate(duration)
        if lease is not None:
            self._entries.set(key, _Loaded(self._entry, lease, value))
            self._records.write(lease, key)
        return lease

    def set(self, key, entry):
        """Gives the key of an entry another value. Conflicts with everybody who looked the key
        up."""
        self._entries.set(key, _Loaded(self._entry, entry.lease, entry.value))

    def refresh(self, lease, duration):
        """Keeps an entry for `duration` from now on at least; conflicts with nobody but its
        removal."""
        self._leases.refresh(lease, duration)

    def next_expired(self):
        """One lease that has run out and the key of its entry, to be removed or refreshed in the
        same event; or None. An observation."""
        expired = self._leases.next_expired()
        return None if expired is None else (expired, self._records.read(expired.id))

    def remove(self, lease, key):
        """Removes an entry and gives its lease back. The handler ends here if it is not held."""
        self._entries.remove(key)
        self._leases.free(lease)

    def remove_expired(self, most):
        """Removes up to `most` entries whose leases have run out."""
        for _ in range(most):
            found = self.next_expired()
            if found is None:
                return
            self.remove(found[0].id, found[1])

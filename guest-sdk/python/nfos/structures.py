"""Aggregate state: the structures that every worker shares, opened by name in `init`.

A value is of a subclass of `Stored`, or of a type of a field, of at most 48 bytes; a key is
`bytes` of at most 64. What an operation *observes* is what may make the host run the handler
again; the rest conflicts with nobody.
"""

from functools import reduce
from struct import Struct

from wit_world.imports.allocator import Allocator as _Allocator, ExpiredLease
from wit_world.imports.distributed_object import DistributedObject as _Distributed, Merge
from wit_world.imports.hash_map import Hashing, HashMap as _HashMap, SetOutcome
from wit_world.imports.types import Cell
from wit_world.imports.vector import Vector as _Vector

from .layout import store, stored

_WORDS = Struct("<6Q")
_KEY_WORDS = Struct("<8Q")


def _load(kind, cell):
    data = _WORDS.pack(cell.w0, cell.w1, cell.w2, cell.w3, cell.w4, cell.w5)
    return kind.load(data)


def _cell(kind, value):
    data = bytearray(48)
    store(kind, value, data)
    return Cell(*_WORDS.unpack(data))


def _fitting(name, kind):
    kind = stored(kind)
    if kind.size > 48:
        raise ValueError(f"a value of `{name}` has {kind.size} bytes; a cell has 48")
    return kind


class Vector:
    """An array of cells of fixed length."""

    def __init__(self, handle, kind):
        self._handle, self._kind = handle, kind

    @classmethod
    def open(cls, name, length, value):
        """Opens the vector `name` with `length` cells of this kind of value, all zero at first."""
        return cls(_Vector.open(name, length), _fitting(name, value))

    def read(self, index):
        """The cell `index`: an observation. The handler ends here if the index is not below the
        length; so with all that take one."""
        return _load(self._kind, self._handle.read(index))

    def write(self, index, value):
        """Replaces the cell `index`."""
        self._handle.write(index, _cell(self._kind, value))

    def add(self, index, field, delta):
        """Adds to a field of the type u64 of the cell `index`, modulo 2^64, without observing
        it."""
        self._handle.add(index, self._kind.word(field), delta)


class Map:
    """A map from short keys to cells."""

    def __init__(self, handle, kind):
        self._handle, self._kind = handle, kind

    @classmethod
    def open(cls, name, capacity, key_size, value):
        """Opens the map `name` with room for `capacity` keys of up to `key_size` bytes."""
        return cls(_HashMap.open(name, capacity, key_size), _fitting(name, value))

    @classmethod
    def open_with(cls, name, capacity, key_size, value, hashing):
        """As `open`, which takes `Hashing.KEYED`: with a secret of the host, so that nobody can send
        keys that collide. `Hashing.PLAIN` hashes alike in every run, for keys that nobody outside
        can choose."""
        handle = _HashMap.open_with(name, capacity, key_size, hashing)
        return cls(handle, _fitting(name, value))

    def get(self, key):
        """The value of a key, or None: an observation of this key alone."""
        cell = self._handle.get(key)
        return None if cell is None else _load(self._kind, cell)

    def set(self, key, value):
        """Gives the key a value, whether or not it had one. False if the key was absent and there
        is no room for it."""
        return self._handle.set(key, _cell(self._kind, value)) is SetOutcome.OK

    def remove(self, key):
        """Removes the key and answers whether it was there: an observation of this key alone."""
        return self._handle.remove(key)

    def len(self):
        """How many keys there are: an observation of every insertion and removal."""
        return self._handle.len()

    def next(self, place):
        """The first entry at or behind a place, which is 0 at first: its key, its value and the
        place behind it, or None. From one event to the next, entries that are inserted or removed in
        between may be passed by or met twice. An observation of what it comes by."""
        entry = self._handle.next(place)
        if entry is None:
            return None
        key = entry.key
        data = _KEY_WORDS.pack(key.w0, key.w1, key.w2, key.w3, key.w4, key.w5, key.w6, key.w7)
        return data[: key.length], _load(self._kind, entry.value), entry.next

    def iter(self):
        """All keys with their values, each once, in no order that is specified: an observation of
        all of them. A handler that also changes something runs again when any of them changes
        meanwhile; one that only looks never does. The handler ends here beyond some 60,000."""
        place = 0
        while (entry := self.next(place)) is not None:
            key, value, place = entry
            yield key, value

    __iter__ = iter
    __len__ = len


class Allocator:
    """A set of ids handed out for a time."""

    def __init__(self, handle):
        self._handle = handle

    @classmethod
    def open(cls, name, capacity, refresh_interval):
        """Opens the allocator `name` of the ids from 0 to `capacity - 1`. A refresh that would
        move a deadline by less than `refresh_interval` is skipped."""
        return cls(_Allocator.open(name, capacity, refresh_interval))

    def allocate(self, duration):
        """Takes a free id for `duration` from now on; None if no id is left anywhere."""
        return self._handle.allocate(duration)

    def refresh(self, id, duration):
        """Keeps the lease for `duration` from now on at least. Answers whether the id was held."""
        return self._handle.refresh(id, duration)

    def free(self, id):
        """Gives the id back. The handler ends here if it is not held."""
        self._handle.free(id)

    def is_live(self, id):
        """Whether the id is held and its deadline has not passed: an observation."""
        return self._handle.is_live(id)

    def next_expired(self):
        """One lease whose deadline has passed, with `id` and `deadline`, or None: an
        observation."""
        return self._handle.next_expired()


class Distributed:
    """One cell that every worker updates on its own and reads merged."""

    def __init__(self, handle, kind):
        self._handle, self._kind = handle, kind

    @classmethod
    def open(cls, name, value, merges, staleness):
        """Opens the object `name`: a `Stored` of fields of the type u64, and a `Merge` for each.
        Its merged value may be up to `staleness` old when it is read."""
        return cls(_Distributed.open(name, list(merges), staleness), _fitting(name, value))

    def update(self, field, operand):
        """Adds to a field of this worker's part, or takes the greatest, the least or the union."""
        self._handle.update(self._kind.word(field), operand)

    def read(self):
        """The merged value: an observation of all parts, unless one within the staleness is at
        hand."""
        return _load(self._kind, self._handle.read())


class Parts:
    """One cell for each worker, which it changes as it likes, and which are merged in a way of your
    own: by any function of two that gives the same in whatever order it is applied, and for which a
    part of zeroes is neutral."""

    def __init__(self, handle, kind):
        self._handle, self._kind = handle, kind

    @classmethod
    def open(cls, name, value, staleness):
        """Opens the object `name`, whose parts are all zero at first and whose merged value may be
        up to `staleness` old when it is read."""
        return cls(_Distributed.open_parts(name, staleness), _fitting(name, value))

    def own(self):
        """This worker's part. Conflicts with nobody."""
        return _load(self._kind, self._handle.own_part())

    def set(self, part):
        """Replaces this worker's part. Conflicts with nobody but those who merge."""
        self._handle.set_part(_cell(self._kind, part))

    def read(self, merge):
        """The merged value: an observation of all parts, unless one within the staleness is at
        hand."""
        published = self._handle.published()
        if published is not None:
            return _load(self._kind, published)
        parts = (self._handle.part(index) for index in range(self._handle.parts()))
        merged = reduce(merge, (_load(self._kind, part) for part in parts))
        self._handle.publish(_cell(self._kind, merged))
        return merged

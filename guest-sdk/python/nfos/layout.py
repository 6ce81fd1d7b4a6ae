"""How values lie in the bytes of a packet-set state or an aggregate-state cell.

Fields follow each other in their order, each at a multiple of its alignment (at most 8), in
little-endian order, as in the SDK for Rust. All bytes zero are the value that everything has at
first.

    class Bucket(Stored):
        tokens: u64
        last: u64
"""

from struct import Struct


class _Field:
    """A type of a field: its code of the module `struct`, its size and alignment."""

    def __init__(self, code, size, align):
        self.code, self.size, self.align = code, size, align


u8 = _Field("B", 1, 1)
u16 = _Field("H", 2, 2)
u32 = _Field("I", 4, 4)
u64 = _Field("Q", 8, 8)
boolean = _Field("?", 1, 1)
mac = _Field("6s", 6, 1)
ipv4 = _Field("4s", 4, 1)


def octets(count):
    """That many bytes, as `bytes`."""
    return _Field(f"{count}s", count, 1)


def place(offset, align):
    """Where a field of this alignment lies that follows `offset` bytes."""
    return -(-offset // align) * align


class Stored:
    """A value of fixed size: annotate its fields with the types of this module."""

    def __init_subclass__(cls):
        code, offset, align = "<", 0, 1
        cls._offsets = {}
        for name, field in cls.__annotations__.items():
            at = place(offset, field.align)
            code += "x" * (at - offset) + field.code
            cls._offsets[name] = at
            offset, align = at + field.size, max(align, field.align)
        size = place(offset, align)
        cls._struct = Struct(code + "x" * (size - offset))
        cls._names = tuple(cls.__annotations__)
        cls.__slots__ = ()
        cls.size, cls.align = size, align

    def __init__(self, **fields):
        blank = type(self)._struct.unpack(bytes(self.size))
        for name, value in zip(self._names, blank):
            setattr(self, name, fields.pop(name, value))
        if fields:
            raise TypeError(f"{type(self).__name__} has no {', '.join(fields)}")

    @classmethod
    def load(cls, data, at=0):
        """Reads it from the bytes at `at`."""
        self = cls.__new__(cls)
        for name, value in zip(cls._names, cls._struct.unpack_from(data, at)):
            setattr(self, name, value)
        return self

    def store(self, data, at=0):
        """Writes it to the bytes at `at`."""
        values = [getattr(self, name) for name in self._names]
        self._struct.pack_into(data, at, *values)

    @classmethod
    def word(cls, name):
        """The word of a cell in which a field of the type u64 lies."""
        at = cls._offsets[name]
        if at % 8 != 0:
            raise ValueError(f"{cls.__name__}.{name} is no word of a cell")
        return at // 8

    def __repr__(self):
        fields = (f"{name}={getattr(self, name)!r}" for name in self._names)
        return f"{type(self).__name__}({', '.join(fields)})"


class Scalar:
    """A single field as the value of a cell."""

    def __init__(self, field):
        self._struct = Struct("<" + field.code)
        self.size, self.align = field.size, field.align

    def load(self, data, at=0):
        return self._struct.unpack_from(data, at)[0]

    def store_value(self, value, data, at=0):
        self._struct.pack_into(data, at, value)


def stored(kind):
    """What reads and writes a value: a subclass of `Stored`, or a type of a field."""
    return Scalar(kind) if isinstance(kind, _Field) else kind


def store(kind, value, data, at=0):
    """Writes a value of this kind, as `stored` gives it, to the bytes at `at`."""
    if isinstance(kind, Scalar):
        kind.store_value(value, data, at)
    else:
        value.store(data, at)

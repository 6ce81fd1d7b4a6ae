"""Headers: Ethernet, IPv4, TCP and UDP, and the Internet checksum. Numbers are in host order,
addresses are `bytes` in network order."""

from .verdict import Dropped, FrameReason


def checksum(data):
    """The Internet checksum, RFC 1071."""
    data = bytes(data)
    total = sum(data[0::2]) << 8
    total += sum(data[1::2])
    return _folded(total)


def checksum_update(checksum, before, after):
    """The checksum after bytes changed, an even number of them: RFC 1624, equation 3."""
    total = ~checksum & 0xFFFF
    for at in range(0, len(before), 2):
        total += ~int.from_bytes(before[at:at + 2], "big") & 0xFFFF
        total += int.from_bytes(after[at:at + 2], "big")
    return _folded(total)


def _folded(total):
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _word(data, at):
    return data[at] << 8 | data[at + 1]


def _set_word(data, at, value):
    data[at], data[at + 1] = value >> 8, value & 0xFF


class Ethernet:
    """An Ethernet frame."""

    __slots__ = ("_data", "_wire_length")

    IPV4, ARP, VLAN, IPV6 = 0x0800, 0x0806, 0x8100, 0x86DD

    def __init__(self, data, wire_length):
        if len(data) < 14:
            raise Dropped(FrameReason.TRUNCATED)
        self._data, self._wire_length = data, wire_length

    @property
    def destination(self):
        """To whom it goes."""
        return bytes(self._data[0:6])

    @destination.setter
    def destination(self, address):
        self._data[0:6] = address

    @property
    def source(self):
        """From whom it is."""
        return bytes(self._data[6:12])

    @source.setter
    def source(self, address):
        self._data[6:12] = address

    @property
    def ether_type(self):
        """What it carries."""
        return _word(self._data, 12)

    @ether_type.setter
    def ether_type(self, ether_type):
        _set_word(self._data, 12, ether_type)

    @property
    def payload(self):
        """What follows the header, padding included."""
        return self._data[14:]

    def into_ipv4(self):
        """The IPv4 packet that it carries untagged."""
        if self.ether_type != Ethernet.IPV4:
            raise Dropped(FrameReason.NOT_IPV4)
        return Ipv4(self._data[14:], max(self._wire_length - 14, 0))


class Ipv4:
    """An IPv4 packet whose lengths are in order, RFC 791."""

    __slots__ = ("_data", "payload", "payload_length")

    def __init__(self, data, wire_length):
        if len(data) < 20:
            hidden = wire_length > len(data)
            raise Dropped(FrameReason.TRUNCATED if hidden else FrameReason.MALFORMED_IP)
        header_length, total_length = (data[0] & 0x0F) * 4, _word(data, 2)
        if data[0] >> 4 != 4 or not 20 <= header_length <= total_length <= wire_length:
            raise Dropped(FrameReason.MALFORMED_IP)
        if header_length > len(data):
            raise Dropped(FrameReason.TRUNCATED)
        self._data = data
        self.payload = data[header_length:total_length]
        self.payload_length = total_length - header_length

    @property
    def total_length(self):
        return _word(self._data, 2)

    @property
    def is_fragment(self):
        """Whether it is a fragment, the first included."""
        return _word(self._data, 6) & 0x3FFF != 0

    @property
    def ttl(self):
        return self._data[8]

    @property
    def protocol(self):
        return self._data[9]

    @property
    def source(self):
        """From whom it is; set, it is in the checksums of TCP and UDP as well."""
        return bytes(self._data[12:16])

    @source.setter
    def source(self, address):
        self._set_address(12, address)

    @property
    def destination(self):
        """To whom it goes; set, likewise."""
        return bytes(self._data[16:20])

    @destination.setter
    def destination(self, address):
        self._set_address(16, address)

    def decrement_ttl(self):
        """Takes a hop off the time to live; raises if there is none to take: below 2."""
        if self.ttl < 2:
            raise Dropped(FrameReason.TTL_EXPIRED)
        before = bytes(self._data[8:10])
        self._data[8] -= 1
        self._update_checksum(before, bytes(self._data[8:10]))

    def transport(self):
        """The TCP or UDP header that it carries."""
        if self.is_fragment:
            raise Dropped(FrameReason.FRAGMENT)
        if self.protocol not in (6, 17):
            raise Dropped(FrameReason.UNSUPPORTED_PROTOCOL)
        return Transport(self.protocol, self.payload, self.payload_length)

    def _update_checksum(self, before, after):
        _set_word(self._data, 10, checksum_update(_word(self._data, 10), before, after))

    def _set_address(self, at, address):
        before = bytes(self._data[at:at + 4])
        self._data[at:at + 4] = address
        self._update_checksum(before, address)
        first = _word(self._data, 6) & 0x1FFF == 0
        place = {6: 16, 17: 6}.get(self.protocol)
        if first and place and len(self.payload) >= (20 if self.protocol == 6 else 8):
            _update_transport(self.payload, place, before, address)


class Transport:
    """A TCP segment or a UDP datagram."""

    __slots__ = ("_data", "_checksum_place")

    def __init__(self, protocol, data, length):
        least = 20 if protocol == 6 else 8
        if length < least:
            raise Dropped(FrameReason.MALFORMED_L4)
        if len(data) < least:
            raise Dropped(FrameReason.TRUNCATED)
        stated = (data[12] >> 4) * 4 if protocol == 6 else _word(data, 4)
        if not least <= stated <= length:
            raise Dropped(FrameReason.MALFORMED_L4)
        self._data, self._checksum_place = data, 16 if protocol == 6 else 6

    @property
    def source_port(self):
        """The sender's port; set, it is in the checksum as well."""
        return _word(self._data, 0)

    @source_port.setter
    def source_port(self, port):
        self._set_port(0, port)

    @property
    def destination_port(self):
        """The receiver's port; set, likewise."""
        return _word(self._data, 2)

    @destination_port.setter
    def destination_port(self, port):
        self._set_port(2, port)

    def _set_port(self, at, port):
        before = bytes(self._data[at:at + 2])
        _set_word(self._data, at, port)
        _update_transport(self._data, self._checksum_place, before, bytes(self._data[at:at + 2]))


def _update_transport(data, place, before, after):
    old = _word(data, place)
    updated = checksum_update(old, before, after)
    if place == 6:
        # 0 means that there is none and stays, and a computed 0 is sent as 0xffff (RFC 768).
        updated = 0 if old == 0 else updated or 0xFFFF
    _set_word(data, place, updated)

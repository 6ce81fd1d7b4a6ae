"""Packet sets: which packets share state, and by which key."""

from wit_world.imports import types as _types
from wit_world.imports.types import Field, Layer

ICMP, TCP, UDP = 1, 6, 17

FIVE_TUPLE = [Field.SOURCE_ADDRESS, Field.DESTINATION_ADDRESS, Field.SOURCE_PORT,
              Field.DESTINATION_PORT, Field.PROTOCOL]
"""Source and destination of both layers, and the protocol."""

ANSWERING_FIVE_TUPLE = [Field.DESTINATION_ADDRESS, Field.SOURCE_ADDRESS, Field.DESTINATION_PORT,
                        Field.SOURCE_PORT, Field.PROTOCOL]
"""The 5-tuple that the answer to a packet has: destination first."""


class Rule:
    """Which packets a rule is about, and the key that it reads from them."""

    def __init__(self, layer, key):
        self._rule = _types.Rule([], layer, b"", list(key), False)

    @classmethod
    def ipv4(cls, key):
        """Untagged IPv4 packets; no fragments, if the key has ports."""
        return cls(Layer.IPV4, key)

    @classmethod
    def ipv6(cls, key):
        """Untagged IPv6 packets without extension headers."""
        return cls(Layer.IPV6, key)

    @classmethod
    def ethernet(cls, key):
        """Every frame with an Ethernet header."""
        return cls(Layer.ETHERNET, key)

    def ports(self, ports):
        """Only packets from these ports."""
        self._rule.ports = list(ports)
        return self

    def protocols(self, protocols):
        """Only these protocols. A key with ports wants some of TCP and UDP."""
        self._rule.protocols = bytes(protocols)
        return self

    def symmetric(self):
        """Both directions of a conversation, seen at one port, are one set."""
        self._rule.symmetric = True
        return self

    def into_contract(self):
        return self._rule


class PacketSet:
    """A packet-set definition: packets whose keys have equal bytes are one set. The first rule
    that a packet fits decides."""

    def __init__(self, name):
        self._name, self._rules = name, []

    def rule(self, rule):
        """Adds a rule."""
        self._rules.append(rule.into_contract())
        return self

    def into_contract(self):
        return _types.PacketSet(self._name, self._rules)

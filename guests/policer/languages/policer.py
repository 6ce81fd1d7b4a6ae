"""The policer in Python: see ../README.md. Held to the same captures and the same model as the one
in Rust, ../src/lib.rs."""

from enum import auto

import nfos
from nfos import SECOND, Field, FrameReason, PacketSet, Rule, Unsigned, Verdict, now, ns_since, u64

LAN, WAN = 0, 1


class Settings(nfos.Parameters):
    rate_bytes_per_second = Unsigned(
        "Bytes per second that each host may receive.", 375_000_000, range=(1, 10**12))
    burst_bytes = Unsigned(
        "Bytes that a host may receive at once after a rest.", 3_750_000_000, range=(1, 10**15))


class Why(nfos.Reason):
    OVER_RATE = auto()


class Bucket(nfos.Stored):
    """How many bytes a host may receive now. What time earns beyond whole bytes is kept, in
    billionths, so the credit over any time is exact however often the bucket is filled."""

    tokens: u64
    remainder: u64
    last: u64

    def fill(self, rate, burst, time):
        earned = ns_since(time, self.last) * rate
        if earned >= (burst - self.tokens) * SECOND:
            self.tokens, self.remainder = burst, 0
        else:
            whole, self.remainder = divmod(earned + self.remainder, SECOND)
            self.tokens += whole
        self.last = max(self.last, time)

    def take(self, wire_length):
        """Takes the tokens of a frame, if there are as many."""
        if self.tokens < wire_length:
            return False
        self.tokens -= wire_length
        return True


@nfos.export
class Policer(nfos.NetworkFunction):
    NAME = "policer"
    SUMMARY = "Limits how many bytes per second reach each host of the LAN."
    PORTS = 2
    Parameters = Settings
    State = Bucket
    Reason = Why

    @classmethod
    def packet_sets(cls):
        return [PacketSet("host").rule(Rule.ipv4([Field.DESTINATION_ADDRESS]).ports([WAN]))]

    def idle_timeout(self):
        """A bucket that is forgotten after this time is full, so that nothing is lost by it."""
        return min(-(-self.burst * SECOND // self.rate), 2**64 - 1)

    def capacity(self):
        return 155_000

    def init(self, parameters):
        self.rate = parameters.rate_bytes_per_second
        self.burst = parameters.burst_bytes

    def init_packet_set(self, packet, bucket):
        packet.ipv4()
        bucket.tokens, bucket.remainder, bucket.last = self.burst, 0, now()
        if not bucket.take(packet.wire_length):
            return Verdict.drop(Why.OVER_RATE)
        return Verdict.send(LAN).register()

    def packet(self, packet, bucket):
        bucket.fill(self.rate, self.burst, now())
        if not bucket.take(packet.wire_length):
            return Verdict.drop(Why.OVER_RATE)
        return Verdict.send(LAN)

    def orphan_packet(self, packet):
        if packet.port != WAN:
            return Verdict.send(WAN)
        packet.ipv4()
        # Its IPv4 header is in order, so it had a packet set.
        return Verdict.drop(FrameReason.MALFORMED_IP)

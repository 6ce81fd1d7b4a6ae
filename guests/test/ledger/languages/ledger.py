"""The ledger in Python: see ../src/lib.rs."""

import nfos
from nfos import Hashing, Map, Parts, Stored, Verdict, u64


class Page(Stored):
    sum: u64
    greatest: u64


def merged(a, b):
    return Page(sum=a.sum + b.sum, greatest=max(a.greatest, b.greatest))


@nfos.export
class Ledger(nfos.NetworkFunction):
    NAME = "ledger"
    SUMMARY = "Goes through a map and merges parts, and writes what it finds to its frames."
    PORTS = 2

    def init(self, parameters):
        self.counts = Map.open_with("counts", 64, 2, u64, Hashing.PLAIN)
        self.pages = Parts.open("pages", Page, 0)

    def orphan_packet(self, packet):
        data = packet.bytes
        if len(data) < 39:
            return Verdict.send(packet.port ^ 1)
        key = bytes(data[14:16])
        if data[16] % 3 == 0:
            self.counts.set(key, (self.counts.get(key) or 0) + 1)
        elif data[16] % 3 == 1:
            self.counts.remove(key)
        self.pages.set(merged(self.pages.own(), Page(sum=data[17], greatest=data[17])))
        page = self.pages.read(merged)
        total = sum(int.from_bytes(key) * 65_537 + count for key, count in self.counts)
        data[20:22] = len(self.counts).to_bytes(2)
        data[22:30] = total.to_bytes(8)
        data[30:38] = page.sum.to_bytes(8)
        data[38] = page.greatest
        return Verdict.send(packet.port ^ 1)

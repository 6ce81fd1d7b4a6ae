//! Goes through a map and merges parts, and writes what it finds to its frames: in every language,
//! so that a test can hold them to each other.
//!
//! Bytes 14 and 15 of a frame are a key. Byte 16 says what to do with it: 0, modulo 3, counts it; 1
//! removes it. Byte 17 goes into this worker's part: its sum, and the greatest. Behind, in network
//! order: in two bytes how many keys there are, in eight the sum over all of key × 65,537 + count,
//! in eight the merged sum, in one the greatest. Shorter frames pass.
#![cfg(target_arch = "wasm32")]

use nfos::prelude::*;

#[derive(Cell)]
struct Page {
    sum: u64,
    greatest: u64,
}

struct Ledger {
    counts: Map<u16, u64>,
    pages: Parts<Page>,
}

#[nfos::export]
impl NetworkFunction for Ledger {
    const PORTS: u16 = 2;

    fn init(_: ()) -> Self {
        Self {
            counts: Map::open_with("counts", 64, Hashing::Plain),
            pages: Parts::open("pages", Duration::ZERO),
        }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Verdict {
        let port = packet.port();
        let bytes = packet.bytes_mut();
        if bytes.len() < 39 {
            return Verdict::send(port ^ 1);
        }
        let key = u16::from_be_bytes([bytes[14], bytes[15]]);
        let count = self.counts.get(&key).unwrap_or(0);
        match bytes[16] % 3 {
            0 => _ = self.counts.set(&key, &(count + 1)),
            1 => _ = self.counts.remove(&key),
            _ => {}
        }
        let (own, now) = (self.pages.own(), u64::from(bytes[17]));
        self.pages.set(&Page { sum: own.sum + now, greatest: own.greatest.max(now) });
        let merged = self
            .pages
            .read(|a, b| Page { sum: a.sum + b.sum, greatest: a.greatest.max(b.greatest) });
        let of = |(key, count): (u16, u64)| u64::from(key) * 65_537 + count;
        let all: u64 = self.counts.iter().map(of).sum();
        bytes[20..22].copy_from_slice(&(self.counts.len() as u16).to_be_bytes());
        bytes[22..30].copy_from_slice(&all.to_be_bytes());
        bytes[30..38].copy_from_slice(&merged.sum.to_be_bytes());
        bytes[38] = merged.greatest as u8;
        Verdict::send(port ^ 1)
    }
}

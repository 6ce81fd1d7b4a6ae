//! Swaps the MAC addresses of each packet and passes it to the other port; and calls one import
//! many times in a row when a period passes.
//!
//! The least that a network function can do, so that what is measured is the way to it. The
//! periods are no intervals here: the bench hands in a periodic event for each import it measures.

use std::hint::black_box;

use nfos::prelude::*;

/// How often a periodic event calls its import.
pub const CALLS: u32 = 1024;

/// The period in which no import is called: what the event costs beside the calls.
pub const NOTHING: usize = 0;
/// The period of an import without parameters, with one number for an answer.
pub const SCALAR: usize = 1;
/// The period of an import with a key of 13 bytes, which answers `option<cell>`.
pub const KEY: usize = 2;
/// The period of an import that reads a cell by its index.
pub const CELL: usize = 3;

/// A cell in full.
#[derive(Cell)]
pub struct Six {
    /// Its words.
    pub words: [u64; 6],
}

/// The network function.
pub struct Mirror {
    map: Map<[u8; 13], Six>,
    vector: Vector<Six>,
}

#[nfos::export]
impl NetworkFunction for Mirror {
    const PORTS: u16 = 2;
    const WINDOW: u32 = 0;

    fn periods(&self) -> Vec<Duration> {
        vec![Duration::from_secs(1); 4]
    }

    fn init(_: ()) -> Self {
        Self { map: Map::open("map", CALLS), vector: Vector::open("vector", CALLS) }
    }

    fn orphan_packet(&self, packet: &mut Packet) -> Result<Verdict, FrameReason> {
        let mut ethernet = packet.ethernet()?;
        let (source, destination) = (ethernet.source(), ethernet.destination());
        ethernet.set_source(destination);
        ethernet.set_destination(source);
        Ok(Verdict::send(packet.port() ^ 1))
    }

    fn periodic(&self, period: usize) {
        // As long as an IPv4 5-tuple; made once, since making keys is not what is measured.
        let key = black_box([7; 13]);
        for call in 0..CALLS {
            match period {
                SCALAR => drop(black_box(random())),
                KEY => drop(black_box(self.map.get(&key))),
                CELL => drop(black_box(self.vector.read(call))),
                _ => drop(black_box(call)),
            }
        }
    }
}

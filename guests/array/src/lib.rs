//! Reads and writes an array that all packets share: a benchmark of how state scales with cores,
//! with nothing of a network function but its costs.
//!
//! Every packet computes a little, accesses one element of the array and passes from port p to
//! port p xor 1, unchanged. Which element it is follows from its 5-tuple and its place among the
//! packets of its flow, so a packet that runs again accesses the same one. How often elements are
//! written, and how unevenly they are chosen, are parameters.

use std::hint::black_box;

use nfos::prelude::*;

mod state;

use state::{Sequence, Walk};

/// What the operator may set.
#[derive(Parameters)]
pub struct Parameters {
    /// How many elements there are.
    #[default(10_000)]
    #[range(1..=1_000_000)]
    elements: u32,
    /// The exponent of Zipf's law by which elements are chosen; 0: all alike.
    #[default(Skew::Uniform)]
    skew: Skew,
    /// What a packet does to its element.
    #[default(Access::ReadWrite)]
    access: Access,
    /// Steps of computing per packet, each needing the one before.
    #[default(100)]
    #[range(0..=1_000_000)]
    work: u32,
    /// Where the random choice of elements begins.
    #[default(42)]
    seed: u64,
}

/// How unevenly elements are chosen.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// All alike.
    #[choice("0")]
    Uniform,
    /// By Zipf's law.
    #[choice("0.99")]
    Zipf,
}

/// What a packet does to its element.
#[derive(Choice, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads it.
    Read,
    /// Reads it and writes one more.
    ReadWrite,
    /// As `ReadWrite` in the first packet of a flow, as `Read` in the others.
    WritePerFlow,
    /// Adds one to it, unread.
    Add,
}

/// What it tells at its end.
#[derive(Event)]
pub enum Event {
    /// The sum of all elements: how many packets' writes stood.
    Sum,
}

/// The benchmark.
pub struct Array {
    parameters: Parameters,
    sequence: Sequence,
    elements: Vector<u64>,
}

#[nfos::export]
impl NetworkFunction for Array {
    const PORTS: u16 = 2;
    type Parameters = Parameters;
    type State = Walk;
    type Event = Event;

    fn packet_sets() -> Vec<PacketSet> {
        vec![PacketSet::new("flow").rule(Rule::ipv4(FIVE_TUPLE).protocols([TCP, UDP]))]
    }

    fn init(parameters: Parameters) -> Self {
        Self {
            sequence: Sequence::draw(parameters.elements, parameters.skew, parameters.seed),
            elements: Vector::open("elements", parameters.elements),
            parameters,
        }
    }

    fn init_packet_set(&self, packet: &mut Packet, walk: &mut Walk) -> Result<Verdict, Dropped> {
        // Required: what a packet that passes has written stands.
        Ok(self.visit(packet, walk, true)?.register())
    }

    fn packet(&self, packet: &mut Packet, walk: &mut Walk) -> Result<Verdict, Dropped> {
        self.visit(packet, walk, false)
    }

    fn exit(&self) {
        let elements = (0..self.parameters.elements).map(|index| self.elements.read(index));
        emit(Event::Sum, elements.fold(0, u64::wrapping_add));
    }
}

impl Array {
    fn visit(
        &self,
        packet: &mut Packet,
        walk: &mut Walk,
        is_first: bool,
    ) -> Result<Verdict, Dropped> {
        let flow = hash(0, &packet.ipv4()?.five_tuple()?);
        let index = self.sequence.element(flow.wrapping_add(walk.counter));
        walk.counter += 1;
        compute(self.parameters.work);
        match self.parameters.access {
            Access::Read => _ = self.elements.read(index),
            Access::Add => self.elements.add(index, Word::ONLY, 1),
            Access::WritePerFlow if !is_first => _ = self.elements.read(index),
            Access::ReadWrite | Access::WritePerFlow => {
                let value = self.elements.read(index);
                self.elements.write(index, &(value + 1));
            }
        }
        Ok(Verdict::send(packet.port() ^ 1))
    }
}

/// Spends the time of `steps` multiplications, one after the other.
fn compute(steps: u32) {
    let odd = 0x9e37_79b9_7f4a_7c15_u64;
    black_box((0..steps).fold(black_box(1_u64), |value, _| value.wrapping_mul(odd)));
}

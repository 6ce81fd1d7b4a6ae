//! `flows=N` and `imix`: what a `synthetic:` port of the host plays.

use nfos_netio::synthetic::{Size, trace};
use nfos_netio::{PortId, Workload};

use super::Source;
use crate::kind::{Kind, Options};

pub(super) struct Synthetic {
    frames: Vec<Box<[u8]>>,
    at: usize,
}

impl Synthetic {
    /// So many flows in random order, 64 bytes each.
    pub(super) fn flows(flows: u64, kind: Kind, options: &Options) -> Self {
        Self::of(Workload { flows, ..Workload::default() }, kind, options)
    }

    /// 4,096 flows, three sizes.
    pub(super) fn imix(kind: Kind, options: &Options) -> Self {
        Self::of(Workload { size: Size::Imix, ..Workload::default() }, kind, options)
    }

    fn of(workload: Workload, kind: Kind, options: &Options) -> Self {
        let (packets, seed) = (options.packets(kind), options.seed());
        let trace = trace(PortId::new(0), &Workload { packets, seed, ..workload });
        Self { frames: trace.frames().map(|(frame, _)| frame.into()).collect(), at: 0 }
    }
}

impl Source for Synthetic {
    fn next(&mut self, _: u64, frame: &mut Vec<u8>) -> u16 {
        frame.clear();
        frame.extend_from_slice(&self.frames[self.at]);
        self.at = (self.at + 1) % self.frames.len();
        0
    }
}

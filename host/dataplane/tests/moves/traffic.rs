//! Ports without a device: sources that make traffic up, steered as receive queues are.

use super::{PORTS, SETS, frame};
use nfos_netio::{
    Clock, Frame, Pool, Port, PortCounters, PortError, PortId, Queue, Received, Resteer, Share,
    Source, Spread, Steering,
};
use nfos_sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

/// What ports of a run share.
pub(crate) struct Plan {
    /// Packets in all.
    packets: u64,
    /// Most packets of a source that are under way; few enough, and no lane is ever full.
    under_way_max: u64,
    /// Which set the next packet is of, from a random number.
    choose: Box<dyn Fn(u64) -> usize + Send + Sync>,
    /// Set when all packets have left.
    pub(crate) stop: AtomicBool,
    /// Of each source.
    made: [AtomicU64; PORTS * 2],
    left: [AtomicU64; PORTS * 2],
}

impl Plan {
    pub(crate) fn new(
        packets: u64,
        under_way_max: u64,
        choose: impl Fn(u64) -> usize + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (made, left) = (Default::default(), Default::default());
        let choose = Box::new(choose);
        Arc::new(Self { packets, under_way_max, choose, stop: AtomicBool::new(false), made, left })
    }

    pub(crate) fn made(&self) -> u64 {
        self.made.iter().map(|made| made.load(Ordering::Relaxed)).sum()
    }

    /// A packet is done with.
    fn leaves(&self, set: usize, port: usize) {
        self.left[source_of(set, port)].fetch_add(1, Ordering::Relaxed);
        let left: u64 = self.left.iter().map(|left| left.load(Ordering::Relaxed)).sum();
        if left >= self.packets {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Each port has two sources, of every other set each.
fn source_of(set: usize, port: usize) -> usize {
    2 * port + set % 2
}

/// Makes packets.
pub(crate) struct Maker {
    plan: Arc<Plan>,
    port: usize,
    index: usize,
    random: u64,
    numbers: Vec<u64>,
}

impl Maker {
    /// The set of the next packet, if there is one that comes from here.
    fn set(&mut self) -> Option<usize> {
        (0..64).find_map(|_| {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let set = (self.plan.choose)(self.random >> 33);
            (source_of(set, self.port) == self.index).then_some(set)
        })
    }
}

impl Source for Maker {
    type Packet = Vec<u8>;

    fn take(&mut self, entry: impl Fn(&[u8]) -> usize, mut each: impl FnMut(usize, Vec<u8>)) {
        for _ in 0..16 {
            let made = self.plan.made[self.index].load(Ordering::Relaxed);
            let left = self.plan.left[self.index].load(Ordering::Relaxed);
            if made - left >= self.plan.under_way_max || self.plan.made() >= self.plan.packets {
                return;
            }
            let Some(set) = self.set() else { return };
            let bytes = frame(set, self.port, self.numbers[set]);
            self.numbers[set] += 1;
            self.plan.made[self.index].store(made + 1, Ordering::Relaxed);
            each(entry(&bytes), bytes);
        }
    }
}

/// A port.
pub(crate) struct SoftPort {
    id: usize,
    plan: Arc<Plan>,
    /// Once it has queues.
    spread: Option<Arc<Spread<Maker>>>,
    /// How often it followed the table, or should have, and when it does not.
    follows: u64,
    fails_at: u64,
}

impl SoftPort {
    pub(crate) fn new(id: usize, plan: &Arc<Plan>) -> Self {
        Self::that_fails_at(u64::MAX, id, plan)
    }

    /// One that does not follow the table the `fails_at`th time, counted from 1.
    pub(crate) fn that_fails_at(fails_at: u64, id: usize, plan: &Arc<Plan>) -> Self {
        Self { id, plan: Arc::clone(plan), spread: None, follows: 0, fails_at }
    }
}

impl Port for SoftPort {
    fn id(&self) -> PortId {
        PortId::new(self.id as u16)
    }

    fn clock(&self) -> Clock {
        Clock::Live
    }

    fn frame_bytes_max(&self) -> usize {
        64
    }

    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError> {
        let makers = (0..2).map(|index| Maker {
            plan: Arc::clone(&self.plan),
            port: self.id,
            index: 2 * self.id + index,
            random: (self.id * 2 + index) as u64,
            numbers: vec![1; SETS + 2],
        });
        let (spread, shares) = Spread::new(self.id(), makers.collect(), steering);
        self.spread = Some(spread);
        let queue = |share| Box::new(self.queue(Some(share))) as Box<dyn Queue>;
        Ok(shares.into_iter().map(queue).collect())
    }

    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError> {
        Ok(Box::new(self.queue(None)))
    }

    fn resteer(&mut self) -> Option<&mut dyn Resteer> {
        self.spread.is_some().then_some(self)
    }

    fn counters(&self) -> PortCounters {
        PortCounters { missed: self.lost(), ..PortCounters::default() }
    }
}

impl Resteer for SoftPort {
    fn follow(&mut self) -> Result<(), PortError> {
        self.follows += 1;
        match &mut self.spread {
            Some(_) if self.follows == self.fails_at => {
                Err(PortError::NotLive("a test".to_owned()))
            }
            Some(spread) => spread.follow(),
            None => Ok(()),
        }
    }

    fn add_loads(&self, loads: &mut [u64]) {
        if let Some(spread) = &self.spread {
            spread.add_loads(loads);
        }
    }
}

impl SoftPort {
    fn queue(&self, share: Option<Share<Maker>>) -> SoftQueue {
        SoftQueue { id: self.id, plan: Arc::clone(&self.plan), share }
    }

    fn lost(&self) -> u64 {
        self.spread.as_ref().map_or(0, |spread| spread.full() + spread.left_behind())
    }
}

struct SoftQueue {
    id: usize,
    plan: Arc<Plan>,
    share: Option<Share<Maker>>,
}

impl Queue for SoftQueue {
    fn rx_burst(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> Received {
        let Some(share) = &mut self.share else { return Received::Idle };
        let (mut count, mut received_bytes) = (0, 0);
        let (most, packets) = share.receive(max.min(pool.len()));
        for bytes in packets.take(most) {
            let mut frame = pool.take().expect("no more is asked for than there is");
            let port = PortId::new(self.id as u16);
            frame.load(&bytes, port, bytes.len() as u32, now_ns, 0).expect("it fits");
            (count, received_bytes) = (count + 1, received_bytes + bytes.len() as u64);
            frames.push(frame);
        }
        match count {
            0 => Received::Idle,
            count => Received::Frames { count, bytes: received_bytes },
        }
    }

    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        let mut bytes = 0;
        for frame in frames.iter() {
            let (set, _) = super::label(frame.bytes());
            self.plan.leaves(set, self.id);
            bytes += frame.len() as u64;
        }
        pool.give_all(frames);
        bytes
    }

    fn begin_drain(&mut self) {
        if let Some(share) = &mut self.share {
            share.begin_drain();
        }
    }

    fn is_drained(&self) -> bool {
        self.share.as_ref().is_none_or(Share::is_drained)
    }
}

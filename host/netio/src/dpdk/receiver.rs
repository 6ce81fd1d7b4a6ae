//! Where a worker's packets come from, and who steers them there.

use super::device::{Device, RxQueue};
use super::packet::Burst;
use super::port::FRAME_BYTES_MAX;
use super::scaling::Scaling;
use super::spec::DeviceSpec;
use super::spread::Spreading;
use super::steered::{Programmed, Steered, steered};
use crate::id::PortId;
use crate::port::{PortError, Resteer};
use crate::steering::Steering;
use crate::steering::spread::{Share, Spread};
use nfos_sync::Arc;

/// What steers the packets of a device.
#[derive(Debug)]
pub(super) enum Steers {
    /// Nothing: there is one worker, or it does not run.
    Nothing,
    /// We do.
    Software(Arc<Spread<Spreading>>),
    /// The device does, which is named so.
    Device(Box<Programmed>, DeviceSpec),
}

/// Where a worker's packets come from.
#[derive(Debug)]
pub(super) enum Receiver {
    /// Queues of its own, in turns.
    Whole { queues: Vec<RxQueue>, next: usize },
    /// A queue that the device steers to.
    Steered(Box<Steered>),
    /// Queues that all workers share.
    Share(Share<Spreading>),
    /// Nowhere.
    None,
}

/// Makes of a device's queues one receiver for each worker that `steering` knows. With `scaling`
/// there are as many, and the device steers.
pub(super) fn receivers(
    device: &Arc<Device>,
    queues: Vec<RxQueue>,
    port: PortId,
    steering: &Steering,
    scaling: Option<(Scaling, DeviceSpec)>,
) -> (Steers, Vec<Receiver>) {
    match (steering.workers(), scaling) {
        (1, _) => (Steers::Nothing, vec![Receiver::Whole { queues, next: 0 }]),
        (_, Some((scaling, spec))) => {
            let (programmed, queues) = steered(device, queues, port, steering, scaling);
            let receivers = queues.into_iter().map(|queue| Receiver::Steered(Box::new(queue)));
            (Steers::Device(Box::new(programmed), spec), receivers.collect())
        }
        (_, None) => {
            let spreading = |queue| Spreading::new(queue, FRAME_BYTES_MAX);
            let sources = queues.into_iter().map(spreading).collect();
            let (spread, shares) = Spread::new(port, sources, steering);
            (Steers::Software(spread), shares.into_iter().map(Receiver::Share).collect())
        }
    }
}

impl Receiver {
    /// Fills a burst with up to `count` packets.
    #[inline]
    pub(super) fn receive(&mut self, burst: &mut Burst, count: usize) {
        match self {
            Self::Whole { queues, next } => {
                // An empty queue is passed over; one that has something keeps its turn.
                for _ in 0..queues.len() {
                    if queues[*next].receive(burst, count) > 0 {
                        break;
                    }
                    *next = (*next + 1) % queues.len();
                }
            }
            Self::Steered(queue) => queue.receive(burst, count),
            Self::Share(share) => {
                let (count, mut packets) = share.receive(count);
                burst.fill_with(count, || packets.next());
            }
            Self::None => {}
        }
    }

    /// See [`Queue::begin_drain`](crate::Queue::begin_drain).
    pub(super) fn begin_drain(&mut self) {
        match self {
            Self::Steered(queue) => queue.begin_drain(),
            Self::Share(share) => share.begin_drain(),
            Self::Whole { .. } | Self::None => {}
        }
    }

    /// See [`Queue::is_drained`](crate::Queue::is_drained).
    pub(super) fn is_drained(&self) -> bool {
        match self {
            Self::Steered(queue) => queue.is_drained(),
            Self::Share(share) => share.is_drained(),
            Self::Whole { .. } | Self::None => true,
        }
    }
}

impl Steers {
    /// Packets that were lost on the way to their workers: because its lane was full, and because
    /// the run ended.
    pub(super) fn lost(&self) -> (u64, u64) {
        match self {
            Self::Software(spread) => (spread.full(), spread.left_behind()),
            Self::Nothing | Self::Device(..) => (0, 0),
        }
    }
}

impl Resteer for Steers {
    fn follow(&mut self) -> Result<(), PortError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Software(spread) => spread.follow(),
            Self::Device(programmed, spec) => programmed
                .follow()
                .map_err(|error| PortError::Device { spec: spec.to_string(), error }),
        }
    }

    fn add_loads(&self, loads: &mut [u64]) {
        match self {
            Self::Nothing => {}
            Self::Software(spread) => spread.add_loads(loads),
            Self::Device(programmed, _) => programmed.add_loads(loads),
        }
    }
}

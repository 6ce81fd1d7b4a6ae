//! A device as a port: its queues, shared among workers.
//!
//! A frame that is received holds the buffer that DPDK received it into, and gives it to the device
//! that it is sent through. Copied is only what lies in several buffers or in memory of a driver's
//! own when it is received, and what was made here, or is too long for one buffer, when it is sent.

use super::buffers::{Buffers, buffers_for};
use super::device::{Abilities, Device, Probed, TxQueue};
use super::eal::{self, Eal};
use super::error::Error;
use super::losses::Losses;
use super::packet::{BURST_MAX, Burst, Packet};
use super::receiver::{Receiver, Steers, receivers};
use super::scaling::Scaling;
use super::spec::DeviceSpec;
use super::whole::Whole;
use crate::frame::{Descriptor, Frame};
use crate::id::PortId;
use crate::pool::Pool;
use crate::port::{
    Clock, Loss, Port, PortCounters, PortError, Queue, QueueCounters, Received, Resteer,
};
use crate::rss::{Offer, plan};
use crate::steering::Steering;
use nfos_sync::{Arc, Lock};

/// The longest frame: what cards call jumbo, in as many buffers as it takes.
pub(super) const FRAME_BYTES_MAX: usize = 9_216;

/// A device as a port.
#[derive(Debug)]
pub(super) struct DevicePort {
    id: PortId,
    spec: DeviceSpec,
    state: State,
    counters: Vec<Arc<QueueCounters>>,
    losses: Arc<Losses>,
    remarks: Vec<String>,
    steers: Steers,
}

#[derive(Debug)]
enum State {
    /// Known, with no queues.
    Probed(Probed),
    /// Running, with the transmit queue of the control loop, until that is asked for.
    Running { device: Arc<Device>, last: Option<Transmitter> },
    /// Between the two, or failed.
    Neither,
}

impl DevicePort {
    pub(super) fn open(eal: &Eal, id: PortId, spec: &DeviceSpec) -> Result<Self, PortError> {
        let probed = Probed::new(eal, spec);
        let probed = probed.map_err(|error| refused(spec, error))?;
        Ok(Self {
            id,
            spec: spec.clone(),
            state: State::Probed(probed),
            counters: Vec::new(),
            losses: Arc::default(),
            remarks: Vec::new(),
            steers: Steers::Nothing,
        })
    }

    /// What it offers of receive-side scaling, before it runs.
    pub(super) fn offer(&self) -> Offer {
        match &self.state {
            State::Probed(probed) => probed.abilities.offer,
            _ => Offer::default(),
        }
    }

    /// What the device is programmed with to spread packets by itself, if it can.
    fn scaling(&self, steering: &Steering) -> Option<Scaling> {
        let offer = self.offer();
        let plan = if steering.workers() > 1 { plan(steering, self.id, &offer).ok() } else { None };
        plan.map(|plan| Scaling::new(plan, offer.key_bytes))
    }

    fn start(&mut self, workers: u16, scaling: Option<&Scaling>) -> Result<Arc<Device>, PortError> {
        let State::Probed(probed) = std::mem::replace(&mut self.state, State::Neither) else {
            return Err(PortError::QueuesMade(self.id));
        };
        let abilities: &Abilities = &probed.abilities;
        let (rx, tx) = match scaling {
            Some(_) => (workers, abilities.tx_queues.clamp(1, workers + 1)),
            None => abilities.queues(workers),
        };
        let eal = eal::running().expect("a device is probed by a layer that runs");
        let buffers = match Buffers::new(
            eal,
            buffers_for(rx, tx, workers),
            self.spec.room(),
            abilities.socket(),
        ) {
            Ok(buffers) => buffers,
            Err(error) => {
                probed.remove();
                return Err(refused(&self.spec, error));
            }
        };
        probed.start(buffers, rx, tx, scaling).map_err(|error| refused(&self.spec, error))
    }

    fn remark(&mut self, device: &Device, receive_queues: usize, steered: &str) {
        let queues = match receive_queues {
            1 => "1 receive queue".to_owned(),
            queues => format!("{queues} receive queues"),
        };
        let (id, driver, link) = (self.id, &device.abilities.driver, device.link());
        self.remarks.push(format!("port {id}: {driver}, {link}, {queues}{steered}"));
        if let Some(warning) = self.spec.warning() {
            self.remarks.push(format!("port {id}: {warning}"));
        }
    }

    fn queue(&mut self, receiver: Receiver, transmitter: Transmitter) -> Box<dyn Queue> {
        let counters = Arc::new(QueueCounters::default());
        self.counters.push(Arc::clone(&counters));
        Box::new(DeviceQueue {
            receiver,
            transmitter,
            burst: Burst::new(),
            out: Burst::new(),
            empty: Burst::new(),
            scratch: Vec::with_capacity(FRAME_BYTES_MAX),
            unfit: Vec::new(),
            port: self.id,
            sequence: 0,
            counters,
            losses: Arc::clone(&self.losses),
        })
    }
}

fn refused(spec: &DeviceSpec, error: Error) -> PortError {
    PortError::Device { spec: spec.to_string(), error }
}

impl Port for DevicePort {
    fn id(&self) -> PortId {
        self.id
    }

    fn clock(&self) -> Clock {
        Clock::Live
    }

    fn frame_bytes_max(&self) -> usize {
        FRAME_BYTES_MAX
    }

    fn open_queues(&mut self, steering: &Steering) -> Result<Vec<Box<dyn Queue>>, PortError> {
        let workers = steering.workers();
        let scaling = self.scaling(steering);
        let device = self.start(workers as u16, scaling.as_ref())?;
        let (rx, tx) = device.take_queues().ok_or(PortError::QueuesMade(self.id))?;
        let steered = match (workers, &scaling) {
            (1, _) => "",
            (_, Some(_)) => ", steered by the device",
            (_, None) => ", steered in software",
        };
        self.remark(&device, rx.len(), steered);
        let mut transmitters = transmitters(tx, workers + 1);
        let last = transmitters.pop();
        let scaling = scaling.map(|scaling| (scaling, self.spec.clone()));
        let (steers, receivers) = receivers(&device, rx, self.id, steering, scaling);
        self.steers = steers;
        self.state = State::Running { device, last };
        let ends = receivers.into_iter().zip(transmitters);
        Ok(ends.map(|(receiver, transmitter)| self.queue(receiver, transmitter)).collect())
    }

    fn open_transmit_queue(&mut self) -> Result<Box<dyn Queue>, PortError> {
        let State::Running { last, .. } = &mut self.state else {
            return Err(PortError::QueuesMade(self.id));
        };
        let transmitter = last.take().ok_or(PortError::QueuesMade(self.id))?;
        Ok(self.queue(Receiver::None, transmitter))
    }

    fn resteer(&mut self) -> Option<&mut dyn Resteer> {
        match &mut self.steers {
            Steers::Nothing => None,
            steers => Some(steers),
        }
    }

    fn counters(&self) -> PortCounters {
        let mut sum = PortCounters::default();
        self.counters.iter().for_each(|queue| sum.add(&queue.read()));
        sum.missed += self.losses().iter().map(|loss| loss.frames).sum::<u64>();
        sum
    }

    fn losses(&self) -> Vec<Loss> {
        match &self.state {
            State::Running { device, .. } => {
                let (full, left_behind) = self.steers.lost();
                self.losses.list(&device.statistics(), full, left_behind)
            }
            _ => Vec::new(),
        }
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}

impl Drop for DevicePort {
    fn drop(&mut self) {
        if let State::Probed(probed) = std::mem::replace(&mut self.state, State::Neither) {
            probed.remove();
        }
    }
}

/// Where a worker's packets go.
#[derive(Debug)]
enum Transmitter {
    /// A queue of its own.
    Own(TxQueue),
    /// One that others use too, where the device does not have enough.
    Shared(Arc<Lock<TxQueue>>, Arc<Device>),
}

/// A transmitter for each of `count`, over as many queues as there are.
fn transmitters(queues: Vec<TxQueue>, count: usize) -> Vec<Transmitter> {
    if queues.len() >= count {
        return queues.into_iter().take(count).map(Transmitter::Own).collect();
    }
    let shared: Vec<_> = queues
        .into_iter()
        .map(|queue| (Arc::clone(queue.device()), Arc::new(Lock::new(queue))))
        .collect();
    let of = |index: usize| {
        let (device, queue) = &shared[index % shared.len()];
        Transmitter::Shared(Arc::clone(queue), Arc::clone(device))
    };
    (0..count).map(of).collect()
}

impl Transmitter {
    #[inline]
    fn device(&self) -> &Arc<Device> {
        match self {
            Self::Own(queue) => queue.device(),
            Self::Shared(_, device) => device,
        }
    }

    #[inline]
    fn send(&mut self, burst: &mut Burst) -> usize {
        match self {
            Self::Own(queue) => queue.send(burst),
            Self::Shared(queue, _) => queue.lock().send(burst),
        }
    }
}

/// One worker's share of a device.
#[derive(Debug)]
struct DeviceQueue {
    burst: Burst,
    out: Burst,
    /// Packets to be loaded.
    empty: Burst,
    receiver: Receiver,
    transmitter: Transmitter,
    /// Bytes of a packet that lies in several buffers.
    scratch: Vec<u8>,
    /// Frames that the device cannot send however often it is asked.
    unfit: Vec<Frame>,
    port: PortId,
    sequence: u64,
    counters: Arc<QueueCounters>,
    losses: Arc<Losses>,
}

impl Queue for DeviceQueue {
    #[inline]
    fn rx_burst(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
        max: usize,
    ) -> Received {
        let (mut taken, mut count, mut bytes) = (0, 0, 0);
        while taken < max {
            let wanted = (max - taken).min(pool.len()).min(BURST_MAX);
            if wanted == 0 {
                break;
            }
            self.receiver.receive(&mut self.burst, wanted);
            let (packets, delivered, delivered_bytes) = self.deliver(now_ns, frames, pool);
            taken += packets;
            (count, bytes) = (count + delivered, bytes + delivered_bytes);
            if packets < wanted {
                break;
            }
        }
        if count > 0 { Received::Frames { count, bytes } } else { Received::Idle }
    }

    fn begin_drain(&mut self) {
        self.receiver.begin_drain();
    }

    fn is_drained(&self) -> bool {
        self.receiver.is_drained()
    }

    #[inline]
    fn tx_burst(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        let (mut sent, mut bytes) = (0, 0);
        for burst in frames.chunks_mut(BURST_MAX) {
            let (taken, bytes_taken) = self.send_lent(burst);
            (sent, bytes) = (sent + taken, bytes + bytes_taken);
            if taken < burst.len() {
                break;
            }
        }
        self.counters.count_transmitted(sent as u64, bytes);
        if sent == frames.len() {
            pool.give_bare(frames);
            return bytes;
        }
        frames.drain(..sent).for_each(|frame| pool.give(frame));
        bytes + self.send_others(frames, pool)
    }
}

impl DeviceQueue {
    /// Makes frames of the packets of the burst: how many packets there were, for each of which
    /// there is a frame in the pool, and how many became frames.
    #[inline]
    fn deliver(
        &mut self,
        now_ns: u64,
        frames: &mut Vec<Frame>,
        pool: &mut Pool,
    ) -> (usize, usize, u64) {
        let outside = self.transmitter.device().buffers().are_outside();
        let (port, mut sequence, mut bytes, mut delivered) = (self.port, self.sequence, 0, 0);
        let Self { burst, scratch, losses, .. } = self;
        let (packets, before) = (burst.len(), frames.len());
        pool.take_all(packets, frames);
        let empty = &mut frames[before..];
        burst.drain(|packet| {
            // One that was not filled is for the next packet.
            let frame = &mut *empty[delivered];
            let length = match Whole::new(packet, outside) {
                Ok(whole) if whole.bytes().len() <= FRAME_BYTES_MAX => frame.hold(whole),
                Ok(_) => return losses.too_long(),
                Err(packet) => {
                    if !copy(&packet, frame, scratch, losses) {
                        return;
                    }
                    frame.len()
                }
            };
            frame.arrive(port, length as u32, now_ns, sequence);
            bytes += length as u64;
            sequence += 1;
            delivered += 1;
        });
        self.sequence = sequence;
        if delivered < packets {
            frames.drain(before + delivered..).for_each(|frame| pool.give(frame));
        }
        self.counters.count_received(delivered as u64, bytes);
        (packets, delivered, bytes)
    }

    /// Sends up to a burst of frames, up to the first that cannot go as it is: how many, from the
    /// first on, which hold no buffers then, and of how many bytes.
    #[inline]
    fn send_lent(&mut self, frames: &mut [Frame]) -> (usize, u64) {
        let room = self.transmitter.device().buffers().room();
        let (mut next, mut bytes) = (frames.iter_mut(), 0);
        let filled = self.out.fill_with(next.len(), || {
            let frame = next.next().filter(|frame| frame.len() <= room)?;
            let packet = frame.take_lent()?.into_packet();
            bytes += frame.len() as u64;
            Some(packet)
        });
        let sent = self.send_out(&mut frames[..filled]);
        if sent < filled {
            bytes -= frames[sent..filled].iter().map(|frame| frame.len() as u64).sum::<u64>();
        }
        (sent, bytes)
    }

    /// Sends what was made of these frames; how many, from the first on.
    #[inline]
    fn send_out(&mut self, frames: &mut [Frame]) -> usize {
        let sent = self.transmitter.send(&mut self.out);
        if sent < frames.len() {
            self.take_back(&mut frames[sent..]);
        }
        sent
    }

    /// As `tx_burst`, for what it has left: the first is to be copied into one buffer or several,
    /// or the device did not take it.
    #[cold]
    fn send_others(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        let room = self.transmitter.device().buffers().room();
        let as_it_is = |frame: &Frame| frame.is_lent() && frame.len() <= room;
        if frames.iter().all(as_it_is) {
            return 0;
        }
        let mut bytes = 0;
        if frames.iter().any(|frame| frame.len() > room) {
            bytes += self.send_long(frames, pool, room);
        }
        while !frames.is_empty() {
            let count = frames.len().min(BURST_MAX);
            let taken = self.send_copied(&mut frames[..count]);
            let bytes_taken = frames[..taken].iter().map(|frame| frame.len() as u64).sum();
            self.counters.count_transmitted(taken as u64, bytes_taken);
            bytes += bytes_taken;
            frames.drain(..taken).for_each(|frame| pool.give(frame));
            if taken < count {
                break;
            }
        }
        frames.append(&mut self.unfit);
        bytes
    }

    /// Sends up to a burst of frames that each fit a buffer; how many, from the first on.
    fn send_copied(&mut self, frames: &mut [Frame]) -> usize {
        let Self { out, empty, transmitter, .. } = self;
        let buffers = transmitter.device().buffers();
        let to_load = frames.iter().filter(|frame| !frame.is_lent()).count();
        if to_load > 0 && !buffers.fill(empty, to_load) {
            return 0;
        }
        let mut next = frames.iter_mut();
        out.fill_with(next.len(), || {
            let frame = next.next()?;
            match frame.take_lent() {
                Some(whole) => Some(whole.into_packet()),
                None => {
                    let mut packet = empty.pop()?;
                    packet.load(frame.bytes());
                    Some(packet)
                }
            }
        });
        self.send_out(frames)
    }

    /// Gives the packets that the device did not take back to their frames.
    #[cold]
    fn take_back(&mut self, frames: &mut [Frame]) {
        let outside = self.transmitter.device().buffers().are_outside();
        let mut frames = frames.iter_mut();
        self.out.drain(|packet| {
            let whole = Whole::new(packet, outside).expect("what is not sent is as it was");
            let frame = frames.next().expect("as many packets come back as were not sent");
            frame.hold(whole);
        });
    }

    /// Sends, up to the first that is not taken, what needs several buffers, and what comes before
    /// it; what cannot be sent at all is set aside.
    fn send_long(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool, room: usize) -> u64 {
        let mut bytes = 0;
        let segments = self.transmitter.device().abilities.segments;
        let mut rest = std::mem::take(frames).into_iter();
        for frame in rest.by_ref() {
            let is_long = frame.len() > room;
            if is_long && !segments {
                self.unfit.push(frame);
                continue;
            }
            let packet = segmented(self.transmitter.device().buffers(), frame.bytes(), room);
            let mut packet = packet;
            self.out.fill_with(1, || packet.take());
            if self.transmitter.send(&mut self.out) == 0 {
                self.out.clear();
                frames.push(frame);
                break;
            }
            self.counters.count_transmitted(1, frame.len() as u64);
            bytes += frame.len() as u64;
            pool.give(frame);
        }
        frames.extend(rest);
        bytes
    }
}

/// Copies a packet that a frame cannot hold, because it lies in several buffers for instance; if
/// that cannot be, it is counted as lost.
#[cold]
fn copy(packet: &Packet, frame: &mut Descriptor, scratch: &mut Vec<u8>, losses: &Losses) -> bool {
    scratch.clear();
    if !packet.append_to(scratch) {
        losses.malformed();
        return false;
    }
    let fits = frame.copy(scratch).is_ok();
    if !fits {
        losses.too_long();
    }
    fits
}

/// A packet of these bytes, in as many buffers as it takes.
fn segmented(buffers: &Buffers, bytes: &[u8], room: usize) -> Option<Packet> {
    let mut parts = bytes.chunks(room).map(|part| {
        let mut packet = buffers.take()?;
        packet.load(part).then_some(packet)
    });
    let mut first = parts.next()??;
    first.chain(parts.collect::<Option<Vec<_>>>()?);
    Some(first)
}

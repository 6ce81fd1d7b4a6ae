//! What becomes of an event that is done with: its packet leaves or is dropped, and what else it
//! asked for happens.

use super::Worker;
use crate::burst::{Ending, Item};
use crate::effects::Send;
use crate::egress::{Egress, Origin};
use crate::notice::Notice;
use crate::reasons::{DropReason, HostReason};
use crate::services::WorkerServices;
use crossbeam_channel::Sender;
use nfos_engine::exchange::Action;
use nfos_engine::guest::Guest;
use nfos_engine::services::LogLevel;
use nfos_netio::{Frame, PortId};

/// Bytes of an Ethernet header: the shortest frame that a network function may make.
const FRAME_BYTES_MIN: usize = 14;

/// What is true of an event that sends its packet: its verdict was checked.
const PACKET: &str = "an event without a packet sends none";

impl<G: Guest<WorkerServices>, E: Egress> Worker<G, E> {
    /// Lets happen to packets what was decided.
    #[inline(always)]
    pub(super) fn finish_all(&mut self, items: &mut [Item]) {
        let mut rest = items;
        while let Some(item) = rest.first_mut() {
            // Most packets are sent, and many after another through the same port.
            let run = match item.ending {
                Ending::Stands(Action::Send(port)) if port < self.ports => {
                    let sent = Ending::Stands(Action::Send(port));
                    let run = rest.iter().take_while(|item| item.ending == sent).count();
                    let frames = rest[..run].iter_mut().map(|item| item.frame.take());
                    self.egress.send_packets(port, frames.map(|frame| frame.expect(PACKET)));
                    run
                }
                _ => {
                    self.finish(item);
                    1
                }
            };
            rest = &mut rest[run..];
        }
    }

    /// Lets happen to a packet, if there is one, what was decided.
    #[inline(never)]
    pub(super) fn finish(&mut self, item: &mut Item) {
        let Some(frame) = item.frame.take() else { return };
        match item.ending {
            Ending::Stands(Action::Send(port)) if port < self.ports => {
                self.egress.send(port, frame, Origin::Packet);
            }
            Ending::Stands(Action::Send(_)) => {
                self.drop_packet(frame, HostReason::NoSuchPort.into());
            }
            Ending::Stands(Action::Drop(reason)) => {
                self.drop_packet(frame, DropReason::of_nf(reason));
            }
            Ending::Dropped(reason) => self.drop_packet(frame, reason),
            Ending::Stands(Action::Flood) => self.flood(frame),
            Ending::Stands(Action::Consume) => {
                self.counters.consumed.add(1);
                self.egress.recycle(frame);
            }
            Ending::Again => unreachable!("a finished event does not run again"),
        }
    }

    /// Sends a packet through every port but its own: copies first, the packet itself last.
    fn flood(&mut self, frame: Frame) {
        let ingress = frame.port.raw();
        let Some(last) = (0..self.ports).rev().find(|port| *port != ingress) else {
            return self.drop_packet(frame, HostReason::NoSuchPort.into());
        };
        for port in (0..last).filter(|port| *port != ingress) {
            self.counters.copies.add(1);
            let Some(mut copy) = self.egress.spare() else {
                self.refuse(HostReason::NoBuffer);
                continue;
            };
            match copy.load_from(&frame) {
                Ok(()) => self.egress.send(port, copy, Origin::Further),
                Err(_) => {
                    self.egress.recycle(copy);
                    self.refuse(HostReason::FrameTooLong);
                }
            }
        }
        self.egress.send(last, frame, Origin::Packet);
    }

    pub(super) fn drop_packet(&mut self, frame: Frame, reason: DropReason) {
        self.counters.drops[reason.index()].add(1);
        self.egress.recycle(frame);
    }

    pub(super) fn drop_skipped(&mut self) {
        while let Some(frame) = self.burst.skipped().pop() {
            if let Some(scribe) = &mut self.scribe {
                let ending = Ending::Dropped(HostReason::NoHandler.into());
                scribe.note(self.guest.services().position(), &frame, frame.timestamp_ns, ending);
            }
            self.drop_packet(frame, HostReason::NoHandler.into());
        }
    }

    fn refuse(&self, reason: HostReason) {
        self.counters.refusals[DropReason::from(reason).index()].add(1);
    }

    /// Lets happen what a unit asked for; frames it makes get the time and place in order given.
    #[cold]
    pub(super) fn release(&mut self, unit: u32, now_ns: u64, sequence: u64) {
        let effects = self.guest.services().effects();
        for send in effects.sends(unit) {
            self.counters.generated.add(1);
            let refusal = if send.port >= self.ports {
                Some(HostReason::NoSuchPort)
            } else if send.bytes.len() < FRAME_BYTES_MIN {
                Some(HostReason::FrameTooShort)
            } else {
                make_frame(&mut self.egress, send, now_ns, sequence)
            };
            if let Some(reason) = refusal {
                self.counters.refusals[DropReason::from(reason).index()].add(1);
            }
        }
        for emission in effects.emissions(unit) {
            let counters = &self.counters.emissions[emission.event as usize];
            counters.count.add(1);
            counters.last_value.set(emission.value);
        }
        for (level, message) in effects.logs(unit) {
            tell_line(&self.notices, self.index, level, message);
        }
    }
}

/// Sends a frame of the network function's own; answers why not.
fn make_frame(
    egress: &mut impl Egress,
    send: Send<'_>,
    now_ns: u64,
    sequence: u64,
) -> Option<HostReason> {
    let Some(mut frame) = egress.spare() else { return Some(HostReason::NoBuffer) };
    let port = PortId::new(send.port);
    match frame.load(send.bytes, port, send.bytes.len() as u32, now_ns, sequence) {
        Ok(()) => egress.send(send.port, frame, Origin::Further),
        Err(_) => {
            egress.recycle(frame);
            return Some(HostReason::FrameTooLong);
        }
    }
    None
}

fn tell_line(notices: &Sender<Notice>, worker: usize, level: LogLevel, message: &str) {
    let _ = notices.send(Notice::Log { worker, level, message: message.into() });
}

//! The balancer, parallelized: flows are the worker's own, and so is a copy of backends and
//! table, of which a number tells whether it is still the one that holds. Heartbeats and periods
//! go through a mutex, a few in a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nfos::prelude::Packet;

use super::maglev::{Arrived, Binding, Membership, forward, read};
use crate::flows::{Flows, Tuple};
use crate::settings::Settings;
use crate::worker::{Judged, Outcome, Worker};

struct Shared {
    membership: Mutex<Membership>,
    /// How often packets' view of it has changed.
    version: AtomicU64,
    /// When somebody has to look at it.
    due_ns: AtomicU64,
}

struct BalancerWorker {
    flows: Flows<Tuple, Binding>,
    view: Membership,
    version: u64,
    idle_ns: u64,
    shared: Arc<Shared>,
}

/// The workers.
pub(crate) fn workers(count: usize, settings: &Settings) -> Vec<Box<dyn Worker>> {
    let membership = Membership::new(settings);
    let shared = Arc::new(Shared {
        membership: Mutex::new(membership.clone()),
        version: AtomicU64::new(0),
        due_ns: AtomicU64::new(0),
    });
    let worker = || BalancerWorker {
        flows: Flows::new(settings.packet_sets),
        view: membership.clone(),
        version: 0,
        idle_ns: settings.maglev_idle_ns,
        shared: Arc::clone(&shared),
    };
    (0..count).map(|_| Box::new(worker()) as Box<dyn Worker>).collect()
}

impl BalancerWorker {
    /// Changes what is shared; `change` says whether packets will see a difference.
    #[cold]
    fn change(&self, change: impl FnOnce(&mut Membership) -> bool) {
        let shared = &self.shared;
        let mut membership = shared.membership.lock().unwrap_or_else(PoisonError::into_inner);
        if change(&mut membership) {
            shared.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes over what others have changed.
    #[inline]
    fn look(&mut self) {
        if self.shared.version.load(Ordering::Acquire) != self.version {
            self.renew();
        }
    }

    #[cold]
    fn renew(&mut self) {
        let membership = self.shared.membership.lock().unwrap_or_else(PoisonError::into_inner);
        self.version = self.shared.version.load(Ordering::Acquire);
        self.view.clone_from(&membership);
    }
}

impl Worker for BalancerWorker {
    fn tick(&mut self, now_ns: u64) {
        if self.flows.is_due(now_ns) {
            self.flows.expire(now_ns, usize::MAX, |_| {});
        }
        if self.shared.due_ns.load(Ordering::Relaxed) <= now_ns {
            let due_ns = &self.shared.due_ns;
            self.change(|membership| {
                let changed = membership.tick(now_ns);
                due_ns.store(membership.due_ns(), Ordering::Relaxed);
                changed
            });
        }
        self.look();
    }

    #[inline]
    fn packet(&mut self, packet: &mut Packet<'_>, now_ns: u64) -> Judged {
        self.look();
        let request = match read(packet) {
            Ok(Arrived::Request(request)) => request,
            Ok(Arrived::Heartbeat(address, mac)) => {
                let port = packet.port();
                self.change(|membership| membership.heartbeat(address, mac, port, now_ns));
                return Ok(Outcome::Consume);
            }
            Err((flow, reason)) => {
                if let Some(entry) = flow.and_then(|flow| self.flows.get(&flow)) {
                    entry.set_end_ns(now_ns + self.idle_ns);
                }
                return Err(reason);
            }
        };
        let end_ns = now_ns + self.idle_ns;
        let binding = match self.flows.get_mut(&request.key) {
            Some(entry) => {
                entry.set_end_ns(end_ns);
                if self.view.bound(entry.value).is_none() {
                    entry.value = self.view.choose(&request)?;
                }
                entry.value
            }
            None => {
                let binding = self.view.choose(&request)?;
                if !self.flows.is_full() {
                    self.flows.insert(request.key, binding, end_ns);
                }
                binding
            }
        };
        forward(packet, &request, &self.view.slots[usize::from(binding.slot)])
    }

    fn counted(&self) -> Vec<u64> {
        vec![self.flows.len() as u64]
    }
}

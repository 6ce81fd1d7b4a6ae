//! A device of DPDK's: probed, set up, started, and in the end stopped and removed.

use super::buffers::Buffers;
use super::eal::{Eal, with_devices};
use super::error::{Error, Step};
use super::packet::Burst;
use super::scaling::Scaling;
use super::spec::DeviceSpec;
use crate::rss::Offer;
use nfos_sync::atomic::{AtomicBool, Ordering};
use nfos_sync::{Arc, thread};
use std::ffi::{CStr, CString, c_int};
use std::time::Duration;

/// Descriptors of a queue: what a worker that is away for a millisecond finds waiting.
pub(super) const DESCRIPTORS: u16 = 1024;
/// How often either end of a `net_memif` looks whether the other is there, and what lies between.
const PEER_LOOKS: usize = 100;
const PEER_INTERVAL: Duration = Duration::from_millis(100);
/// Looks in vain before a client connects anew: a connection takes a few milliseconds.
const LOOKS_PER_CONNECT: usize = 10;
/// Drivers that send packets in several buffers and do not say so.
const SEND_SEGMENTS: [&str; 5] = ["net_af_packet", "net_memif", "net_pcap", "net_ring", "net_tap"];
/// Bursts taken out of a device before it goes.
const LAST_BURSTS: usize = 1024;

/// A device that is known to DPDK and not set up yet.
#[derive(Debug)]
pub(super) struct Probed {
    port: u16,
    connects: bool,
    /// What it can do.
    pub(super) abilities: Abilities,
}

/// What a device says of itself.
#[derive(Clone, Debug)]
pub(super) struct Abilities {
    /// The driver's name.
    pub driver: String,
    /// Most receive queues.
    pub rx_queues: u16,
    /// Most transmit queues.
    pub tx_queues: u16,
    /// Its receive-side scaling, as far as it offers any.
    pub offer: Offer,
    /// Whether it sends a packet that lies in several buffers.
    pub segments: bool,
    /// Whether it must be told that there will be such packets.
    asks_for_segments: bool,
    /// Whether received packets may lie in several buffers, if asked for.
    scatter: bool,
    /// Its memory node, −1 for any.
    socket: c_int,
}

impl Probed {
    /// Makes a device known.
    pub(super) fn new(_eal: &Eal, spec: &DeviceSpec) -> Result<Self, Error> {
        let c = |text: &str| CString::new(text).map_err(|_| Error::new(Step::Probe, 22));
        let name = spec.name();
        let (c_name, c_devargs) = (c(name)?, c(spec.devargs())?);
        let port = with_devices(|| {
            let known = find(&c_name);
            // EAL has probed a real device at its start already. One that is in use is not: it is
            // refused before it comes here, by its name.
            if let Ok(port) = known
                && is_pci(name)
            {
                return Ok(port);
            }
            if known.is_ok() {
                return Err(Error::new(Step::Probe, 17));
            }
            // SAFETY: EAL runs, and the string ends in NUL and is copied.
            let outcome = unsafe { dpdk_sys::rte_dev_probe(c_devargs.as_ptr()) };
            if outcome < 0 {
                return Err(Error::new(Step::Probe, outcome));
            }
            find(&c_name)
        })?;
        let info = info(port)?;
        Ok(Self { port, connects: spec.connects(), abilities: Abilities::of(port, &info) })
    }

    /// Sets it up with `rx` and `tx` queues, of which it has as many, and starts it.
    pub(super) fn start(
        self,
        buffers: Buffers,
        rx: u16,
        tx: u16,
        scaling: Option<&Scaling>,
    ) -> Result<Arc<Device>, Error> {
        let Self { port, connects, abilities } = self;
        // From here on it is removed if anything fails.
        let mut device = Device {
            port,
            rx,
            tx,
            rx_descriptors: 0,
            abilities,
            started: AtomicBool::new(false),
            queues_taken: AtomicBool::new(false),
            buffers,
        };
        device.configure(scaling)?;
        device.rx_descriptors = device.set_queues_up()?;
        device.run(connects)?;
        if let Some(scaling) = scaling {
            scaling.program(port)?;
        }
        Ok(Arc::new(device))
    }

    /// Removes a device that was never set up.
    pub(super) fn remove(self) {
        remove(self.port);
    }
}

impl Abilities {
    fn of(port: u16, info: &dpdk_sys::rte_eth_dev_info) -> Self {
        // SAFETY: the driver's name is a string that ends in NUL and lives as long as the driver.
        let driver = unsafe { CStr::from_ptr(info.driver_name) };
        let asks_for_segments =
            info.tx_offload_capa & dpdk_sys::NFOS_RTE_ETH_TX_OFFLOAD_MULTI_SEGS != 0;
        Self {
            driver: driver.to_string_lossy().into_owned(),
            rx_queues: info.max_rx_queues,
            tx_queues: info.max_tx_queues,
            offer: Offer::of_driver(
                &driver.to_string_lossy(),
                info.flow_type_rss_offloads,
                info.reta_size,
                info.hash_key_size,
            ),
            segments: asks_for_segments || SEND_SEGMENTS.contains(&&*driver.to_string_lossy()),
            asks_for_segments,
            scatter: info.rx_offload_capa & dpdk_sys::NFOS_RTE_ETH_RX_OFFLOAD_SCATTER != 0,
            // SAFETY: the port is a device.
            socket: unsafe { dpdk_sys::rte_eth_dev_socket_id(port) },
        }
    }

    /// The memory node of its packets.
    pub(super) fn socket(&self) -> c_int {
        self.socket
    }

    fn is(&self, driver: &str) -> bool {
        self.driver == driver
    }

    /// How many queues it is set up with, for so many workers and one sender more: receive queues
    /// if scaling does not fill one for each worker, and transmit queues.
    pub(super) fn queues(&self, workers: u16) -> (u16, u16) {
        // Drivers that are programs have their ways: some must get exactly what they were told in
        // their arguments, others say they had more queues than work.
        match self.driver.as_str() {
            "net_af_packet" | "net_pcap" => (self.rx_queues.max(1), self.tx_queues.max(1)),
            "net_tap" | "net_memif" | "net_ring" => (1, 1),
            _ => (1, self.tx_queues.clamp(1, workers + 1)),
        }
    }
}

/// The number of the device of this name.
fn find(name: &CStr) -> Result<u16, Error> {
    let mut port = 0;
    // SAFETY: EAL runs, the name ends in NUL, and the number may be written.
    let outcome = unsafe { dpdk_sys::rte_eth_dev_get_port_by_name(name.as_ptr(), &raw mut port) };
    if outcome == 0 { Ok(port) } else { Err(Error::new(Step::Find, outcome)) }
}

fn info(port: u16) -> Result<dpdk_sys::rte_eth_dev_info, Error> {
    let mut info = dpdk_sys::rte_eth_dev_info::default();
    // SAFETY: the struct may be written.
    let outcome = unsafe { dpdk_sys::rte_eth_dev_info_get(port, &raw mut info) };
    if outcome == 0 { Ok(info) } else { Err(Error::new(Step::Inspect, outcome)) }
}

/// Whether a name is the address of a PCI device, `0000:18:00.0` or `18:00.0`.
pub(super) fn is_pci(name: &str) -> bool {
    let name = name.strip_prefix("pci:").unwrap_or(name);
    name.contains(':') && name.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.')
}

/// A device that runs.
#[derive(Debug)]
pub(super) struct Device {
    port: u16,
    rx: u16,
    tx: u16,
    /// Packets that a receive queue holds.
    pub(super) rx_descriptors: u16,
    /// What it can do.
    pub(super) abilities: Abilities,
    started: AtomicBool,
    queues_taken: AtomicBool,
    /// Last, so that it outlives the device: see `drop`.
    buffers: Buffers,
}

impl Device {
    fn configure(&self, scaling: Option<&Scaling>) -> Result<(), Error> {
        let mut conf = dpdk_sys::rte_eth_conf::default();
        if let Some(scaling) = scaling {
            conf.rxmode.mq_mode = dpdk_sys::RTE_ETH_MQ_RX_RSS;
            conf.rx_adv_conf.rss_conf = scaling.conf();
        }
        if self.abilities.asks_for_segments {
            conf.txmode.offloads |= dpdk_sys::NFOS_RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
        }
        if self.abilities.scatter {
            conf.rxmode.offloads |= dpdk_sys::NFOS_RTE_ETH_RX_OFFLOAD_SCATTER;
        }
        // SAFETY: the configuration is valid for the call, the key it points to included.
        let outcome = unsafe {
            dpdk_sys::rte_eth_dev_configure(self.port, self.rx, self.tx, &raw const conf)
        };
        check(Step::Configure, outcome)
    }

    /// Sets its queues up; how many descriptors a receive queue has.
    fn set_queues_up(&self) -> Result<u16, Error> {
        let (mut rx_descriptors, mut tx_descriptors) = (DESCRIPTORS, DESCRIPTORS);
        // SAFETY: both numbers may be written.
        let outcome = unsafe {
            dpdk_sys::rte_eth_dev_adjust_nb_rx_tx_desc(
                self.port,
                &raw mut rx_descriptors,
                &raw mut tx_descriptors,
            )
        };
        check(Step::Configure, outcome)?;
        let socket = self.abilities.socket() as u32;
        for queue in 0..self.rx {
            // SAFETY: the queue is one of those configured, null asks for the driver's own
            // settings, and the pool outlives the device, see `drop`.
            let outcome = unsafe {
                dpdk_sys::rte_eth_rx_queue_setup(
                    self.port,
                    queue,
                    rx_descriptors,
                    socket,
                    std::ptr::null(),
                    self.buffers.as_ptr(),
                )
            };
            check(Step::ReceiveQueue, outcome)?;
        }
        for queue in 0..self.tx {
            // SAFETY: as above.
            let outcome = unsafe {
                dpdk_sys::rte_eth_tx_queue_setup(
                    self.port,
                    queue,
                    tx_descriptors,
                    socket,
                    std::ptr::null(),
                )
            };
            check(Step::TransmitQueue, outcome)?;
        }
        Ok(rx_descriptors)
    }

    /// Starts it, and waits some seconds for its other end, if it has one: what is sent before that
    /// is there is refused.
    ///
    /// One that connects is refused until its server listens, and sent away for good by a server
    /// that listens and is not started yet. So it is started anew until it is connected.
    fn run(&self, connects: bool) -> Result<(), Error> {
        let mut outcome = self.start();
        if self.abilities.is("net_memif") {
            for look in 1..=PEER_LOOKS {
                if outcome.is_ok() && self.is_up() {
                    break;
                }
                thread::sleep(PEER_INTERVAL);
                if outcome.is_ok() && connects && look % LOOKS_PER_CONNECT == 0 && !self.is_up() {
                    self.stop();
                    outcome = self.start();
                } else if outcome.is_err() {
                    outcome = self.start();
                }
            }
        }
        outcome?;
        // Relaxed: read by `drop` alone, which has the device for itself.
        self.started.store(true, Ordering::Relaxed);
        // A function in the network is to see what is not for the card itself. Cards that are
        // programs may not know the question, and see everything.
        // SAFETY: the device is started.
        unsafe { dpdk_sys::rte_eth_promiscuous_enable(self.port) };
        Ok(())
    }

    fn start(&self) -> Result<(), Error> {
        // SAFETY: the device is configured, and each of its queues is set up.
        check(Step::StartDevice, unsafe { dpdk_sys::rte_eth_dev_start(self.port) })
    }

    /// Stops it. Nobody receives from its queues or sends to them any more, or yet.
    fn stop(&self) {
        // SAFETY: the device is started, and no queue of it is in use.
        unsafe { dpdk_sys::rte_eth_dev_stop(self.port) };
    }

    fn is_up(&self) -> bool {
        let mut link = dpdk_sys::rte_eth_link::default();
        // SAFETY: the struct may be written.
        let outcome = unsafe { dpdk_sys::rte_eth_link_get_nowait(self.port, &raw mut link) };
        outcome == 0 && link.link_status() != 0
    }

    /// Its queues, each once. None the second time.
    pub(super) fn take_queues(self: &Arc<Self>) -> Option<(Vec<RxQueue>, Vec<TxQueue>)> {
        // Relaxed: the exchange alone decides who gets them.
        if self.queues_taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        let rx = (0..self.rx).map(|queue| RxQueue { device: Arc::clone(self), queue }).collect();
        let tx = (0..self.tx).map(|queue| TxQueue { device: Arc::clone(self), queue }).collect();
        Some((rx, tx))
    }

    /// Its pool.
    #[inline]
    pub(super) fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// What it counted itself.
    pub(super) fn statistics(&self) -> dpdk_sys::rte_eth_stats {
        let mut statistics = dpdk_sys::rte_eth_stats::default();
        // SAFETY: the struct may be written. A device that keeps no statistics leaves it.
        unsafe { dpdk_sys::rte_eth_stats_get(self.port, &raw mut statistics) };
        statistics
    }

    /// Writes the table by which it steers; for a device that was started with `scaling`.
    pub(super) fn write_table(&self, scaling: &Scaling, table: &[u16]) -> Result<(), Error> {
        scaling.write(self.port, table)
    }

    /// The same as the device has it.
    #[cfg(test)]
    pub(super) fn read_table(&self, scaling: &Scaling) -> Result<Vec<u16>, Error> {
        scaling.read(self.port)
    }

    /// Its link, in words.
    pub(super) fn link(&self) -> String {
        let mut link = dpdk_sys::rte_eth_link::default();
        // SAFETY: the struct may be written.
        let outcome = unsafe { dpdk_sys::rte_eth_link_get_nowait(self.port, &raw mut link) };
        match (outcome, link.link_status(), link.link_speed) {
            (0, 0, _) => "link down".to_owned(),
            (0, _, 0 | u32::MAX) => "link up".to_owned(),
            (0, _, mbps) => format!("link up at {mbps} Mb/s"),
            _ => "link unknown".to_owned(),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.started.load(Ordering::Relaxed) {
            // What waits in a device that is a program is in buffers of the pool.
            for queue in 0..self.rx {
                let mut burst = Burst::new();
                let bursts =
                    (0..LAST_BURSTS).take_while(|_| receive(self.port, queue, &mut burst, 32) > 0);
                bursts.for_each(drop);
            }
            // No queue of it is left: each holds the device.
            self.stop();
        }
        remove(self.port);
        // The pool goes after this, with no device that could fill a buffer.
    }
}

/// Removes a device from DPDK, whatever state it is in.
fn remove(port: u16) {
    with_devices(|| {
        if let Ok(info) = info(port) {
            // SAFETY: the device is the port's own, and nobody uses the port any more.
            let outcome = unsafe { dpdk_sys::rte_dev_remove(info.device) };
            if outcome != 0 {
                // SAFETY: as above; what cannot be removed is at least closed.
                unsafe { dpdk_sys::rte_eth_dev_close(port) };
            }
        }
    });
}

fn check(step: Step, outcome: c_int) -> Result<(), Error> {
    if outcome < 0 { Err(Error::new(step, outcome)) } else { Ok(()) }
}

/// Receives up to `count` packets. The caller is the only one to receive from this queue.
#[inline]
fn receive(port: u16, queue: u16, burst: &mut Burst, count: usize) -> usize {
    burst.fill(count, |slots, count| {
        // SAFETY: the device is started, the queue is one of its own and used by the caller alone,
        // and there are `count` slots to write.
        usize::from(unsafe { dpdk_sys::nfos_rx_burst(port, queue, slots, count as u16) })
    })
}

/// A receive queue, of which there is one handle.
#[derive(Debug)]
pub(super) struct RxQueue {
    device: Arc<Device>,
    queue: u16,
}

impl RxQueue {
    /// Fills a burst with up to `count` packets; how many.
    #[inline]
    pub(super) fn receive(&mut self, burst: &mut Burst, count: usize) -> usize {
        receive(self.device.port, self.queue, burst, count)
    }
}

/// A transmit queue, of which there is one handle.
#[derive(Debug)]
pub(super) struct TxQueue {
    device: Arc<Device>,
    queue: u16,
}

impl TxQueue {
    /// Its device.
    #[inline]
    pub(super) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Sends packets of a burst from the first on, and leaves the others there; how many it sent.
    #[inline]
    pub(super) fn send(&mut self, burst: &mut Burst) -> usize {
        let (port, queue) = (self.device.port, self.queue);
        burst.hand_over(|slots, count| {
            // SAFETY: the device is started, the queue is one of its own and `&mut self` its only
            // user, and the slots hold that many packets that the burst owns.
            unsafe { dpdk_sys::nfos_tx_burst(port, queue, slots, count) }
        })
    }
}

//! Ports, frames, protocol headers, steering and captures.
//!
//! Everything between the wire and the worker, and nothing beyond: no transaction, no network
//! function, no thread of its own. What comes from the wire or a file is hostile and is checked
//! where it enters; nothing reads beyond a frame, and after start-up nothing allocates.
//!
//! | module | what it does |
//! |---|---|
//! | `frame`, `pool`, `lent` | packets in buffers that are made once: [`Frame`], [`Pool`] |
//! | [`headers`] | checked views of protocol headers, and their emission |
//! | [`rules`] | packet-set definitions as plain values, and what is wrong with them |
//! | `gather`, `key` | header fields collected into a [`Key`] |
//! | `classifier` | from a frame to its packet set: [`Classifier`] |
//! | [`toeplitz`], `steering` | from a frame to its worker: [`Steering`] |
//! | [`rss`] | whether a network card can do the same |
//! | `ring` | bursts between two threads: [`ring()`] |
//! | [`capture`] | pcap and pcapng files |
//! | [`port`] | port specifications, live ports, the memory port |
//! | [`synthetic`] | workloads made up |
//! | `dpdk` | devices that the system's DPDK drives, with the feature of this name |
#![cfg_attr(not(feature = "dpdk"), forbid(unsafe_code))]

pub mod capture;
mod classifier;
#[cfg(feature = "dpdk")]
pub mod dpdk;
mod frame;
mod gather;
pub mod headers;
mod id;
mod key;
mod lent;
mod pool;
pub mod port;
mod quick;
mod ring;
pub mod rss;
pub mod rules;
mod steering;
pub mod synthetic;
pub mod toeplitz;

pub use classifier::{Class, Classifier};
pub use frame::{Descriptor, FRAME_BYTES_MAX, Frame, HEADROOM, TooLong, copy_short};
pub use id::{PORTS_MAX, PortId};
pub use key::{KEY_BYTES_MAX, KEY_WORDS, Key, SHORT_KEY_BYTES_MAX, ShortKey};
pub use pool::Pool;
pub use port::{
    CaptureSpec, Clock, Entered, Loss, Memory, MemorySpec, Port, PortCounters, PortError, PortSpec,
    Queue, Received, Repeat, Resteer, SpecError, check_files, enter_thread, offer_of, open_live,
    open_ports, remarks,
};
pub use ring::{Receiver, Sender, ring};
pub use rules::{Field, KeyRule, Layer, RuleError, SetRules};
pub use steering::spread::{Share, Source, Spread};
pub use steering::{Steering, WORKERS_MAX, WorkerCountError};
pub use synthetic::Workload;

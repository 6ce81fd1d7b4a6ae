//! A device's receive-side scaling, programmed as [`rss::plan`](crate::rss::plan) says.

use super::error::{Error, Step};
use crate::rss::Plan;
use crate::toeplitz::{DEFAULT_KEY, KEY_BYTES, SYMMETRIC_KEY};

const GROUP: usize = dpdk_sys::RTE_ETH_RETA_GROUP_SIZE as usize;

const _: () = {
    use crate::rss::flow_types::{
        FRAG_IPV4, FRAG_IPV6, IPV4, IPV4_OTHER, IPV4_TCP, IPV4_UDP, IPV6, IPV6_OTHER, IPV6_TCP,
        IPV6_UDP,
    };
    assert!(IPV4 == dpdk_sys::NFOS_RTE_ETH_RSS_IPV4);
    assert!(FRAG_IPV4 == dpdk_sys::NFOS_RTE_ETH_RSS_FRAG_IPV4);
    assert!(IPV4_TCP == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV4_TCP);
    assert!(IPV4_UDP == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV4_UDP);
    assert!(IPV4_OTHER == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV4_OTHER);
    assert!(IPV6 == dpdk_sys::NFOS_RTE_ETH_RSS_IPV6);
    assert!(FRAG_IPV6 == dpdk_sys::NFOS_RTE_ETH_RSS_FRAG_IPV6);
    assert!(IPV6_TCP == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV6_TCP);
    assert!(IPV6_UDP == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV6_UDP);
    assert!(IPV6_OTHER == dpdk_sys::NFOS_RTE_ETH_RSS_NONFRAG_IPV6_OTHER);
};

/// What a device is programmed with.
#[derive(Debug)]
pub(super) struct Scaling {
    key: [u8; KEY_BYTES],
    key_bytes: u8,
    flow_types: u64,
    table: Vec<u16>,
}

impl Scaling {
    /// As planned, for a device whose key has `key_bytes`.
    pub(super) fn new(plan: Plan, key_bytes: u8) -> Self {
        Self {
            key: if plan.symmetric { SYMMETRIC_KEY } else { DEFAULT_KEY },
            key_bytes: key_bytes.min(KEY_BYTES as u8),
            flow_types: plan.flow_types,
            table: plan.table,
        }
    }

    /// For the configuration of the device. Points to the key, which must outlive it.
    pub(super) fn conf(&self) -> dpdk_sys::rte_eth_rss_conf {
        dpdk_sys::rte_eth_rss_conf {
            rss_key: self.key.as_ptr().cast_mut(),
            rss_key_len: self.key_bytes,
            rss_hf: self.flow_types,
        }
    }

    /// Writes the table of a device that runs, and checks that it hashes what was asked for: a
    /// driver may leave out what it does not have.
    pub(super) fn program(&self, port: u16) -> Result<(), Error> {
        self.write(port, &self.table)?;
        let mut key = [0; KEY_BYTES];
        let mut set = dpdk_sys::rte_eth_rss_conf {
            rss_key: key.as_mut_ptr(),
            rss_key_len: self.key_bytes,
            rss_hf: 0,
        };
        // SAFETY: the key has room for `rss_key_len` bytes.
        let outcome = unsafe { dpdk_sys::rte_eth_dev_rss_hash_conf_get(port, &raw mut set) };
        let length = usize::from(self.key_bytes);
        let is_set =
            set.rss_hf & self.flow_types == self.flow_types && key[..length] == self.key[..length];
        match outcome {
            0 if is_set => Ok(()),
            0 => Err(Error::new(Step::Scaling, 95)),
            outcome => Err(Error::new(Step::Scaling, outcome)),
        }
    }

    /// Writes a worker for each entry of ours, again and again where the device's table is larger,
    /// and checks that they are there, if the driver tells.
    pub(super) fn write(&self, port: u16, table: &[u16]) -> Result<(), Error> {
        let table: Vec<u16> = table.iter().copied().cycle().take(self.table.len()).collect();
        let mut entries = groups(&table);
        // SAFETY: there are as many groups as a table of this size has.
        let outcome = unsafe {
            let size = table.len() as u16;
            dpdk_sys::rte_eth_dev_rss_reta_update(port, entries.as_mut_ptr(), size)
        };
        if outcome != 0 {
            return Err(Error::new(Step::Scaling, outcome));
        }
        match self.read(port) {
            Ok(read) if read != table => Err(Error::new(Step::Scaling, 5)),
            _ => Ok(()),
        }
    }

    /// The table that the device has. Not every driver tells.
    pub(super) fn read(&self, port: u16) -> Result<Vec<u16>, Error> {
        let mut entries = groups(&vec![0; self.table.len()]);
        // SAFETY: as above.
        let outcome = unsafe {
            let size = self.table.len() as u16;
            dpdk_sys::rte_eth_dev_rss_reta_query(port, entries.as_mut_ptr(), size)
        };
        if outcome != 0 {
            return Err(Error::new(Step::Scaling, outcome));
        }
        let read = entries.iter().flat_map(|group| group.reta);
        Ok(read.take(self.table.len()).collect())
    }
}

/// A table as DPDK takes and gives it, all entries chosen.
fn groups(table: &[u16]) -> Vec<dpdk_sys::rte_eth_rss_reta_entry64> {
    let group = |workers: &[u16]| {
        let mut group = dpdk_sys::rte_eth_rss_reta_entry64 {
            mask: u64::MAX >> (64 - workers.len()),
            reta: [0; GROUP],
        };
        group.reta[..workers.len()].copy_from_slice(workers);
        group
    };
    table.chunks(GROUP).map(group).collect()
}

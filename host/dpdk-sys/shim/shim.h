/* What Rust calls of DPDK: declarations that bindgen reads. Most of what a packet passes through
 * is inline in DPDK's headers and so has no symbol; nfos_* give it one. */
#ifndef NFOS_SHIM_H
#define NFOS_SHIM_H

#include <rte_config.h>
#include <rte_common.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_memory.h>
#include <rte_version.h>

uint16_t nfos_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t count);
uint16_t nfos_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t count);
int nfos_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **packets, unsigned int count);
struct rte_mbuf *nfos_alloc(struct rte_mempool *pool);
void nfos_free_bulk(struct rte_mbuf **packets, unsigned int count);
void nfos_free(struct rte_mbuf *packet);
int nfos_errno(void);

/* Macros whose values bindgen cannot compute. */
#define NFOS_CONSTANT(name) static const uint64_t NFOS_##name = name
#ifdef NFOS_BINDGEN
NFOS_CONSTANT(RTE_ETH_RSS_IPV4);
NFOS_CONSTANT(RTE_ETH_RSS_FRAG_IPV4);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV4_TCP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV4_UDP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV4_SCTP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV4_OTHER);
NFOS_CONSTANT(RTE_ETH_RSS_IPV6);
NFOS_CONSTANT(RTE_ETH_RSS_FRAG_IPV6);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV6_TCP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV6_UDP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV6_SCTP);
NFOS_CONSTANT(RTE_ETH_RSS_NONFRAG_IPV6_OTHER);
NFOS_CONSTANT(RTE_ETH_RSS_L2_PAYLOAD);
NFOS_CONSTANT(RTE_ETH_RSS_L3_SRC_ONLY);
NFOS_CONSTANT(RTE_ETH_RSS_L3_DST_ONLY);
NFOS_CONSTANT(RTE_ETH_RSS_L4_SRC_ONLY);
NFOS_CONSTANT(RTE_ETH_RSS_L4_DST_ONLY);
NFOS_CONSTANT(RTE_ETH_RSS_L2_SRC_ONLY);
NFOS_CONSTANT(RTE_ETH_RSS_L2_DST_ONLY);
NFOS_CONSTANT(RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
NFOS_CONSTANT(RTE_ETH_RX_OFFLOAD_SCATTER);
NFOS_CONSTANT(RTE_MBUF_F_EXTERNAL);
NFOS_CONSTANT(RTE_MBUF_F_INDIRECT);
#endif

#endif

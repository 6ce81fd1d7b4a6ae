/* Symbols for what is inline in DPDK's headers. No logic. */
#include "shim.h"

uint16_t nfos_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t count) {
    return rte_eth_rx_burst(port, queue, packets, count);
}

uint16_t nfos_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t count) {
    return rte_eth_tx_burst(port, queue, packets, count);
}

int nfos_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **packets, unsigned int count) {
    return rte_pktmbuf_alloc_bulk(pool, packets, count);
}

struct rte_mbuf *nfos_alloc(struct rte_mempool *pool) {
    return rte_pktmbuf_alloc(pool);
}

void nfos_free_bulk(struct rte_mbuf **packets, unsigned int count) {
    rte_pktmbuf_free_bulk(packets, count);
}

void nfos_free(struct rte_mbuf *packet) {
    rte_pktmbuf_free(packet);
}

int nfos_errno(void) {
    return rte_errno;
}

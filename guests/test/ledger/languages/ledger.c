/* The ledger in C: see ../src/lib.rs. */
#include <nfos.h>

struct page {
    uint64_t sum, greatest;
};

static nfos_map counts;
static nfos_parts pages;

static void init(nfos_configuration *configuration) {
    (void)configuration;
    counts = nfos_map_open_with("counts", 64, 2, NFOS_PLAIN);
    pages = nfos_parts_open("pages", 0);
}

static void merge(void *merged, const void *part) {
    struct page *into = merged;
    const struct page *page = part;
    into->sum += page->sum;
    if (page->greatest > into->greatest) into->greatest = page->greatest;
}

static void put(uint8_t *bytes, uint64_t value, int count) {
    while (count-- > 0) {
        bytes[count] = (uint8_t)value;
        value >>= 8;
    }
}

static nfos_verdict orphan_packet(nfos_packet *packet) {
    uint8_t *bytes = packet->bytes;
    if (packet->length < 39) return nfos_send_to(packet->port ^ 1);
    uint8_t key[2] = {bytes[14], bytes[15]};
    uint64_t count = 0, all = 0, place = 0;
    nfos_map_get(counts, &key, &count);
    if (bytes[16] % 3 == 0) {
        count += 1;
        nfos_map_set(counts, &key, &count);
    } else if (bytes[16] % 3 == 1) {
        nfos_map_remove(counts, &key);
    }
    struct page page;
    nfos_parts_own(pages, &page);
    page.sum += bytes[17];
    if (bytes[17] > page.greatest) page.greatest = bytes[17];
    nfos_parts_set(pages, &page);
    nfos_parts_read(pages, &page, merge);
    while (nfos_map_next(counts, &place, &key, &count))
        all += (uint64_t)(key[0] << 8 | key[1]) * 65537 + count;
    put(bytes + 20, nfos_map_len(counts), 2);
    put(bytes + 22, all, 8);
    put(bytes + 30, page.sum, 8);
    bytes[38] = (uint8_t)page.greatest;
    return nfos_send_to(packet->port ^ 1);
}

const nfos_function nfos_network_function = {
    .name = "ledger",
    .summary = "Goes through a map and merges parts, and writes what it finds to its frames.",
    .ports = 2,
    .init = init,
    .orphan_packet = orphan_packet,
};

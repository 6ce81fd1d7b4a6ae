/* A map whose entries go when they are not refreshed: stations, mappings, servers.
 *
 * A map leads from the key to an entry, a struct of the author's whose first member is
 * `uint32_t lease`; an allocator hands the leases out; and a vector has a record per lease, which
 * is its key, so that a lease that has run out leads back to its entry. Nothing goes by itself:
 * until nfos_leased_map_next_expired has found an entry and it has been removed, it is there. */
#ifndef NFOS_LEASED_MAP_H
#define NFOS_LEASED_MAP_H

#include "structures.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nfos_leased_map {
    nfos_map entries;
    nfos_allocator leases;
    nfos_vector records;
} nfos_leased_map;

/* Opens the map `name`, the allocator `name_leases` and the vector `name_records`, with room for
 * `capacity` entries with keys of `key_size` bytes, at most 48. A refresh that would move a
 * deadline by less than `refresh_interval` nanoseconds is skipped. */
nfos_leased_map nfos_leased_map_open(const char *name, uint32_t capacity, uint32_t key_size,
                                     uint64_t refresh_interval);

/* bool nfos_leased_map_get(map, const K *key, V *entry): an observation of this key alone. */
#define nfos_leased_map_get(map, key, entry) nfos_map_get((map)->entries, key, entry)

/* bool nfos_leased_map_insert(map, const K *key, V *entry, duration): makes an entry for
 * `duration` nanoseconds from now on, and sets its lease; false if no lease is left anywhere. The
 * key must have no entry: nfos_leased_map_get has just answered so. */
#define nfos_leased_map_insert(map, key, entry, duration)                                       \
    (nfos_allocator_allocate((map)->leases, duration, &(entry)->lease) &&                       \
     (nfos_map_set((map)->entries, key, entry),                                                 \
      nfos_vector_write((map)->records, (entry)->lease, key), true))

/* nfos_leased_map_set(map, const K *key, const V *entry): gives the key of an entry another
 * value. Conflicts with everybody who looked the key up. */
#define nfos_leased_map_set(map, key, entry) ((void)nfos_map_set((map)->entries, key, entry))

/* Keeps an entry for `duration` from now on at least; conflicts with nobody but its removal. */
static inline void nfos_leased_map_refresh(const nfos_leased_map *map, uint32_t lease,
                                           uint64_t duration) {
    nfos_allocator_refresh(map->leases, lease, duration);
}

/* bool nfos_leased_map_next_expired(map, nfos_expired_lease *lease, K *key): one entry whose lease
 * has run out, to be removed or refreshed in the same event; an observation. */
#define nfos_leased_map_next_expired(map, lease_, key)                                          \
    (nfos_allocator_next_expired((map)->leases, lease_) &&                                      \
     (nfos_vector_read((map)->records, (lease_)->id, key), true))

/* nfos_leased_map_remove(map, lease, const K *key): removes an entry and gives its lease back. The
 * handler ends here if the lease is not held. */
#define nfos_leased_map_remove(map, lease, key)                                                 \
    ((void)nfos_map_remove((map)->entries, key), nfos_allocator_free((map)->leases, lease))

#ifdef __cplusplus
}
#endif
#endif

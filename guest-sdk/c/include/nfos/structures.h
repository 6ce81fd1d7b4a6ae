/* Aggregate state: the structures that every worker shares, opened by name in `init`.
 *
 * A value is any struct of at most 48 bytes, a key any of at most 64 in which no byte is padding.
 * The macros take pointers to them. What an operation *observes* is what may make the host run
 * the handler again; the rest conflicts with nobody. */
#ifndef NFOS_STRUCTURES_H
#define NFOS_STRUCTURES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../generated/nf.h"

#ifdef __cplusplus
extern "C" {
#define NFOS_FITS_(size, most) 0
#else
/* 0, or no program at all. */
#define NFOS_FITS_(size, most) (0 * sizeof(char[(size) <= (most) ? 1 : -1]))
#endif

/* Sizes of the values that these pointers point to. */
#define NFOS_VALUE_SIZE_(value) (sizeof *(value) + NFOS_FITS_(sizeof *(value), 48))
#define NFOS_KEY_SIZE_(key) (sizeof *(key) + NFOS_FITS_(sizeof *(key), 64))

/* The unit of aggregate state: six words. */
typedef nfos_nf_types_cell_t nfos_cell;

static inline nfos_cell nfos_cell_of_(const void *value, size_t size) {
    nfos_cell cell = {0, 0, 0, 0, 0, 0};
    memcpy(&cell, value, size);
    return cell;
}

/* An array of cells of fixed length. */
typedef struct nfos_vector {
    nfos_nf_vector_borrow_vector_t handle;
} nfos_vector;

/* Opens the vector `name` with `length` cells, all zero at first. */
nfos_vector nfos_vector_open(const char *name, uint32_t length);

/* nfos_vector_read(vector, index, T *value): the cell `index`; an observation. The handler ends
 * here if the index is not below the length; so with all that take one. */
#define nfos_vector_read(vector, index, value)                                                  \
    nfos_vector_read_(vector, index, value, NFOS_VALUE_SIZE_(value))
static inline void nfos_vector_read_(nfos_vector vector, uint32_t index, void *value,
                                     size_t size) {
    nfos_cell cell;
    nfos_nf_vector_method_vector_read(vector.handle, index, &cell);
    memcpy(value, &cell, size);
}

/* nfos_vector_write(vector, index, const T *value): replaces the cell `index`. */
#define nfos_vector_write(vector, index, value)                                                 \
    nfos_vector_write_(vector, index, value, NFOS_VALUE_SIZE_(value))
static inline void nfos_vector_write_(nfos_vector vector, uint32_t index, const void *value,
                                      size_t size) {
    nfos_cell cell = nfos_cell_of_(value, size);
    nfos_nf_vector_method_vector_write(vector.handle, index, &cell);
}

/* The word of a cell in which a uint64_t lies: NFOS_WORD(struct traffic, packets). */
#define NFOS_WORD(type, member) ((uint8_t)(offsetof(type, member) / 8))

/* Adds to a word of the cell `index`, modulo 2^64, without observing it. */
static inline void nfos_vector_add(nfos_vector vector, uint32_t index, uint8_t word,
                                   int64_t delta) {
    nfos_nf_vector_method_vector_add(vector.handle, index, word, delta);
}

/* A map from short keys to cells. */
typedef struct nfos_map {
    nfos_nf_hash_map_borrow_hash_map_t handle;
} nfos_map;

/* Opens the map `name` with room for `capacity` keys of `key_size` bytes. */
nfos_map nfos_map_open(const char *name, uint32_t capacity, uint32_t key_size);

/* How a map hashes its keys: with a secret of the host, so that nobody can send keys that collide,
 * or alike in every run, for keys that nobody outside can choose. */
typedef enum nfos_hashing { NFOS_KEYED, NFOS_PLAIN } nfos_hashing;

/* As nfos_map_open, with a choice of the hash; nfos_map_open takes NFOS_KEYED. */
nfos_map nfos_map_open_with(const char *name, uint32_t capacity, uint32_t key_size,
                            nfos_hashing hashing);

/* bool nfos_map_get(map, const K *key, V *value): the value of a key, or that there is none and
 * `value` is unchanged; an observation of this key alone. */
#define nfos_map_get(map, key, value)                                                           \
    nfos_map_get_(map, key, NFOS_KEY_SIZE_(key), value, NFOS_VALUE_SIZE_(value))
static inline bool nfos_map_get_(nfos_map map, const void *key, size_t key_size, void *value,
                                 size_t size) {
    nf_list_u8_t bytes = {(uint8_t *)key, key_size};
    nfos_cell cell;
    if (!nfos_nf_hash_map_method_hash_map_get(map.handle, &bytes, &cell)) return false;
    memcpy(value, &cell, size);
    return true;
}

/* bool nfos_map_set(map, const K *key, const V *value): gives the key a value, whether or not it
 * had one; false if the key was absent and there is no room for it. */
#define nfos_map_set(map, key, value)                                                           \
    nfos_map_set_(map, key, NFOS_KEY_SIZE_(key), value, NFOS_VALUE_SIZE_(value))
static inline bool nfos_map_set_(nfos_map map, const void *key, size_t key_size,
                                 const void *value, size_t size) {
    nf_list_u8_t bytes = {(uint8_t *)key, key_size};
    nfos_cell cell = nfos_cell_of_(value, size);
    return nfos_nf_hash_map_method_hash_map_set(map.handle, &bytes, &cell) ==
           NFOS_NF_HASH_MAP_SET_OUTCOME_OK;
}

/* bool nfos_map_remove(map, const K *key): removes the key and answers whether it was there; an
 * observation of this key alone. */
#define nfos_map_remove(map, key) nfos_map_remove_(map, key, NFOS_KEY_SIZE_(key))
static inline bool nfos_map_remove_(nfos_map map, const void *key, size_t key_size) {
    nf_list_u8_t bytes = {(uint8_t *)key, key_size};
    return nfos_nf_hash_map_method_hash_map_remove(map.handle, &bytes);
}

/* How many keys there are: an observation of every insertion and removal. */
static inline uint32_t nfos_map_len(nfos_map map) {
    return nfos_nf_hash_map_method_hash_map_len(map.handle);
}

/* bool nfos_map_next(map, uint64_t *place, K *key, V *value): the first entry at or behind a
 * place, which is 0 at first and then behind that entry; false if there is none. Within one event
 * each entry comes exactly once, in no order that is specified; from one event to the next, entries
 * that are inserted or removed in between may be passed by or met twice. An observation of what it
 * comes by: an event that also changes something runs again for any change of that. The handler
 * ends here when one event has come by some 60,000. */
#define nfos_map_next(map, place, key, value)                                                   \
    nfos_map_next_(map, place, key, NFOS_KEY_SIZE_(key), value, NFOS_VALUE_SIZE_(value))
static inline bool nfos_map_next_(nfos_map map, uint64_t *place, void *key, size_t key_size,
                                  void *value, size_t size) {
    nfos_nf_hash_map_entry_t entry;
    if (!nfos_nf_hash_map_method_hash_map_next(map.handle, *place, &entry)) return false;
    memcpy(key, &entry.key, key_size);
    memcpy(value, &entry.value, size);
    *place = entry.next;
    return true;
}

/* A lease whose deadline has passed: its id, still held, and when it ran out. */
typedef nfos_nf_allocator_expired_lease_t nfos_expired_lease;

/* A set of ids handed out for a time; times are in nanoseconds. */
typedef struct nfos_allocator {
    nfos_nf_allocator_borrow_allocator_t handle;
} nfos_allocator;

/* Opens the allocator `name` of the ids from 0 to `capacity - 1`. A refresh that would move a
 * deadline by less than `refresh_interval` is skipped. */
nfos_allocator nfos_allocator_open(const char *name, uint32_t capacity,
                                   uint64_t refresh_interval);

/* Takes a free id for `duration` from now on; false if no id is left anywhere. */
static inline bool nfos_allocator_allocate(nfos_allocator allocator, uint64_t duration,
                                           uint32_t *id) {
    return nfos_nf_allocator_method_allocator_allocate(allocator.handle, duration, id);
}

/* Keeps the lease for `duration` from now on at least. Answers whether the id was held. */
static inline bool nfos_allocator_refresh(nfos_allocator allocator, uint32_t id,
                                          uint64_t duration) {
    return nfos_nf_allocator_method_allocator_refresh(allocator.handle, id, duration);
}

/* Gives the id back. The handler ends here if it is not held. */
static inline void nfos_allocator_free(nfos_allocator allocator, uint32_t id) {
    nfos_nf_allocator_method_allocator_free(allocator.handle, id);
}

/* Whether the id is held and its deadline has not passed: an observation. */
static inline bool nfos_allocator_is_live(nfos_allocator allocator, uint32_t id) {
    return nfos_nf_allocator_method_allocator_is_live(allocator.handle, id);
}

/* One lease whose deadline has passed, to be freed or refreshed in the same event; false if there
 * is none: an observation. */
static inline bool nfos_allocator_next_expired(nfos_allocator allocator,
                                               nfos_expired_lease *lease) {
    return nfos_nf_allocator_method_allocator_next_expired(allocator.handle, lease);
}

/* How a word of the workers' parts is merged. */
typedef enum nfos_merge { NFOS_SUM, NFOS_MAX, NFOS_MIN, NFOS_OR } nfos_merge;

/* One cell that every worker updates on its own and reads merged. */
typedef struct nfos_distributed {
    nfos_nf_distributed_object_borrow_distributed_object_t handle;
} nfos_distributed;

/* Opens the object `name` of `words` words, at most six, each merged in its way. A value that is
 * read may be up to `staleness` nanoseconds old. */
nfos_distributed nfos_distributed_open(const char *name, const nfos_merge *merges,
                                       uint32_t words, uint64_t staleness);

/* Adds to a word of this worker's part, or takes the greatest, the least or the union. */
static inline void nfos_distributed_update(nfos_distributed object, uint8_t word,
                                           int64_t operand) {
    nfos_nf_distributed_object_method_distributed_object_update(object.handle, word, operand);
}

/* nfos_distributed_read(object, T *value): the merged value; an observation of all parts, unless
 * one within the staleness is at hand. */
#define nfos_distributed_read(object, value)                                                    \
    nfos_distributed_read_(object, value, NFOS_VALUE_SIZE_(value))
static inline void nfos_distributed_read_(nfos_distributed object, void *value, size_t size) {
    nfos_cell cell;
    nfos_nf_distributed_object_method_distributed_object_read(object.handle, &cell);
    memcpy(value, &cell, size);
}

/* One cell for each worker, which it changes as it likes, and which are merged in a way of your
 * own: one that gives the same in whatever order parts are merged, and for which a part of zeroes is
 * neutral. */
typedef struct nfos_parts {
    nfos_nf_distributed_object_borrow_distributed_object_t handle;
} nfos_parts;

/* Opens the object `name`, whose parts are all zero at first. A merged value that is read may be up
 * to `staleness` nanoseconds old. */
nfos_parts nfos_parts_open(const char *name, uint64_t staleness);

/* nfos_parts_own(parts, T *value): this worker's part. Conflicts with nobody. */
#define nfos_parts_own(parts, value) nfos_parts_own_(parts, value, NFOS_VALUE_SIZE_(value))
static inline void nfos_parts_own_(nfos_parts parts, void *value, size_t size) {
    nfos_cell cell;
    nfos_nf_distributed_object_method_distributed_object_own_part(parts.handle, &cell);
    memcpy(value, &cell, size);
}

/* nfos_parts_set(parts, const T *value): replaces this worker's part. Conflicts with nobody but
 * those who merge. */
#define nfos_parts_set(parts, value) nfos_parts_set_(parts, value, NFOS_VALUE_SIZE_(value))
static inline void nfos_parts_set_(nfos_parts parts, const void *value, size_t size) {
    nfos_cell cell = nfos_cell_of_(value, size);
    nfos_nf_distributed_object_method_distributed_object_set_part(parts.handle, &cell);
}

/* Merges the part `part` into `merged`. */
typedef void nfos_merging(void *merged, const void *part);

/* nfos_parts_read(parts, T *value, merging): the merged value; an observation of all parts, unless
 * one within the staleness is at hand. */
#define nfos_parts_read(parts, value, merging)                                                  \
    nfos_parts_read_(parts, value, NFOS_VALUE_SIZE_(value), merging)
static inline void nfos_parts_read_(nfos_parts parts, void *value, size_t size,
                                    nfos_merging *merging) {
    nfos_cell cell, part;
    if (!nfos_nf_distributed_object_method_distributed_object_published(parts.handle, &cell)) {
        uint32_t count = nfos_nf_distributed_object_method_distributed_object_parts(parts.handle);
        nfos_nf_distributed_object_method_distributed_object_part(parts.handle, 0, &cell);
        for (uint32_t index = 1; index < count; index++) {
            nfos_nf_distributed_object_method_distributed_object_part(parts.handle, index, &part);
            merging(&cell, &part);
        }
        nfos_nf_distributed_object_method_distributed_object_publish(parts.handle, &cell);
    }
    memcpy(value, &cell, size);
}

#ifdef __cplusplus
}
#endif
#endif

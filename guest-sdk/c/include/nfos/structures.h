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

#ifdef __cplusplus
}
#endif
#endif

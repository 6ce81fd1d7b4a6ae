/* Opening structures and reading parameters: what runs in `init`, once. */
#include "../include/nfos.h"

#include <stdlib.h>
#include <string.h>

/* No handle is ever dropped: structures stay open as long as the instance lives. */

static nf_string_t text(const char *name) {
    nf_string_t text = {(uint8_t *)name, strlen(name)};
    return text;
}

nfos_vector nfos_vector_open(const char *name, uint32_t length) {
    nf_string_t called = text(name);
    nfos_nf_vector_own_vector_t opened = nfos_nf_vector_static_vector_open(&called, length);
    return (nfos_vector){nfos_nf_vector_borrow_vector(opened)};
}

nfos_map nfos_map_open(const char *name, uint32_t capacity, uint32_t key_size) {
    nf_string_t called = text(name);
    nfos_nf_hash_map_own_hash_map_t opened =
        nfos_nf_hash_map_static_hash_map_open(&called, capacity, key_size);
    return (nfos_map){nfos_nf_hash_map_borrow_hash_map(opened)};
}

nfos_map nfos_map_open_with(const char *name, uint32_t capacity, uint32_t key_size,
                            nfos_hashing hashing) {
    nf_string_t called = text(name);
    nfos_nf_hash_map_own_hash_map_t opened = nfos_nf_hash_map_static_hash_map_open_with(
        &called, capacity, key_size, (nfos_nf_hash_map_hashing_t)hashing);
    return (nfos_map){nfos_nf_hash_map_borrow_hash_map(opened)};
}

nfos_allocator nfos_allocator_open(const char *name, uint32_t capacity,
                                   uint64_t refresh_interval) {
    nf_string_t called = text(name);
    nfos_nf_allocator_own_allocator_t opened =
        nfos_nf_allocator_static_allocator_open(&called, capacity, refresh_interval);
    return (nfos_allocator){nfos_nf_allocator_borrow_allocator(opened)};
}

nfos_distributed nfos_distributed_open(const char *name, const nfos_merge *merges,
                                       uint32_t words, uint64_t staleness) {
    nf_string_t called = text(name);
    nfos_nf_distributed_object_merge_t of_words[6];
    if (words > 6) nfos_panic("`%s` would have %u words; a cell has 6", name, words);
    for (uint32_t word = 0; word < words; word++)
        of_words[word] = (nfos_nf_distributed_object_merge_t)merges[word];
    nfos_nf_distributed_object_list_merge_t list = {of_words, words};
    nfos_nf_distributed_object_own_distributed_object_t opened =
        nfos_nf_distributed_object_static_distributed_object_open(&called, &list, staleness);
    return (nfos_distributed){nfos_nf_distributed_object_borrow_distributed_object(opened)};
}

nfos_parts nfos_parts_open(const char *name, uint64_t staleness) {
    nf_string_t called = text(name);
    nfos_nf_distributed_object_own_distributed_object_t opened =
        nfos_nf_distributed_object_static_distributed_object_open_parts(&called, staleness);
    return (nfos_parts){nfos_nf_distributed_object_borrow_distributed_object(opened)};
}

/* `name` followed by `ending`, on the heap. */
static const char *joined(const char *name, const char *ending) {
    size_t length = strlen(name), rest = strlen(ending) + 1;
    char *all = malloc(length + rest);
    if (all == NULL) nfos_panic("no memory is left for a name");
    memcpy(all, name, length);
    memcpy(all + length, ending, rest);
    return all;
}

nfos_leased_map nfos_leased_map_open(const char *name, uint32_t capacity, uint32_t key_size,
                                     uint64_t refresh_interval) {
    nfos_leased_map map;
    map.entries = nfos_map_open(name, capacity, key_size);
    map.leases = nfos_allocator_open(joined(name, "_leases"), capacity, refresh_interval);
    map.records = nfos_vector_open(joined(name, "_records"), capacity);
    return map;
}

static nfos_nf_parameters_value_t parameter(const char *name, uint8_t tag, const char *type) {
    nf_string_t called = text(name);
    nfos_nf_parameters_value_t value;
    nfos_nf_parameters_get(&called, &value);
    if (value.tag != tag) nfos_panic("the parameter `%s` is no %s", name, type);
    return value;
}

uint64_t nfos_parameter_unsigned(const char *name) {
    return parameter(name, NFOS_NF_TYPES_VALUE_UNSIGNED, "number").val.unsigned_;
}

bool nfos_parameter_boolean(const char *name) {
    return parameter(name, NFOS_NF_TYPES_VALUE_BOOLEAN, "boolean").val.boolean;
}

const char *nfos_parameter_text(const char *name) {
    nf_string_t text = parameter(name, NFOS_NF_TYPES_VALUE_TEXT, "text").val.text;
    char *ended = malloc(text.len + 1);
    if (ended == NULL) nfos_panic("no memory is left for the parameter `%s`", name);
    memcpy(ended, text.ptr, text.len);
    ended[text.len] = 0;
    return ended;
}

uint64_t nfos_hash(uint64_t seed, const void *bytes, uint32_t length) {
    const uint8_t *at = bytes;
    uint64_t hash = 0xcbf29ce484222325;
    for (uint32_t shift = 0; shift < 64; shift += 8)
        hash = (hash ^ (uint8_t)(seed >> shift)) * 0x100000001b3;
    for (uint32_t i = 0; i < length; i++) hash = (hash ^ at[i]) * 0x100000001b3;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111eb;
    return hash ^ (hash >> 31);
}

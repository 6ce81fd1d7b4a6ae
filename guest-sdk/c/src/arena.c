/* The allocator: a mark that moves up, and back to where `init` left it.
 *
 * Nothing that a handler allocates outlives its burst, so nothing is freed one by one: after a
 * burst the mark returns to where it was when `init` ended. The host writes the arguments of
 * `handle` before it runs, so the way back is in the function that the host calls once it has read
 * the result; arguments that lie in the room for them are not here, and the way back is before the
 * next burst. The last block grows and is freed in place. */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 65536u
/* Memory grows by at least this many pages: 1 MiB. */
#define PAGES_MIN 16u
/* Of every block: what any scalar is aligned to. */
#define ALIGN 8u

extern uint8_t __heap_base;

static uintptr_t next;
static uintptr_t end;
static uintptr_t mark;
/* The block that was allocated last; 0 after it was freed. */
static uintptr_t last;

void nfos_arena_mark(void) {
    mark = next;
    last = 0;
}

void nfos_arena_reset(void) {
    next = mark;
    last = 0;
}

__attribute__((cold, noinline)) static bool grow(uintptr_t to) {
    uintptr_t pages = (to - end + PAGE - 1) / PAGE;
    if (pages < PAGES_MIN) pages = PAGES_MIN;
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) return false;
    end += pages * PAGE;
    return true;
}

static bool advance(uintptr_t to) {
    if (to > end && !grow(to)) return false;
    next = to;
    return true;
}

void *malloc(size_t size) {
    if (next == 0) {
        next = (uintptr_t)&__heap_base;
        end = __builtin_wasm_memory_size(0) * PAGE;
    }
    uintptr_t at = (next + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
    uintptr_t to = at + size;
    if (to < at || !advance(to)) return NULL;
    last = at;
    return (void *)at;
}

void *calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    void *at = malloc(bytes);
    return at == NULL ? NULL : memset(at, 0, bytes);
}

/* How long a block other than the last is nobody knows; but it ends before `next`, and so does
 * what is copied. */
void *realloc(void *at, size_t size) {
    if (at == NULL) return malloc(size);
    uintptr_t from = (uintptr_t)at;
    if (from == last) {
        uintptr_t to = from + size;
        return to >= from && advance(to) ? at : NULL;
    }
    size_t most = next - from;
    void *copy = malloc(size);
    if (copy != NULL) memcpy(copy, at, size < most ? size : most);
    return copy;
}

void free(void *at) {
    if (at == NULL || (uintptr_t)at != last) return;
    next = last;
    last = 0;
}

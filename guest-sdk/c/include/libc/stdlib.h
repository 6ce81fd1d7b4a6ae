/* What there is of it in a network function. Memory lasts until the burst has been handled, or, if
 * it was allocated in `init`, for ever. */
#ifndef NFOS_STDLIB_H
#define NFOS_STDLIB_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *at, size_t size);
void free(void *at);
void abort(void) __attribute__((noreturn));
#ifdef __cplusplus
}
#endif
#endif

/* The functions of the standard library that compilers call, and few more. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../include/nfos/effects.h"

/* These two become one instruction each. */
void *memcpy(void *__restrict to, const void *__restrict from, size_t length) {
    return __builtin_memcpy(to, from, length);
}

void *memmove(void *to, const void *from, size_t length) {
    return __builtin_memmove(to, from, length);
}

void *memset(void *at, int byte, size_t length) {
    return __builtin_memset(at, byte, length);
}

int memcmp(const void *a, const void *b, size_t length) {
    const uint8_t *x = a, *y = b;
    for (size_t at = 0; at < length; at++)
        if (x[at] != y[at]) return x[at] - y[at];
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

int strcmp(const char *a, const char *b) {
    while (*a != 0 && *a == *b) a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

void abort(void) {
    nfos_panic("abort() was called");
}

/* Arithmetic of 128 bits, which the compiler leaves to a library. */
#include <stdint.h>

typedef unsigned __int128 wide;

static wide join(uint64_t high, uint64_t low) {
    return (wide)high << 64 | low;
}

/* Of two halves each, by the schoolbook. */
__attribute__((always_inline)) static inline wide multiply_words(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, first = a1 * b0, second = a0 * b1;
    uint64_t middle = (low >> 32) + (uint32_t)first + (uint32_t)second;
    uint64_t high = a1 * b1 + (first >> 32) + (second >> 32) + (middle >> 32);
    return join(high, middle << 32 | (uint32_t)low);
}

wide __multi3(wide a, wide b) {
    uint64_t a1 = (uint64_t)(a >> 64), b1 = (uint64_t)(b >> 64);
    uint64_t a0 = (uint64_t)a, b0 = (uint64_t)b;
    return multiply_words(a0, b0) + join(a1 * b0 + a0 * b1, 0);
}

/* Bit by bit from the first that counts. */
static wide divide(wide a, wide b, wide *remainder) {
    if (a >> 64 == 0 && b >> 64 == 0 && b != 0) {
        *remainder = (uint64_t)a % (uint64_t)b;
        return (uint64_t)a / (uint64_t)b;
    }
    if (b == 0) __builtin_trap();
    wide quotient = 0, rest = 0;
    for (int bit = 127; bit >= 0; bit--) {
        rest = rest << 1 | (a >> bit & 1);
        if (rest >= b) {
            rest -= b;
            quotient |= (wide)1 << bit;
        }
    }
    *remainder = rest;
    return quotient;
}

wide __udivti3(wide a, wide b) {
    wide remainder;
    return divide(a, b, &remainder);
}

wide __umodti3(wide a, wide b) {
    wide remainder;
    divide(a, b, &remainder);
    return remainder;
}

/* Shifts by halves, so that none of them needs what it defines. */
typedef union halves {
    wide all;
    struct {
        uint64_t low, high;
    };
} halves;

wide __ashlti3(wide a, int by) {
    halves x = {.all = a}, y;
    if (by == 0) return a;
    y.high = by >= 64 ? x.low << (by - 64) : x.high << by | x.low >> (64 - by);
    y.low = by >= 64 ? 0 : x.low << by;
    return y.all;
}

wide __lshrti3(wide a, int by) {
    halves x = {.all = a}, y;
    if (by == 0) return a;
    y.low = by >= 64 ? x.high >> (by - 64) : x.low >> by | x.high << (64 - by);
    y.high = by >= 64 ? 0 : x.high >> by;
    return y.all;
}

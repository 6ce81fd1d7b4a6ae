/* Lines for the operator: a printf of the conversions that network functions need. */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "../include/nfos/effects.h"

enum { LINE_MAX = 512 };

/* A line that is being written; what does not fit is cut. */
typedef struct line {
    char bytes[LINE_MAX];
    uint32_t length;
} line;

static void put(line *line, char byte) {
    if (line->length < LINE_MAX) line->bytes[line->length++] = byte;
}

static void put_text(line *line, const char *text, uint32_t width) {
    size_t length = strlen(text);
    for (size_t at = length; at < width; at++) put(line, ' ');
    for (size_t at = 0; at < length; at++) put(line, text[at]);
}

static void put_number(line *line, uint64_t number, uint32_t base, uint32_t width, bool zeros,
                       bool negative) {
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    if (negative && zeros) put(line, '-');
    for (uint32_t at = count + negative; at < width; at++) put(line, zeros ? '0' : ' ');
    if (negative && !zeros) put(line, '-');
    while (count > 0) put(line, digits[--count]);
}

/* One conversion, from behind its `%`; answers what follows it. */
static const char *convert(line *line, const char *format, va_list *arguments) {
    bool zeros = *format == '0';
    uint32_t width = 0, longs = 0;
    while (*format >= '0' && *format <= '9') width = width * 10 + (uint32_t)(*format++ - '0');
    for (; *format == 'l' || *format == 'z' || *format == 'h'; format++) longs += *format == 'l';
    switch (*format) {
        case 's':
            put_text(line, va_arg(*arguments, const char *), width);
            break;
        case 'c':
            put(line, (char)va_arg(*arguments, int));
            break;
        case 'd':
        case 'i': {
            int64_t number = longs > 1 ? va_arg(*arguments, int64_t) : va_arg(*arguments, int);
            uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;
            put_number(line, size, 10, width, zeros, number < 0);
            break;
        }
        case 'u':
        case 'x':
        case 'p': {
            bool wide = longs > 1;
            uint64_t number = wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
            put_number(line, number, *format == 'u' ? 10 : 16, width, zeros, false);
            break;
        }
        case 0:
            return format;
        default:
            put(line, *format);
    }
    return format + 1;
}

static void print(line *line, const char *format, va_list *arguments) {
    line->length = 0;
    while (*format != 0) {
        if (*format != '%') {
            put(line, *format++);
        } else {
            format = convert(line, format + 1, arguments);
        }
    }
}

void nfos_log(nfos_level level, const char *format, ...) {
    line line;
    va_list arguments;
    va_start(arguments, format);
    print(&line, format, &arguments);
    va_end(arguments);
    nf_string_t message = {(uint8_t *)line.bytes, line.length};
    nfos_nf_log_write((nfos_nf_log_level_t)level, &message);
}

void nfos_panic(const char *format, ...) {
    line line;
    va_list arguments;
    va_start(arguments, format);
    print(&line, format, &arguments);
    va_end(arguments);
    nf_string_t message = {(uint8_t *)line.bytes, line.length};
    nfos_nf_fault_report(&message);
    __builtin_trap();
}

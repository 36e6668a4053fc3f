/* bytes and args: see bytes.h. */
#include "tests/support/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void bytes_reserve(struct bytes *b, size_t more)
{
    if (b->cap - b->len > more)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap - b->len <= more)
        cap *= 2;
    b->ptr = realloc(b->ptr, cap);
    if (!b->ptr)
        abort();
    b->cap = cap;
}

void bytes_add(struct bytes *b, const void *ptr, size_t len)
{
    bytes_reserve(b, len + 1);
    if (len)
        memcpy(b->ptr + b->len, ptr, len);
    b->len += len;
    b->ptr[b->len] = 0;
}

void bytes_add_str(struct bytes *b, const char *str)
{
    bytes_add(b, str, strlen(str));
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int len = vsnprintf(NULL, 0, format, list);
    bytes_reserve(b, (size_t)len + 1);
    vsnprintf(b->ptr + b->len, (size_t)len + 1, format, again);
    b->len += (size_t)len;
    va_end(again);
    va_end(list);
}

void bytes_add_quoted(struct bytes *b, const char *ptr, size_t len, size_t max)
{
    bytes_add(b, "\"", 1);
    for (size_t i = 0; i < len && i < max; i++) {
        unsigned char c = (unsigned char)ptr[i];
        if (c == '"' || c == '\\')
            bytes_printf(b, "\\%c", c);
        else if (c == '\n')
            bytes_add_str(b, "\\n");
        else if (c == '\r')
            bytes_add_str(b, "\\r");
        else if (c < 32 || c > 126)
            bytes_printf(b, "\\x%02x", c);
        else
            bytes_add(b, ptr + i, 1);
    }
    bytes_add(b, "\"", 1);
    if (len > max)
        bytes_printf(b, "...(%zu bytes)", len);
}

void bytes_shift(struct bytes *b, size_t len)
{
    if (len == 0)
        return;
    memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
    b->ptr[b->len] = 0;
}

void bytes_free(struct bytes *b)
{
    free(b->ptr);
    *b = (struct bytes){ 0 };
}

void args_push(struct args *a, const void *ptr, size_t len)
{
    if (a->count == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 8;
        a->word = realloc(a->word, (size_t)a->cap * sizeof(*a->word));
        if (!a->word)
            abort();
    }
    a->word[a->count] = (struct bytes){ 0 };
    bytes_add(&a->word[a->count], ptr, len);
    a->count++;
}

void args_push_str(struct args *a, const char *str)
{
    args_push(a, str, strlen(str));
}

/* One escape after a backslash; returns what follows it. */
static const char *split_escape(struct bytes *word, const char *p)
{
    if (*p == 'x' && p[1] && p[2]) {
        char hex[3] = { p[1], p[2], 0 };
        char c = (char)strtol(hex, NULL, 16);
        bytes_add(word, &c, 1);
        return p + 3;
    }
    char c = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p;
    bytes_add(word, &c, 1);
    return p + 1;
}

void args_split(struct args *a, const char *line)
{
    const char *p = line;
    for (;;) {
        while (*p == ' ')
            p++;
        if (!*p)
            return;
        struct bytes word = { 0 };
        bytes_add(&word, "", 0);
        char quote = 0;
        while (*p && (quote || *p != ' ')) {
            if (quote == '"' && *p == '\\') {
                p = split_escape(&word, p + 1);
            } else if (quote ? *p == quote : (*p == '"' || *p == '\'')) {
                quote = quote ? 0 : *p;
                p++;
            } else {
                bytes_add(&word, p++, 1);
            }
        }
        args_push(a, word.ptr, word.len);
        bytes_free(&word);
    }
}

void args_free(struct args *a)
{
    for (int i = 0; i < a->count; i++)
        bytes_free(&a->word[i]);
    free(a->word);
    *a = (struct args){ 0 };
}

void args_encode(const struct args *a, struct bytes *out)
{
    bytes_printf(out, "*%d\r\n", a->count);
    for (int i = 0; i < a->count; i++) {
        bytes_printf(out, "$%zu\r\n", a->word[i].len);
        bytes_add(out, a->word[i].ptr, a->word[i].len);
        bytes_add(out, "\r\n", 2);
    }
}

void args_print(const struct args *a, struct bytes *out)
{
    for (int i = 0; i < a->count; i++) {
        const struct bytes *w = &a->word[i];
        bool plain = w->len > 0;
        for (size_t j = 0; j < w->len; j++)
            plain = plain && w->ptr[j] > 32 && w->ptr[j] < 127 && !strchr("\"'\\", w->ptr[j]);
        if (i)
            bytes_add(out, " ", 1);
        if (plain && w->len <= 100)
            bytes_add(out, w->ptr, w->len);
        else
            bytes_add_quoted(out, w->ptr, w->len, 100);
    }
}

bool args_word_is(const struct args *a, int index, const char *word)
{
    return index < a->count && a->word[index].len == strlen(word) &&
           strncasecmp(a->word[index].ptr, word, a->word[index].len) == 0;
}

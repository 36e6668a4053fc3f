/* bytes: a growing byte buffer for tests. Out of memory ends the program. */
#ifndef TESTS_SUPPORT_BYTES_H
#define TESTS_SUPPORT_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    char *ptr; /* ends with a NUL that is not counted, once something was added */
    size_t len, cap;
};

void bytes_reserve(struct bytes *b, size_t more);
void bytes_add(struct bytes *b, const void *ptr, size_t len);
void bytes_add_str(struct bytes *b, const char *str);
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As text in one line: what does not print becomes \xHH, quotes and backslashes are escaped; cut
 * after `max` bytes. */
void bytes_add_quoted(struct bytes *b, const char *ptr, size_t len, size_t max);
/* Drops the first `len` bytes. */
void bytes_shift(struct bytes *b, size_t len);
void bytes_free(struct bytes *b);

/* args: the words of one command. */
struct args {
    int count, cap;
    struct bytes *word;
};

/* "SET k \"a b\\x00\" 'c'": words parted by blanks; double quotes with \n \r \t \\ \" \xHH,
 * single quotes plain. */
void args_split(struct args *a, const char *line);
void args_push(struct args *a, const void *ptr, size_t len);
void args_push_str(struct args *a, const char *str);
void args_free(struct args *a); /* may be used again */
/* As a RESP request, to the end of `out`. */
void args_encode(const struct args *a, struct bytes *out);
/* Readable, to the end of `out`. */
void args_print(const struct args *a, struct bytes *out);
/* ASCII letters compare without case. */
bool args_word_is(const struct args *a, int index, const char *word);

#endif

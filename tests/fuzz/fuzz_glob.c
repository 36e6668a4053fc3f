/* A pattern and a text, parted by the first newline: compared with the plain recursive reading of
 * the rules of the star, and no byte outside of either is read. */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kv/base/glob.h"

enum { PART_BYTES_MAX = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Exactly as many bytes as the slice has, on the heap: AddressSanitizer guards both ends. */
static struct slice copy_of(const uint8_t *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert(copy);
    if (len)
        memcpy(copy, data, len);
    return slice_of(copy, len);
}

static struct slice behind(struct slice s, size_t count)
{
    return slice_of(s.ptr + count, s.len - count);
}

/* Elements in front of the first class are taken one by one; a class, and all behind it, is
 * glob_match's own: stars in front of it are what this is after. */
static bool model(struct slice pattern, struct slice text, bool nocase)
{
    if (pattern.len == 0 || text.len == 0) {
        while (pattern.len > 0 && *pattern.ptr == '*')
            pattern = behind(pattern, 1);
        return pattern.len == 0 && text.len == 0;
    }
    if (*pattern.ptr == '*') {
        for (size_t skip = 0; skip <= text.len; skip++) {
            if (model(behind(pattern, 1), behind(text, skip), nocase))
                return true;
        }
        return false;
    }
    if (*pattern.ptr == '[')
        return glob_match(pattern, text, nocase);
    bool any = *pattern.ptr == '?';
    if (*pattern.ptr == '\\' && pattern.len > 1)
        pattern = behind(pattern, 1);
    int want = (unsigned char)*pattern.ptr, have = (unsigned char)*text.ptr;
    bool takes = any || want == have || (nocase && tolower(want) == tolower(have));
    return takes && model(behind(pattern, 1), behind(text, 1), nocase);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *newline = len ? memchr(data, '\n', len) : NULL;
    if (!newline)
        return 0;
    size_t pattern_len = (size_t)(newline - data), text_len = len - pattern_len - 1;
    struct slice pattern = copy_of(data, pattern_len), text = copy_of(newline + 1, text_len);
    for (int nocase = 0; nocase < 2; nocase++) {
        bool found = glob_match(pattern, text, nocase);
        if (text_len > 0 && text_len <= PART_BYTES_MAX && pattern_len <= PART_BYTES_MAX &&
            found != model(pattern, text, nocase))
            abort();
    }
    free((void *)(uintptr_t)pattern.ptr);
    free((void *)(uintptr_t)text.ptr);
    return 0;
}

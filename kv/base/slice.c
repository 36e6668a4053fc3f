#include "kv/base/slice.h"

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool slice_is(struct slice s, const char *word)
{
    for (size_t i = 0; i < s.len; i++) {
        /* A NUL in s meets the word's end here and is refused: nothing is read behind it. */
        if (word[i] == '\0' || fold(s.ptr[i]) != fold(word[i]))
            return false;
    }
    return word[s.len] == '\0';
}

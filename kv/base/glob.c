/* Each element of a pattern but the star consumes exactly one byte of text. So when a mismatch
 * comes behind a star, only the last star need take one byte more: an earlier one could not
 * reach anything that this one does not reach. */
#include "kv/base/glob.h"

static int fold(int c, bool nocase)
{
    return nocase && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Bytes compare as signed, also in ranges: so does Redis where char is signed. */
static int byte_at(const char *p)
{
    return (signed char)*p;
}

/* A class, *at at its '[': does it hold c? Leaves *at behind the ']', or at the pattern's end
 * where there is none. */
static bool class_holds(const char **at, const char *end, int c, bool nocase)
{
    const char *p = *at + 1;
    bool invert = p < end && *p == '^', found = false;
    if (invert)
        p++;
    for (; p < end && *p != ']'; p++) {
        if (*p == '\\' && end - p >= 2) {
            p++;
            found |= byte_at(p) == c; /* an escaped byte keeps its case */
        } else if (end - p >= 3 && p[1] == '-') {
            int low = byte_at(p), high = byte_at(p + 2);
            if (low > high) {
                int swap = low;
                low = high;
                high = swap;
            }
            int folded = fold(c, nocase);
            found |= folded >= fold(low, nocase) && folded <= fold(high, nocase);
            p += 2;
        } else {
            found |= fold(byte_at(p), nocase) == fold(c, nocase);
        }
    }
    *at = p < end ? p + 1 : end;
    return found != invert;
}

/* One element that is no star against one byte. Leaves *at behind the element if it matches. */
static bool element_takes(const char **at, const char *end, int c, bool nocase)
{
    const char *p = *at;
    bool takes;
    if (*p == '[') {
        takes = class_holds(&p, end, c, nocase);
    } else if (*p == '?') {
        takes = true;
        p++;
    } else {
        if (*p == '\\' && end - p >= 2)
            p++;
        takes = fold(byte_at(p), nocase) == fold(c, nocase);
        p++;
    }
    if (takes)
        *at = p;
    return takes;
}

bool glob_match(struct slice pattern, struct slice text, bool nocase)
{
    const char *p = pattern.ptr, *p_end = p + pattern.len;
    const char *t = text.ptr, *t_end = t + text.len;
    const char *star = NULL, *star_text = NULL; /* behind the last star; where its rest was tried */

    /* In Redis no pattern but the empty one matches an empty text, save for a lone star, which its
     * commands take as "everything" without matching. */
    if (text.len == 0)
        return pattern.len == 0 || slice_eq(pattern, SLICE("*"));
    while (t < t_end) {
        if (p < p_end && *p == '*') {
            while (p < p_end && *p == '*')
                p++;
            if (p == p_end)
                return true;
            star = p;
            star_text = t;
        } else if (p < p_end && element_takes(&p, p_end, byte_at(t), nocase)) {
            t++;
        } else if (star) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*')
        p++;
    return p == p_end;
}

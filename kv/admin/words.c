#include "kv/admin/words.h"

#include <ctype.h>

/* Reads at *in, writes at *out, which never gets ahead of it. */
struct cursor {
    char *in, *out;
};

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    ch = (char)tolower((unsigned char)ch);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static void escaped(struct cursor *c)
{
    static const char names[] = "nrtba", values[] = "\n\r\t\b\a";
    char ch = *c->in++;
    if (ch == 'x' && hex_digit(c->in[0]) >= 0 && hex_digit(c->in[1]) >= 0) {
        *c->out++ = (char)(hex_digit(c->in[0]) * 16 + hex_digit(c->in[1]));
        c->in += 2;
        return;
    }
    const char *at = ch ? strchr(names, ch) : NULL;
    *c->out++ = at ? values[at - names] : ch;
}

/* Behind the opening quote. False: it is not closed. */
static bool quoted(struct cursor *c, char quote)
{
    while (*c->in && *c->in != quote) {
        if (c->in[0] == '\\' && c->in[1] && (quote == '"' || c->in[1] == '\'')) {
            c->in++;
            if (quote == '"')
                escaped(c);
            else
                *c->out++ = *c->in++;
            continue;
        }
        *c->out++ = *c->in++;
    }
    if (!*c->in)
        return false;
    c->in++;
    return !*c->in || isspace((unsigned char)*c->in);
}

static bool word(struct cursor *c)
{
    while (*c->in && !isspace((unsigned char)*c->in)) {
        if (*c->in == '"' || *c->in == '\'') {
            char quote = *c->in++;
            if (!quoted(c, quote))
                return false;
        } else {
            *c->out++ = *c->in++;
        }
    }
    return true;
}

int words_split(char *line, struct slice *words, int max)
{
    struct cursor c = { line, line };
    int count = 0;
    for (;;) {
        while (isspace((unsigned char)*c.in))
            c.in++;
        if (!*c.in)
            return count;
        char *start = c.out;
        if (!word(&c))
            return -1;
        if (count < max)
            words[count] = slice_of(start, (size_t)(c.out - start));
        count++;
        /* The blank behind the word, if there is one, is passed before the terminator takes a
         * place. */
        if (*c.in)
            c.in++;
        else if (c.out == c.in)
            return count; /* the line's own terminator ends the word */
        *c.out++ = '\0';
    }
}

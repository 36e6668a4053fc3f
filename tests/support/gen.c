/* gen: see gen.h. A template is a line of words; $x stands for a random argument, a|b| for one
 * of the alternatives (an empty one is no word). A template that starts with ! is not mutated: a
 * changed word could block, or shut the door. */
#include "tests/support/gen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const templates[] = {
    /* strings */
    "SET $k $v",
    "SET $k $i",
    "SET $k $v $E",
    "SET $k $v NX|XX| GET| $E",
    "SET $k $v GET $E KEEPTTL|NX|XX|",
    "SET $k $v $E $E",
    "GET $k",
    "GET $k",
    "GETDEL $k",
    "GETEX $k",
    "GETEX $k $E",
    "GETEX $k PERSIST",
    "GETEX $k $E PERSIST|KEEPTTL|",
    "GETSET $k $v",
    "APPEND $k $v",
    "APPEND $k $i",
    "STRLEN $k",
    "GETRANGE $k $o $o",
    "SUBSTR $k $o $o",
    "SETRANGE $k $w $v",
    "INCR $k",
    "DECR $k",
    "INCRBY $k $i",
    "DECRBY $k $i",
    "INCRBYFLOAT $k $f",
    "SETNX $k $v",
    "SETEX $k $s $v",
    "PSETEX $k $m $v",
    "MGET $k $k $k",
    "MGET $k $k $k $k $k $k",
    "MSET $k $v $k $v",
    "MSET $k $v $k $v $k $v $k $v",
    "MSET $k $v $k",
    "MSETNX $k $v $k $v",
    "MSETNX $k $v",
    "MSETNX $k $v $k",
    "LCS $k $k LEN|IDX|",
    "LCS $k $k IDX WITHMATCHLEN|LEN|",
    "LCS $k $k IDX MINMATCHLEN $o WITHMATCHLEN|",
    "LCS $k $k LEN MINMATCHLEN",
    /* generic */
    "DEL $k",
    "DEL $k $k $k",
    "UNLINK $k $k",
    "EXISTS $k",
    "EXISTS $k $k $k $k",
    "TOUCH $k $k",
    "TYPE $k",
    "EXPIRE $k $s NX|XX|GT|LT|",
    "PEXPIRE $k $m NX|XX|GT|LT|",
    "EXPIREAT $k $S NX|XX|GT|LT|",
    "PEXPIREAT $k $M NX|XX|GT|LT|",
    "EXPIRE $k $s NX|XX|GT|LT NX|XX|GT|LT",
    "PEXPIREAT $k $M XX GT|LT",
    "TTL $k",
    "PTTL $k",
    "EXPIRETIME $k",
    "PEXPIRETIME $k",
    "PERSIST $k",
    "RENAME $k $k",
    "RENAME $k $k",
    "RENAMENX $k $k",
    "COPY $k $k",
    "COPY $k $k REPLACE",
    "COPY $k $k DB $d REPLACE|",
    "COPY $k $k REPLACE DB $d",
    "COPY $k $k DB",
    "MOVE $k $d",
    "KEYS $p",
    "SCAN 0 COUNT 1000",
    "SCAN 0 MATCH $p COUNT 1000",
    "SCAN 0 TYPE string|hash|list|STRING|foo COUNT 1000",
    "SCAN $o MATCH|COUNT|TYPE|",
    "SCAN 0 COUNT $o",
    "RANDOMKEY",
    "OBJECT ENCODING $k",
    "OBJECT REFCOUNT $k",
    "OBJECT IDLETIME $k",
    "OBJECT FREQ $k",
    "OBJECT $v",
    "!WAIT 0 0",
    "!WAIT 0 $o",
    "!WAIT x 0",
    "!WAIT 0 -1",
    "DBSIZE",
    "SELECT 0|1|2",
    "SELECT $d",
    "SWAPDB 0|1 0|1|2",
    "SWAPDB $d $d",
    "!FLUSHDB ASYNC|SYNC|",
    "FLUSHALL $v",
    "FLUSHDB ASYNC|SYNC ASYNC",
    /* connection and server */
    "PING",
    "PING $v",
    "PING $v $v",
    "ECHO $v",
    "CLIENT ID",
    "CLIENT GETNAME",
    "CLIENT SETNAME abc|x\\y|",
    "CLIENT SETNAME $v",
    "CLIENT INFO",
    "CLIENT LIST TYPE normal|pubsub|replica|master|foo",
    "CLIENT LIST ID $o",
    "CLIENT LIST $v",
    "CLIENT KILL 1.2.3.4:5",
    "!CLIENT KILL TYPE foo",
    "!CLIENT KILL ID 0|-1|abc",
    "!CLIENT KILL ID 987654321",
    "!CLIENT KILL ADDR 1.2.3.4:5 LADDR 1.2.3.4:6",
    "!CLIENT KILL USER nobody",
    "!CLIENT KILL USER default SKIPME maybe",
    "!CLIENT KILL ADDR",
    "!CLIENT NO-EVICT on|off|OFF|maybe",
    "!CLIENT REPLY ON",
    "!CLIENT REPLY maybe",
    "!CLIENT PAUSE x",
    "!CLIENT PAUSE -1",
    "!CLIENT PAUSE 1 SOME",
    "!CLIENT UNPAUSE",
    "CLIENT $v",
    "!HELLO $p3",
    "!HELLO 1|4|abc|-2|99999999999999999999",
    "!HELLO $p3 SETNAME me",
    "!HELLO $p3 SETNAME",
    "!HELLO $p3 AUTH default",
    "!HELLO $p3 FOO bar",
    "!HELLO $p3 AUTH nobody x",
    "!AUTH x",
    "!AUTH default x",
    "!AUTH nobody x",
    "!AUTH a b c",
    "TIME",
    "COMMAND COUNT",
    "!COMMAND GETKEYS SET $k $v",
    "!COMMAND GETKEYS MGET $k $k $k",
    "!COMMAND GETKEYS MSET $k $v $k $v",
    "!COMMAND GETKEYS COPY|RENAME $k $k",
    "!COMMAND GETKEYS PING|DBSIZE|nosuch",
    "!COMMAND GETKEYS GET",
    "!COMMAND INFO nosuch|nosuch2",
    "COMMAND $v",
    "!CONFIG GET databases",
    "!CONFIG GET nosuch*",
    "!CONFIG GET maxclients TCP-KEEPALIVE|nosuch",
    "!CONFIG SET nosuch 1",
    "!CONFIG SET maxclients",
    "!CONFIG SET timeout abc|-1",
    "!CONFIG SET timeout 1 timeout 2",
    "!CONFIG SET databases 3",
    "!CONFIG RESETSTAT",
    "CONFIG $v",
    "!DEBUG SET-ACTIVE-EXPIRE 1",
    "!DEBUG SLEEP 0",
    "LOLWUT",
    "INFO server|nosuch",
    "$v",
    "nosuch $v $v",
    "$v $k $i",
};

static const char *const keys[] = {
    "k1", "k2", "k3", "k4", "{t}a", "{t}b", "{u}x", "{}y", "z{", ""
};
static const char *const values[] = {
    "",
    "a",
    "hello",
    "ohmytext",
    "mynewtext",
    "10",
    "-1",
    "007",
    "3.0e3",
    "9223372036854775806",
    "-9223372036854775807",
    "1.5",
    " 1",
    "0",
    "line\r\nline",
    "exactly forty-four bytes are in this string.",
    "a string of more than forty-four bytes: not embedded any longer",
    "NX",
    "get",
    "reply",
};
static const char *const integers[] = {
    "0",
    "1",
    "-1",
    "7",
    "100",
    "12345",
    "-12345",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "abc",
    "",
    "1.5",
    " 3",
    "3 ",
    "+3",
    "03",
    "0x10",
    "-0",
    "1e2",
};
static const char *const floats[] = {
    "0",
    "1",
    "-1",
    "0.1",
    "3.14159",
    "-2.5",
    "1e3",
    "5.0e3",
    "1e300",
    "-1e300",
    "1e5000",
    "inf",
    "-inf",
    "nan",
    "abc",
    "",
    "1.",
    ".5",
    " 1",
    "1 ",
    "0x1p3",
    "10000000000000000000",
    "0.000000000000001",
    "123456789.123456789",
};
static const char *const offsets[] = {
    "0",
    "1",
    "2",
    "5",
    "10",
    "-1",
    "-2",
    "-5",
    "-100",
    "100",
    "abc",
    "",
    "1.5",
    "2147483647",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
};
/* Small, or refused: what lies between would make the servers write hundreds of megabytes. */
static const char *const write_offsets[] = {
    "0",         "1",          "3",
    "10",        "50",         "-1",
    "536870912", "2147483648", "9223372036854775807",
    "abc",       "",           "9223372036854775808",
};
static const char *const databases[] = {
    "0", "1", "2", "15", "16", "-1", "abc", "", "1.0", "4294967296", "9223372036854775808"
};
static const char *const patterns[] = { "*",  "k?",     "k[1-3]", "{t}*", "[^k]*", "\\*",
                                        "",   "k[3-1]", "k1",     "*[",   "**a",   "?",
                                        "K*", "{*",     "k\\1",   "*1*",  "[a-",   "h*llo" };
static const char *const times[] = { "0",
                                     "-1",
                                     "abc",
                                     "",
                                     "1.5",
                                     "9223372036854775807",
                                     "9223372036854776",
                                     "-9223372036854775808",
                                     "9223372036854775808" };
static const char *const moments[] = {
    "1", "1000000000", "1000", "4102444800", "5000000000", "99999999999", "9223372036854775"
};
static const char *const junk[] = { "0",
                                    "-1",
                                    "abc",
                                    "",
                                    "9223372036854775807",
                                    "9223372036854775808",
                                    "1.5",
                                    "+1",
                                    "00",
                                    "NX",
                                    "XX",
                                    "GET",
                                    "EX",
                                    "KEEPTTL",
                                    "*",
                                    "k1",
                                    "999999999999999999999999" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PICK(g, list) ((list)[rng_below(&(g)->rng, COUNT(list))])

static void push_value(struct gen *g, struct args *out)
{
    if (rng_chance(&g->rng, 10)) {
        args_push(out, "\x00\xff\r\n\x80", 5);
    } else if (rng_chance(&g->rng, 8)) {
        char text[400];
        size_t len = rng_below(&g->rng, sizeof(text));
        memset(text, 'a' + (int)rng_below(&g->rng, 26), sizeof(text));
        args_push(out, text, len);
    } else {
        args_push_str(out, PICK(g, values));
    }
}

/* `unit` is 1 for seconds, 1000 for milliseconds. */
static void push_duration(struct gen *g, struct args *out, long long unit)
{
    static const long long scales[] = { 100, 10000, 1000000, 9000000000 };
    if (rng_chance(&g->rng, 15)) {
        args_push_str(out, PICK(g, times));
        return;
    }
    char text[32];
    long long s = PICK(g, scales) + 37 * g->made;
    snprintf(text, sizeof(text), "%lld", s * unit);
    args_push_str(out, text);
}

static void push_moment(struct gen *g, struct args *out, bool ms)
{
    if (rng_chance(&g->rng, 15)) {
        args_push_str(out, PICK(g, times));
        return;
    }
    char text[40];
    snprintf(text, sizeof(text), "%s%s", PICK(g, moments), ms ? "123" : "");
    args_push_str(out, text);
}

static void push_expiry(struct gen *g, struct args *out)
{
    switch (rng_below(&g->rng, 6)) {
    case 0:
        args_push_str(out, "EX");
        push_duration(g, out, 1);
        break;
    case 1:
        args_push_str(out, "PX");
        push_duration(g, out, 1000);
        break;
    case 2:
        args_push_str(out, "EXAT");
        push_moment(g, out, false);
        break;
    case 3:
        args_push_str(out, "PXAT");
        push_moment(g, out, true);
        break;
    case 4:
        args_push_str(out, "KEEPTTL");
        break;
    default:
        break;
    }
}

static void push_placeholder(struct gen *g, struct args *out, const char *name)
{
    char proto[2] = { (char)('0' + g->proto), 0 };
    switch (name[0]) {
    case 'k':
        if (rng_chance(&g->rng, 4))
            args_push(out, "bin\x00\xff{a}", 8);
        else
            args_push_str(out, PICK(g, keys));
        break;
    case 'v':
        push_value(g, out);
        break;
    case 'i':
        args_push_str(out, PICK(g, integers));
        break;
    case 'f':
        args_push_str(out, PICK(g, floats));
        break;
    case 'o':
        args_push_str(out, PICK(g, offsets));
        break;
    case 'w':
        args_push_str(out, PICK(g, write_offsets));
        break;
    case 'd':
        args_push_str(out, PICK(g, databases));
        break;
    case 'p':
        args_push_str(out, name[1] == '3' ? proto : PICK(g, patterns));
        break;
    case 's':
    case 'm':
        push_duration(g, out, name[0] == 's' ? 1 : 1000);
        break;
    case 'S':
    case 'M':
        push_moment(g, out, name[0] == 'M');
        break;
    default:
        push_expiry(g, out);
        break;
    }
}

/* One of a|b|c. */
static void push_choice(struct gen *g, struct args *out, const char *word, size_t len)
{
    size_t count = 1, which, start = 0;
    for (size_t i = 0; i < len; i++)
        count += word[i] == '|';
    which = rng_below(&g->rng, count);
    for (size_t i = 0; i <= len; i++) {
        if (i < len && word[i] != '|')
            continue;
        if (which-- == 0) {
            if (i > start || count == 1)
                args_push(out, word + start, i - start);
            return;
        }
        start = i + 1;
    }
}

static void flip_case(struct gen *g, struct bytes *word)
{
    for (size_t i = 0; i < word->len; i++) {
        unsigned char c = (unsigned char)word->ptr[i];
        if (rng_chance(&g->rng, 50))
            word->ptr[i] = (char)(isupper(c) ? tolower(c) : toupper(c));
    }
}

static void mutate(struct gen *g, struct args *a)
{
    if (a->count > 1 && rng_chance(&g->rng, 5)) {
        struct bytes *w = &a->word[1 + rng_below(&g->rng, (uint64_t)a->count - 1)];
        const char *text = PICK(g, junk);
        w->len = 0;
        bytes_add_str(w, text);
    }
    if (a->count > 1 && rng_chance(&g->rng, 3)) {
        int at = 1 + (int)rng_below(&g->rng, (uint64_t)a->count - 1);
        bytes_free(&a->word[at]);
        memmove(a->word + at, a->word + at + 1, (size_t)(a->count - at - 1) * sizeof(*a->word));
        a->count--;
    }
    if (rng_chance(&g->rng, 3))
        args_push_str(a, PICK(g, junk));
}

void gen_init(struct gen *g, uint64_t seed, int proto)
{
    rng_init(&g->rng, seed);
    g->proto = proto;
    g->made = 0;
}

void gen_command(struct gen *g, struct args *out)
{
    const char *t = PICK(g, templates);
    bool fixed = *t == '!';
    g->made++;
    t += fixed;
    while (*t) {
        size_t len = strcspn(t, " ");
        if (*t == '$')
            push_placeholder(g, out, t + 1);
        else
            push_choice(g, out, t, len);
        /* The name of a command, and the options behind it. */
        if (*t != '$' && out->count > 0 && rng_chance(&g->rng, 15))
            flip_case(g, &out->word[out->count - 1]);
        t += len;
        t += *t == ' ';
    }
    if (!fixed)
        mutate(g, out);
}

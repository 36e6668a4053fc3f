/* config_internal: the table of directives and what config*.c share. Nobody else includes it. */
#ifndef KV_ADMIN_CONFIG_INTERNAL_H
#define KV_ADMIN_CONFIG_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kv/admin/config.h"

enum {
    CONFIG_VALUE_BYTES = 4096, /* of one value as text, with its terminator */
    CONFIG_WHY_BYTES = 256,    /* of the reason why a value is refused */
};

enum config_kind {
    CONFIG_INT,
    CONFIG_OCTAL,
    CONFIG_MEMORY, /* bytes, with the units k kb m mb g gb */
    CONFIG_BOOL,
    CONFIG_ENUM,
    CONFIG_TEXT,
    CONFIG_WORDS,  /* text of several words: its values are joined by spaces */
    CONFIG_ABSENT, /* of what is not built: only the default is possible, and is kept nowhere */
};

enum config_change {
    CONFIG_FIXED,     /* at the start only */
    CONFIG_PROTECTED, /* as Redis without enable-protected-configs */
    CONFIG_LIVE,      /* CONFIG SET */
};

struct directive {
    const char *name;
    const char *doc;
    size_t offset; /* in struct config */
    uint8_t kind;  /* enum config_kind */
    uint8_t change;
    int64_t min, max, def;
    const char *def_text;
    const char *const *names; /* of an enum's values from 0 on, NULL-terminated */
};

/* Texts are kept to the end, because a reader on another thread may still look at them. */
struct config_old_text {
    struct config_old_text *next;
    char text[];
};

struct config_store {
    pthread_mutex_t lock; /* one CONFIG SET at a time */
    struct config_old_text *texts;
    char *file; /* absolute, NULL: none */
};

/* A value that was read and found good, not yet in force. */
struct config_value {
    int64_t number;
    const char *text; /* the store's or the table's */
};

/* All directives; a row without a name ends them. */
const struct directive *config_directives(void);
/* NULL: no such directive. Case does not matter. */
const struct directive *config_find(struct slice name);
/* The directive that looks most like it, NULL if none does. */
const struct directive *config_nearest(struct slice name);
/* False: `why` (CONFIG_WHY_BYTES) says, in Redis's words, what is wrong with it. */
bool config_value_parse(struct config *c, const struct directive *d, struct slice text,
                        struct config_value *out, char *why);
void config_value_put(struct config *c, const struct directive *d, const struct config_value *v);
void config_value_get(const struct config *c, const struct directive *d, struct config_value *v);
bool config_value_same(const struct config_value *a, const struct config_value *b);
/* As CONFIG GET shows it. */
void config_value_format(const struct directive *d, const struct config_value *v,
                         char out[CONFIG_VALUE_BYTES]);

#endif

/* edit: how the types change keys. They build entries and hand them in; the edit keeps index, expiry and accounts. For
 * store/ and types/ alone; on the thread that holds the shard. */
#ifndef KV_STORE_EDIT_H
#define KV_STORE_EDIT_H

#include "kv/store/entry_layout.h"
#include "kv/store/shard.h"

/* Puts e, built for ed's key, in place of what is there, and frees that. Its expiry becomes at_ms; if that is not EXPIRE_NONE
 * e has room for it. 0 or -ENOMEM: nothing changed and e is still the caller's. */
int edit_install(struct edit *ed, struct entry *e, int64_t at_ms);
/* Changes the expiry of ed->entry, which has room for it. 0 or -ENOMEM: nothing changed. */
int edit_rearm(struct edit *ed, int64_t at_ms);
/* Every change of a key ends here, whatever it was: the place for what must know of changes. */
void edit_changed(struct edit *ed);

/* Memory of values: counted for the shard. NULL: out of memory. */
char *edit_blob_new(struct edit *ed, size_t bytes);
char *edit_blob_resize(struct edit *ed, char *ptr, size_t bytes, size_t new_bytes);
void edit_blob_free(struct edit *ed, char *ptr, size_t bytes);
/* An entry that was not installed, without what it points to. */
void edit_drop(struct edit *ed, struct entry *e);

#endif

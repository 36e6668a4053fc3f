#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kv/admin/log.h"

enum { TEXT_BYTES = 256 * 1024, THREADS = 4, LINES = 200 };

struct setup {
    char path[64];
    struct log *log;
    char text[TEXT_BYTES];
};

static void setup(struct setup *s, int level)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->path, sizeof(s->path), "/tmp/evio-kv-log-XXXXXX");
    int fd = mkstemp(s->path);
    cr_assert_geq(fd, 0);
    close(fd);
    s->log = log_open(s->path, level);
    cr_assert_not_null(s->log);
}

static const char *text(struct setup *s)
{
    FILE *f = fopen(s->path, "r");
    cr_assert_not_null(f);
    s->text[fread(s->text, 1, sizeof(s->text) - 1, f)] = '\0';
    fclose(f);
    return s->text;
}

static void teardown(struct setup *s)
{
    log_close(s->log);
    unlink(s->path);
}

static int count_lines(const char *t)
{
    int n = 0;
    for (; *t; t++)
        n += *t == '\n';
    return n;
}

Test(log, a_line_as_redis_prints_it)
{
    struct setup s;
    int pid, day, year, hour, minute, second, ms;
    char role, month[4], mark, rest[64];
    setup(&s, LOGLEVEL_NOTICE);
    log_write(s.log, LOGLEVEL_NOTICE, "ready port=%d", 6380);
    cr_assert_eq(sscanf(text(&s), "%d:%c %d %3s %d %d:%d:%d.%d %c %63[^\n]", &pid, &role, &day,
                        month, &year, &hour, &minute, &second, &ms, &mark, rest),
                 11, "%s", s.text);
    cr_assert_eq(pid, getpid());
    cr_assert_eq(role, 'M');
    cr_assert_eq(mark, '*');
    cr_assert_str_eq(rest, "ready port=6380");
    teardown(&s);
}

Test(log, the_level_chooses)
{
    struct setup s;
    setup(&s, LOGLEVEL_WARNING);
    log_write(s.log, LOGLEVEL_NOTICE, "no");
    cr_assert_str_eq(text(&s), "");
    log_write(s.log, LOGLEVEL_WARNING, "yes");
    cr_assert_not_null(strstr(text(&s), " # yes\n"));
    log_set_level(s.log, LOGLEVEL_DEBUG);
    log_write(s.log, LOGLEVEL_DEBUG, "fine");
    log_write(s.log, LOGLEVEL_VERBOSE, "less fine");
    cr_assert_not_null(strstr(text(&s), " . fine\n"));
    cr_assert_not_null(strstr(s.text, " - less fine\n"));
    log_set_level(s.log, LOGLEVEL_NOTHING);
    log_write(s.log, LOGLEVEL_WARNING, "never");
    cr_assert_eq(count_lines(text(&s)), 3);
    teardown(&s);
}

Test(log, no_text_starts_a_line_or_outgrows_one)
{
    struct setup s;
    char *huge = calloc(1, 5000);
    memset(huge, 'x', 4999);
    setup(&s, LOGLEVEL_NOTICE);
    log_write(s.log, LOGLEVEL_NOTICE, "a\nb\r\x1b[31m");
    cr_assert_not_null(strstr(text(&s), "a?b??[31m\n"));
    log_write(s.log, LOGLEVEL_NOTICE, "%s", huge);
    cr_assert_eq(count_lines(text(&s)), 2);
    cr_assert_lt(strlen(s.text), 1200);
    cr_assert_not_null(strstr(s.text, " * xxxxxxxx"), "as much as fits");
    cr_assert_eq(s.text[strlen(s.text) - 1], '\n');
    free(huge);
    teardown(&s);
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_write(arg, LOGLEVEL_NOTICE, "begin %d end", i);
    return NULL;
}

Test(log, lines_of_several_threads_stay_whole)
{
    struct setup s;
    pthread_t threads[THREADS];
    setup(&s, LOGLEVEL_NOTICE);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_lines, s.log), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    text(&s);
    int lines = 0;
    for (char *line = s.text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        *end = '\0';
        const char *begin = strstr(line, " * begin ");
        cr_assert(begin && isdigit((unsigned char)line[0]) && !strstr(begin + 9, "begin"), "%s",
                  line);
        cr_assert_str_eq(end - 4, " end");
    }
    cr_assert_eq(lines, THREADS * LINES);
    teardown(&s);
}

Test(log, a_file_that_cannot_be_opened)
{
    cr_assert_null(log_open("/nowhere/at/all", LOGLEVEL_NOTICE));
    cr_assert_eq(errno, ENOENT);
}

/* Stands in for libcriterion in ThreadSanitizer builds: runs each Test() in a forked child, one after the other, and
 * closes with Criterion's summary line. libcriterion 2.4.1 cannot be used there: it maps an arena at an address
 * of its own choosing to talk to its workers, nearly always one that ThreadSanitizer reserves, and
 * gives up ("Could not initialize inheritable arena") or crashes.
 *
 * It knows what our tests use: Test, TestSuite, ParameterizedTest, init, fini, signal, exit_code,
 * timeout, disabled, cr_assert*, cr_expect*, cr_skip_test, and of new/assert.h the same. Anything else fails at link time. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    EXIT_SKIPPED = 77,
};

/* Where the linker gathers what Test() and TestSuite() declare. */
extern struct criterion_test *__start_cr_tst[] __attribute__((weak));
extern struct criterion_test *__stop_cr_tst[] __attribute__((weak));
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

struct criterion_options criterion_options; /* read by the macros of the header */

/* What the child is running: the interface of the macros leaves no other place for it. */
static struct {
    const struct criterion_test *test;
    const struct criterion_test_extra_data *suite; /* NULL: no TestSuite() of that name */
    void *param;                                   /* of a ParameterizedTest, else NULL */
    bool in_main;
    volatile int failed_count;
} run;

struct totals {
    int tested, passing, failing, crashing;
};

void criterion_internal_test_setup(void)
{
    if (run.suite && run.suite->init)
        run.suite->init();
    if (run.test->data->init)
        run.test->data->init();
}

void criterion_internal_test_main(void (*fn)(void))
{
    run.in_main = true;
    if (run.param)
        ((void (*)(void *))(void *)fn)(run.param);
    else
        fn();
}

void criterion_internal_test_teardown(void)
{
    run.in_main = false;
    if (run.test->data->fini)
        run.test->data->fini();
    if (run.suite && run.suite->fini)
        run.suite->fini();
}

void criterion_abort_test(void)
{
    run.failed_count++;
    if (run.in_main)
        criterion_internal_test_teardown();
    exit(EXIT_FAILURE);
}

void criterion_continue_test(void)
{
    run.failed_count++;
}

__attribute__((format(printf, 1, 2))) void criterion_skip_test(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "[SKIP] %s::%s: ", run.test->category, run.test->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_SKIPPED);
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed)
        fprintf(stderr, "[----] %s:%u: %s\n", stats->file, stats->line, stats->message);
}

void cri_asserts_passed_incr(void)
{
}

__attribute__((format(printf, 2, 3))) int cr_asprintf(char **strp, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(strp, fmt, args);
    va_end(args);
    if (len < 0)
        *strp = NULL;
    return len;
}

void cr_asprintf_free(char *buf)
{
    free(buf);
}

/* The texts only tell what kind of assertion failed: the line number says the rest. */
char *cr_translate_assert_msg(int msg_index, ...)
{
    va_list args;
    va_start(args, msg_index);
    const char *what = msg_index == CRITERION_ASSERT_MSG_FAIL ? "" : va_arg(args, const char *);
    va_end(args);
    char *text = NULL;
    cr_asprintf(&text, "assertion failed: %s", what);
    return text;
}

/* What new/assert.h expands to: a tree of what was compared. */
void cri_assert_node_init(struct cri_assert_node *node)
{
    *node = (struct cri_assert_node){ 0 };
}

struct cri_assert_node *cri_assert_node_add(struct cri_assert_node *tree,
                                            struct cri_assert_node *node)
{
    struct cri_assert_node *children =
        reallocarray(tree->children, tree->nchild + 1, sizeof(*children));
    if (!children)
        abort();
    tree->children = children;
    children[tree->nchild] = *node;
    return &children[tree->nchild++];
}

void cri_assert_node_term(struct cri_assert_node *tree)
{
    for (uint32_t i = 0; i < tree->nchild; i++)
        cri_assert_node_term(&tree->children[i]);
    free(tree->children);
}

static void print_node(const struct cri_assert_node *node)
{
    if (node->repr && !node->pass)
        fprintf(stderr, "[----]   false: %s\n", node->repr);
    for (uint32_t i = 0; i < node->nchild; i++)
        print_node(&node->children[i]);
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    fprintf(stderr, "[----] %s:%zu: %s\n", file, line, tree->message ? tree->message + 1 : "");
    print_node(tree);
}

/* The macros put an x before the message, so that the format is never empty. */
__attribute__((format(printf, 1, 2))) char *cri_assert_message(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        text = NULL;
    va_end(args);
    return text;
}

static const struct criterion_test_extra_data *find_suite(const char *name)
{
    for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++) {
        if (*s && strcmp((*s)->name, name) == 0)
            return (*s)->data;
    }
    return NULL;
}

static void child_main(const struct criterion_test *test, void *param)
{
    run.test = test;
    run.suite = find_suite(test->category);
    run.param = param;
    double timeout_s = test->data->timeout;
    if (timeout_s <= 0 && run.suite)
        timeout_s = run.suite->timeout;
    if (timeout_s > 0)
        alarm((unsigned)timeout_s + 1);
    test->test();
    exit(run.failed_count > 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void run_case(const struct criterion_test *test, void *param, struct totals *t)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child_main(test, param);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            abort();
    }
    const struct criterion_test_extra_data *want = test->data;
    bool signalled = WIFSIGNALED(status);
    if (!signalled && WEXITSTATUS(status) == EXIT_SKIPPED && want->exit_code != EXIT_SKIPPED)
        return;
    bool ok = signalled ? WTERMSIG(status) == want->signal
                        : want->signal == 0 && WEXITSTATUS(status) == want->exit_code;
    t->tested++;
    if (ok) {
        t->passing++;
        return;
    }
    t->failing++;
    t->crashing += signalled;
    fprintf(stderr, "[FAIL] %s::%s: %s %d\n", test->category, test->name,
            signalled ? "signal" : "exit status",
            signalled ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void run_test(const struct criterion_test *test, struct totals *t)
{
    const struct criterion_test_extra_data *suite = find_suite(test->category);
    if (test->data->disabled || (suite && suite->disabled)) {
        fprintf(stderr, "[SKIP] %s::%s: disabled\n", test->category, test->name);
        return;
    }
    if (test->data->kind_ != CR_TEST_PARAMETERIZED) {
        run_case(test, NULL, t);
        return;
    }
    struct criterion_test_params params = test->data->param_();
    for (size_t i = 0; i < params.length; i++)
        run_case(test, (char *)params.params + i * params.size, t);
    if (params.cleanup)
        params.cleanup(&params);
}

/* Arguments are Criterion's; what has a meaning here is --filter, as a part of "suite/name". */
int main(int argc, char **argv)
{
    struct totals t = { 0 };
    const char *filter = "";
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--filter") == 0)
            filter = argv[i + 1];
    }
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        if (*test && strstr((*test)->data->identifier_, filter))
            run_test(*test, &t);
    }
    fprintf(stderr, "[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n",
            t.tested, t.passing, t.failing, t.crashing);
    return t.failing ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* limits: each test is a process of its own, so that it may lower what it has. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "kv/admin/limits.h"

static rlim_t soft_limit(void)
{
    struct rlimit l;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
    return l.rlim_cur;
}

Test(limits, the_soft_limit_is_raised_as_far_as_is_asked)
{
    struct rlimit l;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    cr_assert_eq(limits_raise_open_files(100), 100);
    cr_assert_eq(soft_limit(), 100 + LIMITS_RESERVED_FILES);
}

Test(limits, what_is_there_is_not_lowered)
{
    struct rlimit l;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = 500;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &l), 0);
    cr_assert_eq(limits_raise_open_files(10), 10);
    cr_assert_eq(soft_limit(), 500);
}

/* What the surroundings say: CPU quotas of both kinds of cgroups, sockets passed by the parent. */
#include "evio/cpu.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evio/evio.h"

struct place {
    char dir[64], cgroup_file[128];
};

static void put(const struct place *p, const char *path, const char *text)
{
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", p->dir, path);
    for (char *at = full + strlen(p->dir) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *f = fopen(full, "w");
    cr_assert(f, "%s", full);
    fputs(text, f);
    fclose(f);
}

static struct place place_new(const char *cgroup)
{
    struct place p;
    snprintf(p.dir, sizeof(p.dir), "/tmp/evio-test-XXXXXX");
    cr_assert(mkdtemp(p.dir));
    snprintf(p.cgroup_file, sizeof(p.cgroup_file), "%s/cgroup", p.dir);
    put(&p, "cgroup", cgroup);
    return p;
}

static void place_free(const struct place *p)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
    cr_assert_eq(system(command), 0);
}

Test(cpu, the_least_quota_of_a_v2_group_and_its_parents_counts)
{
    struct place p = place_new("0::/a/b\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 0);
    put(&p, "a/b/cpu.max", "max 100000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 0);
    put(&p, "a/cpu.max", "350000 100000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 4);
    put(&p, "a/b/cpu.max", "150000 100000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 2);
    put(&p, "cpu.max", "50000 100000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 1);
    place_free(&p);
}

Test(cpu, a_v1_group_is_found_under_its_controllers)
{
    struct place p = place_new("5:memory:/x\n4:cpu,cpuacct:/box\n1:name=systemd:/x\n");
    put(&p, "cpu,cpuacct/box/cpu.cfs_period_us", "50000\n");
    put(&p, "cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 0);
    put(&p, "cpu,cpuacct/box/cpu.cfs_quota_us", "150000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 3);
    place_free(&p);
    p = place_new("3:cpu:/seen-from-outside\n"); /* a container sees its group as the root */
    put(&p, "cpu/cpu.cfs_period_us", "100000\n");
    put(&p, "cpu/cpu.cfs_quota_us", "200000\n");
    cr_assert_eq(evio_cpu_quota(p.cgroup_file, p.dir), 2);
    place_free(&p);
}

Test(cpu, no_cgroup_is_no_quota)
{
    cr_assert_eq(evio_cpu_quota("/nonexistent", "/nonexistent"), 0);
}

Test(cpu, the_count_respects_affinity)
{
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    cr_assert(evio_cpu_count() >= 1 && evio_cpu_count() <= CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    }
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    cr_assert_eq(evio_cpu_count(), 1);
    struct evio_server *s;
    struct evio_options o = { .num_loops = -1 };
    cr_assert_eq(evio_server_new(&s, NULL, &o, NULL, 0, NULL), 0);
    cr_assert_eq(evio_server_num_loops(s), 1);
    evio_server_free(s);
}

static void set_listen(pid_t pid, const char *count)
{
    char text[32];
    snprintf(text, sizeof(text), "%d", (int)pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", count, 1);
}

Test(cpu, passed_sockets_are_ours_only_if_meant_for_us)
{
    int fds[4] = { 0 };
    cr_assert_eq(evio_listen_fds(fds, 4), 0);
    set_listen(getpid() + 1, "2");
    cr_assert_eq(evio_listen_fds(fds, 4), 0);
    cr_assert(!getenv("LISTEN_FDS") && !getenv("LISTEN_PID"), "not for our children either");
    set_listen(getpid(), "5");
    cr_assert_eq(evio_listen_fds(fds, 4), -E2BIG);
    set_listen(getpid(), "nonsense");
    cr_assert_eq(evio_listen_fds(fds, 4), 0);
    int kept[2] = { fcntl(3, F_DUPFD, 50), fcntl(4, F_DUPFD, 60) };
    dup2(0, 3);
    dup2(0, 4);
    set_listen(getpid(), "2");
    cr_assert_eq(evio_listen_fds(fds, 4), 2);
    cr_assert(fds[0] == 3 && fds[1] == 4);
    cr_assert(fcntl(3, F_GETFD) & FD_CLOEXEC);
    for (int i = 0; i < 2; i++) { /* what the test runner had there */
        if (kept[i] >= 0)
            dup2(kept[i], 3 + i);
    }
}

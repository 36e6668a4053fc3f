/* Counting CPUs, and the sockets that a service manager passes: what the process is told by its
 * surroundings. */
#include "evio/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include "evio/evio.h"

enum { LISTEN_FDS_START = 3, CPUS_MAX = 16384 };

/* Reads one line of numbers, as "150000 100000" or "max 100000"; false: no such file. */
static bool read_line(const char *mount, const char *group, const char *file, char *out,
                      size_t out_bytes)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s%s/%s", mount, group, file);
    if (n < 0 || n >= (int)sizeof(path))
        return false;
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool ok = fgets(out, (int)out_bytes, f) != NULL;
    fclose(f);
    return ok;
}

static void take_quota(long long quota, long long period, int *least)
{
    if (quota <= 0 || period <= 0)
        return;
    long long cpus = (quota + period - 1) / period;
    if (cpus < CPUS_MAX && (*least == 0 || cpus < *least))
        *least = (int)cpus;
}

/* From the process's own group upwards: a child may not use what its parent is denied. A container
 * may see its own group at the root of the mount, whatever /proc says. */
static void walk_up(const char *mount, char *group, bool v2, int *least)
{
    char line[128], period[128];
    for (;;) {
        if (v2 && read_line(mount, group, "cpu.max", line, sizeof(line))) {
            char *end;
            long long quota = strtoll(line, &end, 10);
            if (end != line)
                take_quota(quota, strtoll(end, NULL, 10), least);
        } else if (!v2 && read_line(mount, group, "cpu.cfs_quota_us", line, sizeof(line)) &&
                   read_line(mount, group, "cpu.cfs_period_us", period, sizeof(period))) {
            take_quota(strtoll(line, NULL, 10), strtoll(period, NULL, 10), least);
        }
        char *slash = strrchr(group, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static bool has_controller(const char *list, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; at < list + len;) {
        size_t part = strcspn(at, ",:");
        if (part == n && memcmp(at, name, n) == 0)
            return true;
        at += part + 1;
    }
    return false;
}

int evio_cpu_quota(const char *cgroup_file, const char *mount)
{
    int least = 0;
    char line[PATH_MAX + 64], root[PATH_MAX];
    FILE *f = fopen(cgroup_file, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f)) { /* "0::/group", "4:cpu,cpuacct:/group" */
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':');
        char *group = names ? strchr(names + 1, ':') : NULL;
        if (!group)
            continue;
        size_t names_len = (size_t)(group - names - 1);
        if (names_len == 0) {
            walk_up(mount, group + 1, true, &least);
        } else if (has_controller(names + 1, names_len, "cpu")) {
            int n = snprintf(root, sizeof(root), "%s/%.*s", mount, (int)names_len, names + 1);
            if (n < 0 || n >= (int)sizeof(root) || access(root, F_OK))
                snprintf(root, sizeof(root), "%s/cpu", mount);
            walk_up(root, group + 1, false, &least);
        }
    }
    fclose(f);
    return least;
}

static int affinity_count(void)
{
    for (int cpus = CPU_SETSIZE; cpus <= CPUS_MAX; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set)
            break;
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        int ok = sched_getaffinity(0, bytes, set) == 0, count = ok ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (ok)
            return count;
        if (errno != EINVAL) /* EINVAL: the machine has more */
            break;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < CPUS_MAX ? (int)online : 1;
}

int evio_cpu_count(void)
{
    int count = affinity_count();
    int quota = evio_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < count)
        count = quota;
    return count > 1 ? count : 1;
}

int evio_listen_fds(int *fds, int max)
{
    const char *pid = getenv("LISTEN_PID"), *list = getenv("LISTEN_FDS");
    int count = 0;
    if (pid && list && strtoll(pid, NULL, 10) == getpid()) {
        long n = strtol(list, NULL, 10);
        count = n > max ? -E2BIG : n > 0 ? (int)n : 0;
    }
    for (int i = 0; i < count; i++) {
        fds[i] = LISTEN_FDS_START + i;
        fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}

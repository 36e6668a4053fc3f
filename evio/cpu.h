/* cpu: how many CPUs a process may use. */
#ifndef EVIO_CPU_H
#define EVIO_CPU_H

/* The cgroup's quota in whole CPUs, rounded up; 0: none. `cgroup_file` is /proc/self/cgroup,
 * `mount` is /sys/fs/cgroup; the least quota from the process's group up to the root counts. */
int evio_cpu_quota(const char *cgroup_file, const char *mount);

#endif

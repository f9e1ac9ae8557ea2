// SPDX-License-Identifier: GPL-2.0-or-later
// The system calls that netsetup makes; any other one ends it.
#include "netsetup/confine/seccomp.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ids.h"

#ifdef VMRUN_SANITIZE

int syscalls_confine(struct error *err)
{
	return 0;
}

#else

/* clang-format off */

/*
 * Several of one line are one call under the names that it has with different versions of glibc and
 * on different machines; one that a machine does not have is left out by libseccomp.
 */
static const int plain[] = {
	/* Memory: malloc() and free(). Pages that can be executed are below. */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),

	/* Everywhere. fcntl: fdopendir() in lease_dir.c. */
	SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(fcntl), SCMP_SYS(fcntl64),

	/* Files, those that landlock.c names: lease/, netns.c, sysctl.c, tap.c, wireless.c. */
	SCMP_SYS(openat), SCMP_SYS(open),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(statx),
	SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(flock),
	SCMP_SYS(getdents), SCMP_SYS(getdents64),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),

	/* lease_dir.c: whose they must be. */
	SCMP_SYS(geteuid), SCMP_SYS(geteuid32),

	/* close_timeout.c */
	SCMP_SYS(setitimer), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),

	/* wireless.c, promiscuous.c: which kind of interface. */
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat),

	/* protocol.c, netlink.c, arp.c, dhcp_relay.c; getifaddrs() in allocate.c. Sockets: below. */
	SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
	SCMP_SYS(sendto), SCMP_SYS(send), SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(recv), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),

	/* session.c, probe.c, host.c: waiting. Clocks, where the vDSO does not have them. */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time),

	/* netlink.c: libnl makes a port's number of it. probe.c: random times; also malloc(). */
	SCMP_SYS(getpid), SCMP_SYS(getrandom),

	/* host.c: fork(), the child that waits for a tap's end; its end, and ours. */
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(pidfd_open), SCMP_SYS(waitid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

#ifdef __clang__
/* libseccomp's SCMP_A0() and its kin leave out the value that a comparison does not need. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

/* A call that is allowed when all of its @count conditions hold; each one of a call by itself. */
static const struct conditional {
	int number;
	unsigned int count;
	struct scmp_arg_cmp conditions[2];
} conditional[] = {
#define WHEN1(call, a)    { SCMP_SYS(call), 1, { a } }
#define WHEN2(call, a, b) { SCMP_SYS(call), 2, { a, b } }

	/* malloc(); no memory becomes code any more. */
	WHEN1(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mmap2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),

	/* netlink.c, getifaddrs() in allocate.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)),
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_GENERIC)),
	/* arp.c, dhcp_relay.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_PACKET),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)),
	/* netns.c, if_nametoindex(); there is no connect(). */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC)),

	/* tap.c; if_nametoindex(), if_indextoname() */
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNSETIFF)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNGETIFF)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNGETDEVNETNS)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFINDEX)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME)),

	/* host.c: fork(); standby.c; and nothing else: no thread, no namespace. */
#ifdef __s390x__
	WHEN1(clone, SCMP_A1(SCMP_CMP_EQ, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)),
	WHEN1(clone, SCMP_A1(SCMP_CMP_EQ, SPARE_CLONE_FLAGS)),
#else
	WHEN1(clone, SCMP_A0(SCMP_CMP_EQ, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)),
	WHEN1(clone, SCMP_A0(SCMP_CMP_EQ, SPARE_CLONE_FLAGS)),
#endif
};

/* clang-format on */

static int fill(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(plain); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(conditional); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, conditional[i].number,
					    conditional[i].count, conditional[i].conditions);
	/* Its flags lie in memory, where a filter does not see them; glibc then uses clone(). */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc;
}

int syscalls_confine(struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = filter ? 0 : -ENOMEM;

	/* The calls of another architecture's programs, as 32-bit ones, have other numbers. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = fill(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc < 0 ? error_set(err, -rc, "cannot filter this process's system calls") : 0;
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the system calls that it needs (seccomp).
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

#ifdef VMRUN_SANITIZE

int seccomp_confine(struct error *err)
{
	return 0;
}

#else

/* clang-format off */

/*
 * The calls of one line are one call under the names of several glibc versions and architectures.
 * libseccomp leaves out a call that the architecture lacks.
 */
static const int plain[] = {
	/* malloc(), free(). The calls that can make memory executable are below. */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),

	/* All files. fcntl: fdopendir() in lease_dir.c. */
	SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(fcntl), SCMP_SYS(fcntl64),

	/* The files that landlock.c allows: lease/, netns.c, sysctl.c, tap.c, wireless.c. */
	SCMP_SYS(openat), SCMP_SYS(open),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(statx),
	SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(flock),
	SCMP_SYS(getdents), SCMP_SYS(getdents64),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),

	/* lease_dir.c: the owner that they must have. */
	SCMP_SYS(geteuid), SCMP_SYS(geteuid32),

	/* close_timeout.c */
	SCMP_SYS(setitimer), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),

	/* wireless.c, promiscuous.c: the kind of an interface. */
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat),

	/* protocol.c, netlink.c, arp.c, dhcp_relay.c, getifaddrs(); for socket() see below. */
	SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
	SCMP_SYS(sendto), SCMP_SYS(send), SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(recv), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),

	/* session.c, probe.c, host.c: waiting. Clocks that the vDSO lacks. */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time),

	/* netlink.c: libnl derives a port from the pid. probe.c, malloc(): random numbers. */
	SCMP_SYS(getpid), SCMP_SYS(getrandom),

	/* host.c: fork(), the child that waits for a tap's end; exit of both. */
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(pidfd_open), SCMP_SYS(waitid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

#ifdef __clang__
/* libseccomp's SCMP_A0() to SCMP_A5() leave out the value that a comparison does not need. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

/* A call is allowed if all @count conditions of one of its rows hold. */
static const struct conditional {
	int number;
	unsigned int count;
	struct scmp_arg_cmp conditions[2];
} conditional[] = {
#define WHEN1(call, a)    { SCMP_SYS(call), 1, { a } }
#define WHEN2(call, a, b) { SCMP_SYS(call), 2, { a, b } }

	/* malloc(). Memory can no longer become executable. */
	WHEN1(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mmap2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),

	/* netlink.c, getifaddrs() in allocate.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)),
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_GENERIC)),
	/* arp.c, dhcp_relay.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_PACKET),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)),
	/* netns.c, if_nametoindex(). connect() is not allowed. */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC)),

	/* tap.c; if_nametoindex(), if_indextoname() */
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNSETIFF)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNGETIFF)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNGETDEVNETNS)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFINDEX)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME)),

	/* host.c: fork(). Threads and namespaces are not allowed. */
#ifdef __s390x__
	WHEN1(clone, SCMP_A1(SCMP_CMP_EQ, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)),
#else
	WHEN1(clone, SCMP_A0(SCMP_CMP_EQ, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)),
#endif
};

/* clang-format on */

static int add_rules(scmp_filter_ctx filter)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(plain); i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
	for (size_t i = 0; ret == 0 && i < ARRAY_SIZE(conditional); i++)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, conditional[i].number,
					     conditional[i].count, conditional[i].conditions);
	/* A filter cannot read clone3()'s flags, in memory. glibc falls back to clone(). */
	if (ret == 0)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return ret;
}

int seccomp_confine(struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = filter ? 0 : -ENOMEM;

	/* Another architecture, such as 32-bit x86, has other numbers for its calls. */
	if (ret == 0)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (ret == 0)
		ret = add_rules(filter);
	if (ret == 0)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret < 0 ? error_set_errno(err, -ret, "cannot filter this process's system calls")
		       : 0;
}

#endif

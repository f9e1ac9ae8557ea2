// SPDX-License-Identifier: GPL-2.0-or-later
// Filters the system calls of this program (seccomp).
#include "launcher/image/calls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#ifdef __clang__
/* libseccomp's SCMP_A0() and so on omit the value that a comparison does not need. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

#define NAMESPACES                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

/* The bits of a socket's type beside SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define TYPE_MASK 0xfu

#define PR_SET_VMA_NAMES 0x53564d41u

/* clang-format off */

/* The calls of one line are one call under the names of several architectures. */
static const int plain[] = {
	/* malloc(), threads. Name services are libraries, which are loaded late. */
	SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(munmap), SCMP_SYS(mremap),
	SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(membarrier),
	SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(wait4), SCMP_SYS(waitid),
	SCMP_SYS(exit), SCMP_SYS(exit_group),

	/* Files, which Landlock restricts. */
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(close_range),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64),
	SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
	SCMP_SYS(lseek), SCMP_SYS(_llseek), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(flock),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(statx),
	SCMP_SYS(statfs), SCMP_SYS(fstatfs),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd),
	SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fadvise64), SCMP_SYS(fsync),
	SCMP_SYS(fchmod), SCMP_SYS(umask), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
	SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),

	/* Sockets; for those that choose what to talk to, see below. */
	SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg),

	/* Waiting, and clocks that the vDSO lacks. */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64),
	SCMP_SYS(select), SCMP_SYS(_newselect), SCMP_SYS(pselect6), SCMP_SYS(pselect6_time64),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(restart_syscall),

	/* Signals of its own. */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn), SCMP_SYS(sigaltstack),

	/* Facts; further restrictions. */
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(getuid32), SCMP_SYS(geteuid32), SCMP_SYS(getgid32), SCMP_SYS(getegid32),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrandom),
	SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
	SCMP_SYS(landlock_restrict_self),
};

/* Reading, writing and allocating. */
static const int unpacking[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(ftruncate), SCMP_SYS(close),
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(futex),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid),
	SCMP_SYS(sched_yield), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* A call is allowed if all @count conditions of one of its rows hold. */
static const struct conditional {
	int number;
	unsigned int count;
	struct scmp_arg_cmp conditions[3];
} conditional[] = {
#define WHEN1(call, a)       { SCMP_SYS(call), 1, { a } }
#define WHEN2(call, a, b)    { SCMP_SYS(call), 2, { a, b } }
#define WHEN3(call, a, b, c) { SCMP_SYS(call), 3, { a, b, c } }
#define TYPE(type)           SCMP_A1(SCMP_CMP_MASKED_EQ, TYPE_MASK, type)
#define INTERNET(family, type, protocol) \
	WHEN3(socket, SCMP_A0(SCMP_CMP_EQ, family), TYPE(type), SCMP_A2(SCMP_CMP_EQ, protocol))

	/* Not IPPROTO_MPTCP, whose ports Landlock does not restrict. */
	INTERNET(AF_INET, SOCK_STREAM, 0), INTERNET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	INTERNET(AF_INET6, SOCK_STREAM, 0), INTERNET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	INTERNET(AF_INET, SOCK_DGRAM, 0), INTERNET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	INTERNET(AF_INET6, SOCK_DGRAM, 0), INTERNET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	/* getaddrinfo() reads the host's addresses. */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)),
	/* libcurl wakes its threads. A pair of this type never connects to another socket. */
	WHEN2(socketpair, SCMP_A0(SCMP_CMP_EQ, AF_UNIX), TYPE(SOCK_STREAM)),

	/* MSG_FASTOPEN connects past Landlock. */
	WHEN1(sendto, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0)),
	WHEN1(send, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0)),
	WHEN1(sendmsg, SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0)),
	WHEN1(sendmmsg, SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0)),

	/* isatty(), the progress bar, poll(). Not TIOCSTI, which forges a terminal's input. */
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TCGETS)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TIOCGWINSZ)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, FIONREAD)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, FIONBIO)),

	WHEN1(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG)),
	WHEN1(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS)),
	WHEN1(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)),
	WHEN1(prctl, SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA_NAMES)),
	/* Of itself. */
	WHEN1(prlimit64, SCMP_A0(SCMP_CMP_EQ, 0)),

	/* Threads and the unpacker. */
#ifdef __s390x__
	WHEN1(clone, SCMP_A1(SCMP_CMP_MASKED_EQ, NAMESPACES, 0)),
#else
	WHEN1(clone, SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0)),
#endif
};

/* clang-format on */

/* Loads and releases the filter; only releases it if @ret is an error. */
static int load(scmp_filter_ctx filter, int ret)
{
	if (!ret)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	return ret;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return ret;
}

int calls_filter(void)
{
	scmp_filter_ctx filter;
	int ret;

	if (SANITIZED)
		return 0;
	/* A filter cannot read clone3()'s flags, in memory: glibc falls back to clone(). */
	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return -ENOMEM;
	ret = allow(filter, plain, ARRAY_SIZE(plain));
	for (size_t i = 0; i < ARRAY_SIZE(conditional) && !ret; i++)
		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, conditional[i].number,
					     conditional[i].count, conditional[i].conditions);
	/* abort() */
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	/* Name services try local sockets first, and go on without them. */
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	return load(filter, ret);
}

int calls_filter_unpack(void)
{
	/* Libraries call these and carry on without them: fail as if the kernel lacked them. */
	static const int absent[] = { SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(openat) };
	scmp_filter_ctx filter;
	int ret;

	if (SANITIZED)
		return 0;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	ret = allow(filter, unpacking, ARRAY_SIZE(unpacking));
	for (size_t i = 0; i < ARRAY_SIZE(absent) && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), absent[i], 0);
	return load(filter, ret);
}

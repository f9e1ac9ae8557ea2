// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts netsetup to the system calls that it needs (seccomp).
#include "netsetup/confine/seccomp.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif
#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#ifdef VMRUN_SANITIZE

int seccomp_confine(struct error *err)
{
	return 0;
}

int seccomp_confine_maker(struct error *err)
{
	return 0;
}

int seccomp_confine_worker(struct error *err)
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

	/* All files. fcntl: O_NONBLOCK of a connection in service.c; fopen(). */
	SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(fcntl), SCMP_SYS(fcntl64),

	/* The files that landlock.c allows: state.c, policy/, known_hosts.c, sysctl.c. */
	SCMP_SYS(openat), SCMP_SYS(open),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
	SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(statx), SCMP_SYS(lseek), SCMP_SYS(_llseek),
	SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(umask),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),

	/* stall.c */
	SCMP_SYS(setitimer), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),

	/* protocol.c, keeper.c, netlink.c, maker.c; for others see below. */
	SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept4), SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt), SCMP_SYS(sendto), SCMP_SYS(send), SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), SCMP_SYS(recv), SCMP_SYS(recvmsg), SCMP_SYS(shutdown),

	/* task.c: the user of a dry run. */
	SCMP_SYS(geteuid), SCMP_SYS(geteuid32),

	/* service.c: waiting. Clocks that the vDSO lacks. */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(time),

	/* netlink.c: libnl derives a port from the pid. malloc(): random numbers. */
	SCMP_SYS(getpid), SCMP_SYS(getrandom),

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
#define OPTION(level, name) \
	WHEN2(setsockopt, SCMP_A1(SCMP_CMP_EQ, level), SCMP_A2(SCMP_CMP_EQ, name))

	/* malloc(). Memory can no longer become executable. */
	WHEN1(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mmap2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),

	/* netlink.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)),
	/* netns.c, client.c, if_nametoindex(). connect() is not allowed. */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC)),
	/* service.c, publish.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC)),
	WHEN2(socketpair, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC)),

	/* netlink.c and libnl, client.c, publish.c */
	OPTION(SOL_SOCKET, SO_RCVTIMEO), OPTION(SOL_SOCKET, SO_SNDTIMEO),
	OPTION(SOL_SOCKET, SO_RCVBUF), OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(SOL_SOCKET, SO_PASSRIGHTS), OPTION(SOL_NETLINK, NETLINK_EXT_ACK),
	OPTION(SOL_NETLINK, NETLINK_GET_STRICT_CHK),

	/* if_nametoindex(), if_indextoname() */
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFINDEX)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME)),
};

/* The maker: it makes the changes of change.c. */
static const int maker_plain[] = {
	/* malloc(), free() */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),

	/* sysctl.c, tap.c; write: an error on stderr. fstat: malloc() of stdio. */
	SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(openat), SCMP_SYS(open),
	SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),

	/* promiscuous.c: the driver of an interface. */
	SCMP_SYS(readlink), SCMP_SYS(readlinkat),

	/* maker.c, netlink.c, packet_socket.c */
	SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(sendto),
	SCMP_SYS(send), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(recv), SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),
	SCMP_SYS(gettimeofday), SCMP_SYS(time),

	/* netlink.c: libnl derives a port from the pid. malloc(): random numbers. */
	SCMP_SYS(getpid), SCMP_SYS(getrandom),

	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static const struct conditional maker_conditional[] = {
	WHEN1(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mmap2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),

	/* netlink.c, table.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)),
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_NETFILTER)),
	/* packet_socket.c, gate.c */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_PACKET),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK)),
	/* if_nametoindex() */
	WHEN2(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
	      SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC)),

	/* netlink.c and libnl, packet_socket.c, dhcp_socket.c, promiscuous.c, table.c, gate.c */
	OPTION(SOL_SOCKET, SO_RCVTIMEO), OPTION(SOL_SOCKET, SO_SNDTIMEO),
	OPTION(SOL_SOCKET, SO_RCVBUF), OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(SOL_SOCKET, SO_ATTACH_FILTER), OPTION(SOL_SOCKET, SO_LOCK_FILTER),
	OPTION(SOL_SOCKET, SO_MARK), /* change.c */
	OPTION(SOL_NETLINK, NETLINK_EXT_ACK), OPTION(SOL_NETLINK, NETLINK_CAP_ACK),
	OPTION(SOL_NETLINK, NETLINK_GET_STRICT_CHK),
	OPTION(SOL_PACKET, PACKET_AUXDATA),
	OPTION(SOL_PACKET, PACKET_IGNORE_OUTGOING), OPTION(SOL_PACKET, PACKET_ADD_MEMBERSHIP),
	/* ask.c */
	OPTION(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP),
	OPTION(SOL_SOCKET, SO_RCVBUFFORCE),

	/* tap.c; if_nametoindex() */
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNSETIFF)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, TUNSETOWNER)),
	WHEN1(ioctl, SCMP_A1(SCMP_CMP_EQ, SIOCGIFINDEX)),
};

/* The worker: it reads, writes and closes what it was given. */
static const int worker_plain[] = {
	/* malloc(), free() */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),

	/* worker.c, arp.c, dhcp_relay.c; write: an error on stderr. send() has no address. */
	SCMP_SYS(close), SCMP_SYS(write), SCMP_SYS(send),
	SCMP_SYS(recvfrom), SCMP_SYS(recv), SCMP_SYS(recvmsg),

	/* worker.c: waiting. Clocks that the vDSO lacks. */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),

	/* stall.c */
	SCMP_SYS(setitimer), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),

	/* probe.c, malloc(): random numbers. */
	SCMP_SYS(getrandom),

	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

static const struct conditional worker_conditional[] = {
	WHEN1(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),
	WHEN1(mmap2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)),

	/*
	 * arp.c, dhcp_relay.c, worker_vm.c. Threat: with an address, a packet socket sends on any
	 * interface (packet_snd() in net/packet/af_packet.c).
	 */
	WHEN2(sendto, SCMP_A4(SCMP_CMP_EQ, 0), SCMP_A5(SCMP_CMP_EQ, 0)),

	/* arp_socket_listen(). The protocol that a packet socket is bound to stays. */
	WHEN2(setsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
	      SCMP_A2(SCMP_CMP_EQ, SO_ATTACH_FILTER)),
};

/* clang-format on */

/* The calls that a process may make. It starts no process. */
struct list {
	const int *plain;
	size_t plain_count;
	const struct conditional *conditional;
	size_t conditional_count;
};

static int add_rules(scmp_filter_ctx filter, const struct list *list)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < list->plain_count; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, list->plain[i], 0);
	for (size_t i = 0; ret == 0 && i < list->conditional_count; i++) {
		const struct conditional *row = &list->conditional[i];

		ret = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, row->number, row->count,
					     row->conditions);
	}
	return ret;
}

static int confine(const struct list *list, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = filter ? 0 : -ENOMEM;

	/* Another architecture, such as 32-bit x86, has other numbers for its calls. */
	if (ret == 0)
		ret = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (ret == 0)
		ret = add_rules(filter, list);
	if (ret == 0)
		ret = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return ret < 0 ? error_set_errno(err, -ret, "cannot filter this process's system calls")
		       : 0;
}

int seccomp_confine(struct error *err)
{
	static const struct list list = { plain, ARRAY_SIZE(plain), conditional,
					  ARRAY_SIZE(conditional) };

	return confine(&list, err);
}

int seccomp_confine_maker(struct error *err)
{
	static const struct list list = { maker_plain, ARRAY_SIZE(maker_plain), maker_conditional,
					  ARRAY_SIZE(maker_conditional) };

	return confine(&list, err);
}

int seccomp_confine_worker(struct error *err)
{
	static const struct list list = { worker_plain, ARRAY_SIZE(worker_plain),
					  worker_conditional, ARRAY_SIZE(worker_conditional) };

	return confine(&list, err);
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// The steps at which a process is stopped: a table of system calls, and a filter made of it.
#include "tests/fault/step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

static const char *const role_names[] = { "other", "vmrun",  "supervisor", "service",
					  "maker", "worker", "qemu" };

#define NONE  (-1)
#define WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* The errors with which a request, an ioctl, an open, a write, a fork or an exec fails. */
#define SIX EPERM, ENOMEM, ENOSPC, EBUSY, EINTR, ENOBUFS

const struct call calls[] = {
	{ SYS_openat, "openat(write)", true, 2, WRITE, 0, { SIX, EACCES, EROFS } },
	{ SYS_openat, "openat", false, NONE, 0, 0, { SIX, EMFILE, ENOENT } },
	{ SYS_mkdir, "mkdir", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_mkdirat, "mkdirat", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_rmdir, "rmdir", true, NONE, 0, 0, { EBUSY, EPERM } },
	{ SYS_unlink, "unlink", true, NONE, 0, 0, { EROFS, EPERM } },
	{ SYS_unlinkat, "unlinkat", true, NONE, 0, 0, { EROFS, EPERM } },
	{ SYS_rename, "rename", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_renameat, "renameat", true, NONE, 0, 0, { ENOSPC, EROFS, EPERM } },
	{ SYS_flock, "flock", true, NONE, 0, 0, { ENOLCK, EINTR, ENOMEM } },
	{ SYS_ftruncate, "ftruncate", true, NONE, 0, 0, { ENOSPC, EINTR } },
	{ SYS_pwrite64, "pwrite64", true, NONE, 0, 0, { SIX } },
	{ SYS_write, "write", true, NONE, 0, 0, { SIX } },
	{ SYS_bind, "bind", true, NONE, 0, 0, { EADDRINUSE, EPERM, ENOMEM } },
	{ SYS_ioctl, "ioctl(TUNSETIFF)", true, 1, 0, TUNSETIFF, { SIX } },
	{ SYS_ioctl, "ioctl", false, NONE, 0, 0, { SIX, ENOTTY } },
	{ SYS_sendmsg, "sendmsg", true, NONE, 0, 0, { SIX } },
	{ SYS_sendto, "sendto", true, NONE, 0, 0, { SIX } },
	{ SYS_setsockopt, "setsockopt(packet)", true, 1, 0, SOL_PACKET, { ENOMEM, EPERM, ENODEV } },
	{ SYS_setsockopt, "setsockopt", false, NONE, 0, 0, { ENOMEM, EPERM, ENOBUFS } },
	{ SYS_fork, "fork", true, NONE, 0, 0, { SIX, EAGAIN } },
	{ SYS_vfork, "vfork", true, NONE, 0, 0, { SIX, EAGAIN } },
	{ SYS_clone, "clone", true, NONE, 0, 0, { SIX, EAGAIN } },
	{ SYS_clone3, "clone3", true, NONE, 0, 0, { SIX, EAGAIN } },
	{ SYS_execve, "execve", true, NONE, 0, 0, { SIX, EACCES, ENOENT } },
	{ SYS_prctl, "prctl(death signal)", true, 0, 0, PR_SET_PDEATHSIG, { EPERM, EINVAL } },
	/* It cannot fail: the first call of vmrun-netsetup's main(). */
	{ SYS_prctl, "prctl(name)", false, 0, 0, PR_SET_NAME, { 0 } },
	{ SYS_prctl, "prctl", false, NONE, 0, 0, { EPERM, EINVAL } },
	{ SYS_setsid, "setsid", true, NONE, 0, 0, { EPERM } },
	{ SYS_setresuid, "setresuid", true, NONE, 0, 0, { EAGAIN, EPERM } },
	{ SYS_setresgid, "setresgid", true, NONE, 0, 0, { EPERM } },
	{ SYS_setgroups, "setgroups", true, NONE, 0, 0, { EPERM, ENOMEM } },
	{ SYS_capset, "capset", true, NONE, 0, 0, { EPERM } },
	{ SYS_shutdown, "shutdown", true, NONE, 0, 0, { ENOTCONN } },
	{ SYS_kill, "kill", true, NONE, 0, 0, { ESRCH, EPERM } },
	{ SYS_socket, "socket", false, NONE, 0, 0, { EMFILE, EPERM, ENOBUFS, ENOMEM } },
	{ SYS_socketpair, "socketpair", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_connect, "connect", false, NONE, 0, 0, { EAGAIN, EACCES, EINTR, ENOMEM } },
	{ SYS_landlock_create_ruleset,
	  "landlock_create_ruleset",
	  false,
	  NONE,
	  0,
	  0,
	  { EMFILE, ENOMEM } },
	{ SYS_landlock_add_rule, "landlock_add_rule", false, NONE, 0, 0, { ENOMEM } },
	{ SYS_landlock_restrict_self, "landlock_restrict_self", false, NONE, 0, 0, { ENOMEM } },
	{ SYS_seccomp, "seccomp", false, 0, 0, SECCOMP_SET_MODE_FILTER, { ENOMEM, EACCES } },
	{ SYS_listen, "listen", false, NONE, 0, 0, { EADDRINUSE } },
	{ SYS_getsockname, "getsockname", false, NONE, 0, 0, { ENOBUFS } },
	{ SYS_getsockopt, "getsockopt", false, NONE, 0, 0, { ENOBUFS } },
	{ SYS_recvmsg, "recvmsg", false, NONE, 0, 0, { ENOBUFS, EINTR, ENOMEM } },
	{ SYS_recvfrom, "recvfrom", false, NONE, 0, 0, { ENOBUFS, EINTR, ENETDOWN } },
	{ SYS_pipe2, "pipe2", false, NONE, 0, 0, { EMFILE } },
	{ SYS_dup2, "dup2", false, NONE, 0, 0, { EBUSY } },
	{ SYS_fcntl, "fcntl(copy)", false, 1, 0, F_DUPFD_CLOEXEC, { EMFILE, EINTR } },
	{ SYS_fcntl, "fcntl(flags)", false, 1, 0, F_SETFL, { EPERM } },
	{ SYS_epoll_create1, "epoll_create1", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_epoll_ctl, "epoll_ctl", false, NONE, 0, 0, { ENOSPC, ENOMEM } },
	{ SYS_epoll_wait, "epoll_wait", false, NONE, 0, 0, { EINTR } },
	{ SYS_poll, "poll", false, NONE, 0, 0, { EINTR, ENOMEM } },
	{ SYS_signalfd4, "signalfd4", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_timerfd_create, "timerfd_create", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_pidfd_open, "pidfd_open", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_memfd_create, "memfd_create", false, NONE, 0, 0, { EMFILE, ENOMEM } },
	{ SYS_mmap, "mmap", false, NONE, 0, 0, { ENOMEM } },
	{ SYS_read, "read", false, NONE, 0, 0, { EINTR, EIO } },
	{ SYS_pread64, "pread64", false, NONE, 0, 0, { EIO } },
	{ SYS_readlink, "readlink", false, NONE, 0, 0, { EACCES, ENOMEM } },
	{ SYS_newfstatat, "newfstatat", false, NONE, 0, 0, { EACCES, ENOMEM } },
	{ SYS_getdents64, "getdents64", false, NONE, 0, 0, { EIO, ENOMEM } },
	{ SYS_close_range, "close_range", false, NONE, 0, 0, { EMFILE } },
	{ SYS_waitid, "waitid", false, NONE, 0, 0, { EINTR, ECHILD } },
	{ SYS_wait4, "wait4", false, NONE, 0, 0, { EINTR, ECHILD } },
};

const size_t call_count = ARRAY_SIZE(calls);
_Static_assert(ARRAY_SIZE(calls) <= CALLS_MAX, "CALLS_MAX is too small");

const char *step_text(const struct step *step, bool after, char text[STEP_TEXT_SIZE])
{
	snprintf(text, STEP_TEXT_SIZE, "%s %s %s#%u", after ? "after" : "before",
		 role_names[step->role], step->call->name, step->number);
	return text;
}

int step_filter(bool only_changes)
{
	struct sock_filter code[8 * ARRAY_SIZE(calls) + 8];
	struct sock_fprog program = { 0, code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < call_count; i++) {
		const struct call *call = &calls[i];
		unsigned int offset;

		if (only_changes && !call->change)
			continue;
		if (call->argument == NONE) {
			code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 (unsigned int)call->number, 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
								 SECCOMP_RET_TRACE | i);
			continue;
		}
		offset = (unsigned int)offsetof(struct seccomp_data, args) +
			 8 * (unsigned int)call->argument;
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (unsigned int)call->number, 0, 4);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | (call->mask ? BPF_JSET : BPF_JEQ) | BPF_K,
			call->mask ? call->mask : call->value, 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | i);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, nr));
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

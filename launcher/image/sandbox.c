// SPDX-License-Identifier: GPL-2.0-or-later
// Restricts this program before it reads untrusted bytes.
#include "launcher/image/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ruleset.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Covers the largest window of the formats and the unpacker's own memory. */
#define UNPACK_MEMORY (UINT64_C(768) << 20)

#ifdef __clang__
/* libseccomp's SCMP_A0() and so on omit the value that a comparison does not need. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

static int limit(int resource, rlim_t most)
{
	const struct rlimit limits = { most, most };

	return setrlimit(resource, &limits) < 0 ? -errno : 0;
}

/* Loads and releases the filter; only releases it if @ret is an error. */
static int load(scmp_filter_ctx filter, int ret)
{
	if (!ret)
		ret = seccomp_load(filter);
	seccomp_release(filter);
	return ret;
}

static int refuse_calls(scmp_filter_ctx filter)
{
	static const int refused[] = {
		SCMP_SYS(execve),
		SCMP_SYS(execveat),
		SCMP_SYS(ptrace),
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(pidfd_getfd),
		SCMP_SYS(kcmp),
		SCMP_SYS(mount),
		SCMP_SYS(umount2),
		SCMP_SYS(pivot_root),
		SCMP_SYS(chroot),
		SCMP_SYS(move_mount),
		SCMP_SYS(open_tree),
		SCMP_SYS(fsopen),
		SCMP_SYS(unshare),
		SCMP_SYS(setns),
		SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup),
		SCMP_SYS(io_uring_enter),
		SCMP_SYS(io_uring_register),
		SCMP_SYS(keyctl),
		SCMP_SYS(add_key),
		SCMP_SYS(request_key),
		SCMP_SYS(open_by_handle_at),
		SCMP_SYS(init_module),
		SCMP_SYS(finit_module),
		SCMP_SYS(delete_module),
		SCMP_SYS(kexec_load),
		SCMP_SYS(kexec_file_load),
		SCMP_SYS(reboot),
		SCMP_SYS(swapon),
		SCMP_SYS(swapoff),
		SCMP_SYS(personality),
		SCMP_SYS(setuid),
		SCMP_SYS(setgid),
		SCMP_SYS(setresuid),
		SCMP_SYS(setresgid),
		SCMP_SYS(mknod),
		SCMP_SYS(mknodat),
	};
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(refused) && !ret; i++) {
		/* The leak sanitizer traces its own process. */
		if (SANITIZED && refused[i] == SCMP_SYS(ptrace))
			continue;
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	}
	return ret;
}

/* Refuses TIOCSTI, which forges a terminal's input, and sockets of all families but these. */
static int refuse_arguments(scmp_filter_ctx filter)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
	int below = 0;
	int ret;

	ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0x5412));
	for (size_t i = 0; i < ARRAY_SIZE(families) && !ret; i++) {
		for (int family = below; family < families[i] && !ret; family++)
			ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
					       SCMP_SYS(socket), 1,
					       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
		below = families[i] + 1;
	}
	return ret ? ret
		   : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_GE, (scmp_datum_t)below));
}

int sandbox_process(struct error *err)
{
	scmp_filter_ctx filter;
	int ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, SANITIZED) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	ret = limit(RLIMIT_CORE, 0);
	if (!ret)
		ret = limit(RLIMIT_NOFILE, 64);
	if (ret)
		return error_set_errno(err, -ret, "cannot limit resources");

	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return error_set_errno(err, ENOMEM, "cannot filter system calls");
	ret = refuse_calls(filter);
	if (!ret)
		ret = refuse_arguments(filter);
	ret = load(filter, ret);
	return ret ? error_set_errno(err, -ret, "cannot filter system calls") : 0;
}

/* Allows libraries, certificates and name services of usual systems, but no home directory. */
static int allow_system(const struct ruleset *ruleset, struct error *err)
{
	static const char *const paths[] = { "/etc",       "/usr",
					     "/lib",       "/lib64",
					     "/run",       "/var/lib/ca-certificates",
					     "/nix/store", "/gnu/store",
					     "/opt",       "/sys/devices/system/cpu",
					     "/proc/self" };
	int ret = 0;

	/* A name service may answer on a socket in /run. */
	for (size_t i = 0; i < ARRAY_SIZE(paths) && !ret; i++)
		ret = ruleset_allow_path(ruleset, paths[i], RULESET_READ | RULESET_RESOLVE_UNIX,
					 err);
	if (!ret)
		ret = ruleset_allow_path(ruleset, "/dev/urandom", RULESET_READ, err);
	return ret ? ret : ruleset_allow_path(ruleset, "/dev/null", RULESET_WRITE, err);
}

int sandbox_files(int directory, const char *const files[], size_t count, struct error *err)
{
	struct ruleset ruleset;
	int ret = ruleset_new(&(struct ruleset_denied){ .files = true }, &ruleset, err);

	if (!ret)
		ret = allow_system(&ruleset, err);
	for (size_t i = 0; i < count && !ret; i++)
		ret = ruleset_allow_path(&ruleset, files[i], RULESET_READ, err);
	if (!ret) {
		ret = ruleset_allow(&ruleset, directory, RULESET_CHANGE);
		if (!ret)
			ret = ruleset_enter(&ruleset);
		if (ret)
			error_set_errno(err, -ret, "cannot restrict access to files");
	}
	ruleset_done(&ruleset);
	return ret;
}

/* Runs in the child. Moves them above all open descriptors first, so that none is overwritten. */
static int move_fds(int *fds[3])
{
	int moved[3];

	for (int i = 0; i < 3; i++) {
		moved[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 32);
		if (moved[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		*fds[i] = STDERR_FILENO + 1 + i;
		if (dup2(moved[i], *fds[i]) < 0)
			return -errno;
	}
	return syscall(SYS_close_range, STDERR_FILENO + 4, ~0u, 0) < 0 ? -errno : 0;
}

static int filter_unpack(void)
{
	static const int allowed[] = {
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(pwrite64),
		SCMP_SYS(ftruncate),
		SCMP_SYS(close),
		SCMP_SYS(mmap),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(mprotect),
		SCMP_SYS(madvise),
		SCMP_SYS(brk),
		SCMP_SYS(futex),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(getrandom),
		SCMP_SYS(getpid),
		SCMP_SYS(sched_yield),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int ret = 0;

	if (!filter)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	/* Libraries call these and carry on without them: fail as if the kernel lacked them. */
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(newfstatat), 0);
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(fstat), 0);
	if (!ret)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat), 0);
	return load(filter, ret);
}

int sandbox_unpack(int *input, int *output, int *answer)
{
	int *fds[] = { input, output, answer };
	int ret = move_fds(fds);

	/* The sanitizers need more calls and reserve terabytes. */
	if (ret || SANITIZED)
		return ret;
	ret = limit(RLIMIT_AS, UNPACK_MEMORY);
	return ret ? ret : filter_unpack();
}

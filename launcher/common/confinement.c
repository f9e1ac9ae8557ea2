// SPDX-License-Identifier: GPL-2.0-or-later
// Confines a program that vmrun starts to its files and system calls.
#include "launcher/common/confinement.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#ifdef __clang__
/* libseccomp's SCMP_A0() and so on omit the value that a comparison does not need. */
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

/* Older headers lack these calls, whose numbers are the same on each processor. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat    463
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469
#endif

#define PROGRAM (RULESET_READ | RULESET_EXECUTE)
#define DEVICE  (RULESET_WRITE | RULESET_IOCTL_DEV)

/* The files of the system that every program needs; none of them is the user's. */
static const struct {
	const char *path;
	uint64_t rights;
} system_files[] = {
	{ "/usr", PROGRAM },
	{ "/bin", PROGRAM },
	{ "/sbin", PROGRAM },
	{ "/lib", PROGRAM },
	{ "/lib32", PROGRAM },
	{ "/lib64", PROGRAM },
	{ "/nix/store", PROGRAM },
	{ "/gnu/store", PROGRAM },
	{ "/etc/ld.so.cache", RULESET_READ },
	{ "/etc/ld.so.preload", RULESET_READ },
	{ "/etc/localtime", RULESET_READ },
	{ "/etc/crypto-policies", RULESET_READ },
	{ "/etc/gcrypt", RULESET_READ },
	{ "/etc/gnutls", RULESET_READ },
	{ "/etc/pkcs11", RULESET_READ },
	{ "/etc/ssl/openssl.cnf", RULESET_READ },
	{ "/etc/pki/tls/openssl.cnf", RULESET_READ },
	{ "/proc/cpuinfo", RULESET_READ },
	{ "/proc/filesystems", RULESET_READ },
	{ "/proc/meminfo", RULESET_READ },
	{ "/proc/sys/crypto", RULESET_READ },
	{ "/proc/sys/vm", RULESET_READ },
	{ "/sys/devices/system", RULESET_READ },
	{ "/sys/kernel/mm", RULESET_READ },
	{ "/dev/null", DEVICE },
	{ "/dev/zero", DEVICE },
	{ "/dev/random", RULESET_READ },
	{ "/dev/urandom", RULESET_READ },
};

/* Calls of debuggers, of administrators' tools and of exploits, which no VM needs. */
static const int never[] = {
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
};

static const int mounts[] = {
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(move_mount),
	SCMP_SYS(fspick),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(open_by_handle_at),
};

static const int attributes[] = {
	SCMP_SYS(chmod),     SCMP_SYS(fchmodat),    SYS_fchmodat2,          SCMP_SYS(chown),
	SCMP_SYS(lchown),    SCMP_SYS(fchownat),    SCMP_SYS(utime),        SCMP_SYS(utimes),
	SCMP_SYS(futimesat), SCMP_SYS(utimensat),   SCMP_SYS(setxattr),     SCMP_SYS(lsetxattr),
	SYS_setxattrat,      SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SYS_removexattrat,
	SYS_file_setattr,
};

static const int keys[] = {
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),        SCMP_SYS(request_key),    SCMP_SYS(keyctl),
};

static int refuse(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	return ret;
}

/* The flags of clone3(2) are in memory, which no filter reads: the C library then uses clone(2). */
static int refuse_namespaces(scmp_filter_ctx filter)
{
	static const scmp_datum_t flags[] = { CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
					      CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
					      CLONE_NEWCGROUP };
	int ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < ARRAY_SIZE(flags) && !ret; i++)
#ifdef __s390__
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
#else
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
#endif
	return ret;
}

/* Refuses a value of an int argument, whatever the register's upper half is. */
static int refuse_value(scmp_filter_ctx filter, int call, unsigned int argument, scmp_datum_t value)
{
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 1,
				SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, value));
}

/* Refuses AF_UNIX's datagrams, which need no connect(2). SOCK_RAW is one of their names. */
static int refuse_datagrams(scmp_filter_ctx filter, int call)
{
	static const scmp_datum_t types[] = { SOCK_DGRAM, SOCK_RAW };
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types) && !ret; i++)
		ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 2,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_UNIX),
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, types[i]));
	return ret;
}

/* Refuses all families but AF_UNIX and AF_NETLINK, which libudev needs to see USB devices. */
static int refuse_families(scmp_filter_ctx filter)
{
	int ret = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_GT, AF_NETLINK));

	for (int family = 0; family < AF_NETLINK && !ret; family++)
		if (family != AF_UNIX)
			ret = refuse_value(filter, SCMP_SYS(socket), 0, (scmp_datum_t)family);
	return ret;
}

static int refuse_connections(scmp_filter_ctx filter, const struct confinement_needs *needs)
{
	static const int connecting[] = { SCMP_SYS(connect) };
	int ret = 0;

	if (!needs->connect) {
		ret = refuse(filter, connecting, ARRAY_SIZE(connecting));
		if (!ret)
			ret = refuse_datagrams(filter, SCMP_SYS(socketpair));
		if (!ret && needs->local)
			ret = refuse_datagrams(filter, SCMP_SYS(socket));
	}
	if (!ret && !needs->inet)
		ret = refuse_families(filter);
	if (!ret && !needs->local)
		ret = refuse_value(filter, SCMP_SYS(socket), 0, AF_UNIX);
	return ret;
}

static int add_rules(scmp_filter_ctx filter, const struct confinement_needs *needs)
{
	int ret = refuse(filter, never, ARRAY_SIZE(never));

	if (!ret && !needs->mounts)
		ret = refuse(filter, mounts, ARRAY_SIZE(mounts));
	if (!ret && !needs->mounts)
		ret = refuse_namespaces(filter);
	if (!ret && !needs->attributes)
		ret = refuse(filter, attributes, ARRAY_SIZE(attributes));
	if (!ret && !needs->keys)
		ret = refuse(filter, keys, ARRAY_SIZE(keys));
	if (!ret)
		ret = refuse_connections(filter, needs);
	/* Both forge the input of the user's terminal, which may be the program's. */
	if (!ret)
		ret = refuse_value(filter, SCMP_SYS(ioctl), 1, TIOCSTI);
	return ret ? ret : refuse_value(filter, SCMP_SYS(ioctl), 1, TIOCLINUX);
}

/* Returns the filter as the kernel takes it, since libseccomp cannot be used after fork(2). */
static int export(scmp_filter_ctx filter, struct sock_fprog *program)
{
	cleanup_fd int fd = memfd_create("filter", MFD_CLOEXEC);
	cleanup_free struct sock_filter *code = NULL;
	struct stat status;
	int ret;

	if (fd < 0)
		return -errno;
	ret = seccomp_export_bpf(filter, fd);
	if (ret)
		return ret;
	if (fstat(fd, &status) < 0)
		return -errno;
	code = malloc((size_t)status.st_size);
	if (!code)
		return -ENOMEM;
	if (pread(fd, code, (size_t)status.st_size, 0) != status.st_size)
		return -EIO;
	program->len = (unsigned short)((size_t)status.st_size / sizeof(*code));
	program->filter = take_ptr(&code);
	return 0;
}

static int make_filter(const struct confinement_needs *needs, struct sock_fprog *program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int ret = filter ? add_rules(filter, needs) : -ENOMEM;

	/* Each exit of a guest is an ioctl(2), so the filter looks at that call first. */
	if (!ret)
		ret = seccomp_syscall_priority(filter, SCMP_SYS(ioctl), UINT8_MAX);
	if (!ret)
		ret = export(filter, program);
	if (filter)
		seccomp_release(filter);
	return ret;
}

int confinement_new(const struct confinement_needs *needs, struct confinement *confinement,
		    struct error *err)
{
	const struct ruleset_denied denied = { !needs->mounts, !needs->inet, !needs->abstract,
					       true };
	struct confinement made = CONFINEMENT_NONE;
	int ret = ruleset_new(&denied, &made.ruleset, err);

	for (size_t i = 0; i < ARRAY_SIZE(system_files) && !ret; i++)
		ret = ruleset_allow_path(&made.ruleset, system_files[i].path,
					 system_files[i].rights, err);
	if (!ret) {
		ret = make_filter(needs, &made.filter);
		if (ret)
			error_set_errno(err, -ret, "cannot filter system calls");
	}
	if (ret)
		confinement_done(&made);
	else
		*confinement = made;
	return ret;
}

/* Nothing that is set here ends with exec; the descriptor of the ruleset does. */
int confinement_enter(const struct confinement *confinement)
{
	int ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	ret = ruleset_enter(&confinement->ruleset);
	if (ret || !confinement->filter.len)
		return ret;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &confinement->filter) < 0 ? -errno : 0;
}

void confinement_done(struct confinement *confinement)
{
	ruleset_done(&confinement->ruleset);
	free(confinement->filter.filter);
	*confinement = (struct confinement)CONFINEMENT_NONE;
}

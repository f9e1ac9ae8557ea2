// SPDX-License-Identifier: GPL-2.0-or-later
// A confined helper tries what it must not be able to: files, system calls, its ids back.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/privilege.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/lease/lease_dir.h"
#include "tests/unit/support/namespace.h"

#ifdef VMRUN_SANITIZE
#define FILTERED false
#else
#define FILTERED true
#endif

/* What a child exits with when what it tried was done. */
#define DONE 0

static struct error err;

/* Landlock, or a skip where the kernel has none. */
static bool landlocked(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void confine_files(void)
{
	assert_true(rundir_hold(&err) >= 0);
	assert_int_equal(privilege_confine(&err), 0);
	assert_int_equal(landlock_confine(&err), 0);
}

/* The errno of opening a file so; 0 when that succeeds. */
static int opening(const char *path, int flags)
{
	cleanup_fd int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static void check_files(void)
{
	const struct sysctl forwarding = { "ipv4/conf", "e0", "forwarding" };
	const struct sysctl later = { "ipv4/neigh", "e1", "proxy_delay" };
	int value;
	int dir;

	if (!landlocked())
		exit(NAMESPACE_SKIPPED);
	confine_files();

	/* Its own. */
	dir = rundir_lock(true, &err);
	assert_true(dir >= 0);
	close(rundir_replace(dir, "lease-x", "x", 1, &err));
	assert_int_equal(unlinkat(dir, "lease-x", 0), 0);
	rundir_unlock(dir);
	assert_int_equal(sysctl_write(&forwarding, 1, &err), 0);
	assert_int_equal(sysctl_read(&forwarding, &value, &err), 0);
	assert_int_equal(value, 1);
	assert_true(opening("/dev/net/tun", O_RDWR) != EACCES);

	/* Nobody else's, though root's files are its own by their owner. */
	assert_int_equal(opening("/etc/passwd", O_RDONLY), EACCES);
	assert_int_equal(opening("/etc/shadow", O_WRONLY), EACCES);
	assert_int_equal(opening("/run/other", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(opening("/tmp/vmrun-test-confine", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(opening("/proc/sys/kernel/core_pattern", O_WRONLY), EACCES);
	assert_int_equal(opening("/proc/sys/net/ipv4/ip_forward", O_WRONLY), EACCES);
	assert_int_equal(opening("/proc/self/environ", O_RDONLY), EACCES);
	assert_int_equal(opening("/dev/null", O_RDWR), EACCES);
	assert_int_equal(mkdir("/run/other", 0700), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(rename("/etc/passwd", "/run/vmrun/passwd"), -1);
	assert_int_equal(system("true") == 0, 0);

	/* An interface that comes later, as a tap does. */
	assert_int_equal(sysctl_read(&later, &value, &err), -ENOENT);
}

static void test_files(void **state)
{
	/* Built with the sanitizers, there is nothing to test. */
	if (FILTERED)
		namespace_test(check_files);
}

/* /run/vmrun stays while one process holds it, and goes with the last. */
static void check_hold(void)
{
	int first = rundir_hold(&err), second = rundir_hold(&err);
	int dir;

	assert_true(first >= 0 && second >= 0);
	dir = rundir_lock(true, &err);
	assert_true(dir >= 0);
	rundir_unlock(dir);
	assert_int_equal(access(RUNDIR_PATH, F_OK), 0);
	rundir_release(first);
	assert_int_equal(access(RUNDIR_PATH, F_OK), 0);
	rundir_release(second);
	assert_int_equal(access(RUNDIR_PATH, F_OK), -1);
	rundir_release(-1);
}

static void test_hold(void **state)
{
	namespace_test(check_hold);
}

/* A descriptor that a child still has does not hold it. */
static void check_hold_of_child(void)
{
	int hold = rundir_hold(&err);
	pid_t child;

	assert_true(hold >= 0);
	child = fork();
	if (child == 0)
		_exit(pause());
	rundir_release(hold);
	assert_int_equal(access(RUNDIR_PATH, F_OK), -1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void test_hold_of_child(void **state)
{
	namespace_test(check_hold_of_child);
}

/* What another process must not be able to make of a confined one, and it not of itself. */

static void try_execve(void)
{
	char *const none[] = { NULL };

	execve("/bin/true", none, none);
}

static void try_inet(void)
{
	socket(AF_INET, SOCK_DGRAM, 0);
}

static void try_raw_packet(void)
{
	socket(AF_PACKET, SOCK_RAW, 0);
}

static void try_netfilter(void)
{
	socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

static void try_unix_stream(void)
{
	socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void try_connect(void)
{
	connect(0, NULL, 0);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void try_code_later(void)
{
	static _Alignas(4096) char page[4096];

	mprotect(page, sizeof(page), PROT_READ | PROT_EXEC);
}

static void try_kill(void)
{
	kill(getppid(), 0);
}

static void try_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void try_thread(void)
{
	syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, 0, 0, 0, 0);
}

static void try_namespace(void)
{
	syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static void try_unshare(void)
{
	unshare(CLONE_NEWUSER);
}

static void try_setuid(void)
{
	syscall(SYS_setresuid, 1, 1, 1);
}

static void try_chmod(void)
{
	chmod("/run/vmrun", 0777);
}

static void try_symlink(void)
{
	syscall(SYS_symlinkat, "/etc", AT_FDCWD, "/run/vmrun/etc");
}

static void try_mount(void)
{
	mount("none", "/run", "tmpfs", 0, NULL);
}

static void try_prctl(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void try_bpf(void)
{
	syscall(SYS_bpf, 0, NULL, 0);
}

static void try_uring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
}

static void try_ioctl(void)
{
	ioctl(0, TIOCSTI, "x");
}

static void try_unknown(void)
{
	syscall(100000);
}

static void (*const forbidden[])(void) = {
	try_execve,  try_inet,       try_raw_packet, try_netfilter, try_unix_stream, try_connect,
	try_code,    try_code_later, try_kill,       try_ptrace,    try_thread,      try_namespace,
	try_unshare, try_setuid,     try_chmod,      try_symlink,   try_mount,       try_prctl,
	try_bpf,     try_uring,      try_ioctl,      try_unknown,
};

/* Runs @act in a child that is confined; its status of waitpid(2). */
static int confined(void (*act)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || syscalls_confine(&err) < 0)
			_exit(1);
		act();
		_exit(DONE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void nothing(void)
{
}

/* Each kind of fork, socket and ioctl that there is. */
static void what_is_needed(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child < 0 || waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED) < 0)
		_exit(2);
	close(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	close(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
	close(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if_nametoindex("lo");
	if_indextoname(1, (char[IF_NAMESIZE]){ 0 });
	free(malloc(1 << 24));
}

static void test_syscalls(void **state)
{
	if (!FILTERED)
		return;
	assert_int_equal(confined(nothing), DONE);
	assert_int_equal(confined(what_is_needed), DONE);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		int status = confined(forbidden[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("call %zu of the table: status %#x", i, (unsigned int)status);
	}
}

/* All of root's ids, two capabilities, and no way back. */
static void check_privilege(void)
{
	const bool resource = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1;
	struct rlimit limit = { 0, RLIM_INFINITY };
	uid_t uid[3];
	gid_t gid[3];

	assert_int_equal(setgroups(1, &(gid_t){ 7 }), 0);
	assert_int_equal(setresgid(7, 7, 7), 0);
	assert_int_equal(setresuid(4242, 0, 0), 0);
	limit.rlim_max = resource ? 1 << 20 : RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(privilege_confine(&err), 0);
	assert_true(privilege_sufficient());

	assert_int_equal(getresuid(&uid[0], &uid[1], &uid[2]), 0);
	assert_int_equal(getresgid(&gid[0], &gid[1], &gid[2]), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(uid[i], 0);
		assert_int_equal(gid[i], 0);
	}
	assert_int_equal(getgroups(0, NULL), 0);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	assert_int_equal(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(limit.rlim_cur == RLIM_INFINITY && limit.rlim_max == RLIM_INFINITY);
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_true(limit.rlim_max == 0);

	/* The right to change ids has gone, and with it every other. */
	assert_int_equal(setresuid(4242, 4242, 4242), -1);
	assert_int_equal(setgroups(1, &(gid_t){ 7 }), -1);
	assert_int_equal(mount("none", "/run", "tmpfs", 0, NULL), -1);
}

static void test_privilege(void **state)
{
	namespace_test(check_privilege);
}

/* File capabilities on a helper that keeps its user's id: it could be stopped, and owns no lease. */
static void check_own_user(void)
{
	if (namespace_drop_resource_rights() < 0)
		exit(NAMESPACE_SKIPPED);
	assert_int_equal(privilege_confine(&err), -EPERM);
	assert_non_null(strstr(err.message, "cap_setuid"));
}

static void test_own_user(void **state)
{
	namespace_test(check_own_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),         cmocka_unit_test(test_hold),
		cmocka_unit_test(test_hold_of_child), cmocka_unit_test(test_syscalls),
		cmocka_unit_test(test_privilege),     cmocka_unit_test(test_own_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

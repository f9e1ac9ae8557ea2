// SPDX-License-Identifier: GPL-2.0-or-later
// Tries forbidden files, system calls and user IDs in a confined process.
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/netns.h"
#include "netsetup/base/stall.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/kernel/sysctl.h"
#include "netsetup/service/state.h"
#include "tests/unit/support/namespace.h"

#ifdef VMRUN_SANITIZE
#define FILTERED false
#else
#define FILTERED true
#endif

/* Exit status of a child that made its call. */
#define DONE 0

static struct error err;

/* True if the kernel has Landlock. */
static bool landlock_available(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

static void confine_files(struct state *state)
{
	assert_int_equal(state_open(state, NULL, &err), 0);
	assert_int_equal(capabilities_confine(&err), 0);
	assert_int_equal(landlock_confine(&err), 0);
}

/* Opens a file; returns the errno value, 0 after a success. */
static int open_errno(const char *path, int flags)
{
	cleanup_fd int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static void check_files(void)
{
	const struct sysctl forwarding = { "ipv4/conf", "e0", "forwarding" };
	const struct sysctl later = { "ipv4/neigh", "e1", "proxy_delay" };
	struct state state = { .dir = -1 };
	int value;

	if (!landlock_available())
		exit(NAMESPACE_SKIPPED);
	confine_files(&state);

	/* The service's files. */
	assert_int_equal(state_save(&state, &err), 0);
	assert_int_equal(state_load(&state, &err), 0);
	assert_int_equal(sysctl_read(&forwarding, &value, &err), 0);

	/* Those of the maker. */
	assert_int_equal(sysctl_write(&forwarding, 1, &err), -EACCES);
	assert_int_equal(open_errno("/dev/net/tun", O_RDWR), EACCES);

	/* Other files, though user 0 owns them. */
	assert_int_equal(open_errno("/etc/passwd", O_RDONLY), 0);
	assert_int_equal(open_errno("/etc/passwd", O_WRONLY), EACCES);
	assert_int_equal(open_errno("/etc/shadow", O_WRONLY), EACCES);
	assert_int_equal(open_errno("/usr/bin/env", O_RDONLY), EACCES);
	assert_int_equal(open_errno("/run/other", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(open_errno("/tmp/vmrun-test-confine", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(open_errno("/proc/sys/kernel/core_pattern", O_WRONLY), EACCES);
	assert_int_equal(open_errno("/proc/sys/net/ipv4/ip_forward", O_WRONLY), EACCES);
	assert_int_equal(open_errno("/proc/self/environ", O_RDONLY), EACCES);
	assert_int_equal(open_errno("/dev/null", O_RDWR), EACCES);
	assert_int_equal(mkdir("/run/other", 0700), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(rename("/etc/passwd", "/run/vmrun/passwd"), -1);
	assert_int_equal(system("true") == 0, 0);

	/* An interface that is created later, as a tap is. */
	assert_int_equal(sysctl_read(&later, &value, &err), -ENOENT);
	state_close(&state);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void check_maker_files(void)
{
	const struct sysctl forwarding = { "ipv4/conf", "e0", "forwarding" };
	int value;

	if (!landlock_available())
		exit(NAMESPACE_SKIPPED);
	assert_int_equal(capabilities_confine(&err), 0);
	assert_int_equal(landlock_confine_maker(&err), 0);
	assert_int_equal(sysctl_write(&forwarding, 1, &err), 0);
	assert_int_equal(sysctl_read(&forwarding, &value, &err), 0);
	assert_int_equal(value, 1);
	assert_true(open_errno("/dev/net/tun", O_RDWR) != EACCES);

	assert_int_equal(open_errno("/etc/passwd", O_RDONLY), EACCES);
	assert_int_equal(open_errno("/run", O_RDONLY | O_DIRECTORY), EACCES);
	assert_int_equal(open_errno("/run/other", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(open_errno("/proc/sys/net/ipv4/ip_forward", O_WRONLY), EACCES);
	assert_int_equal(mkdir("/run/other", 0700), -1);
	assert_int_equal(errno, EACCES);
}

static void test_files(void **state)
{
	/* A build with sanitizers has no Landlock rules. */
	if (FILTERED)
		namespace_test(check_files);
}

static void test_maker_files(void **state)
{
	if (FILTERED)
		namespace_test(check_maker_files);
}

/* Calls that a confined process must not make. */

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
	socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

static void try_unix_stream(void)
{
	socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void try_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void try_clone3(void)
{
	syscall(SYS_clone3, NULL, 0);
}

static void try_flock(void)
{
	flock(0, LOCK_SH);
}

static void try_mkdir(void)
{
	syscall(SYS_mkdirat, AT_FDCWD, "/run/vmrun/x", 0700);
}

static void try_generic_netlink(void)
{
	socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
}

static void try_packet_datagram(void)
{
	socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
	try_execve,          try_inet,
	try_raw_packet,      try_unix_stream,
	try_connect,         try_code,
	try_code_later,      try_kill,
	try_ptrace,          try_thread,
	try_namespace,       try_unshare,
	try_setuid,          try_chmod,
	try_symlink,         try_mount,
	try_prctl,           try_bpf,
	try_uring,           try_ioctl,
	try_unknown,         try_fork,
	try_clone3,          try_flock,
	try_mkdir,           try_generic_netlink,
	try_packet_datagram,
};

/* Runs @act in a confined child; returns its status of waitpid(2). */
static int run_confined(int (*confine)(struct error *err), void (*act)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || confine(&err) < 0)
			_exit(1);
		act();
		_exit(DONE);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void do_nothing(void)
{
}

/* Makes each kind of socket() and ioctl() that the maker needs. */
static void make_makers_calls(void)
{
	close(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	close(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
	close(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if_nametoindex("lo");
	free(malloc(1 << 24));
}

/* Makes each kind of socket() and ioctl() that the service needs. */
static void make_needed_calls(void)
{
	int pair[2];

	close(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	close(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	stall_begin();
	stall_end();
	if_nametoindex("lo");
	if_indextoname(1, (char[IF_NAMESIZE]){ 0 });
	free(malloc(1 << 24));
}

static void check_forbidden(int (*confine)(struct error *err))
{
	assert_int_equal(run_confined(confine, do_nothing), DONE);
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		int status = run_confined(confine, forbidden[i]);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("call %zu of the table: status %#x", i, (unsigned int)status);
	}
}

static void try_packet(void)
{
	socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void try_listen(void)
{
	listen(0, 1);
}

static void test_syscalls(void **state)
{
	if (!FILTERED)
		return;
	check_forbidden(seccomp_confine);
	check_forbidden(seccomp_confine_maker);
	assert_int_equal(run_confined(seccomp_confine, make_needed_calls), DONE);
	assert_int_equal(run_confined(seccomp_confine_maker, make_makers_calls), DONE);
	/* Each has what the other must not have. */
	assert_int_equal(WTERMSIG(run_confined(seccomp_confine, try_packet)), SIGSYS);
	assert_int_equal(WTERMSIG(run_confined(seccomp_confine, try_netfilter)), SIGSYS);
	assert_int_equal(WTERMSIG(run_confined(seccomp_confine_maker, try_listen)), SIGSYS);
}

/* All IDs are root's, two capabilities remain, and no call brings back the others. */
static void check_privilege(void)
{
	uid_t uid[3];
	gid_t gid[3];

	assert_int_equal(setgroups(1, &(gid_t){ 7 }), 0);
	assert_int_equal(setresgid(7, 7, 7), 0);
	assert_int_equal(capabilities_confine(&err), 0);
	assert_true(capabilities_sufficient());

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

	/* The right to change IDs is gone, as are other rights. */
	assert_int_equal(setresuid(4242, 4242, 4242), -1);
	assert_int_equal(setgroups(1, &(gid_t){ 7 }), -1);
	assert_int_equal(mount("none", "/run", "tmpfs", 0, NULL), -1);
}

static void test_privilege(void **state)
{
	namespace_test(check_privilege);
}

/* A user other than root could stop the service, and would own its state. */
static void check_own_user(void)
{
	if (namespace_drop_resource_rights() < 0)
		exit(NAMESPACE_SKIPPED);
	assert_int_equal(capabilities_confine(&err), -EPERM);
	assert_non_null(strstr(err.message, "other than root"));
}

static void check_set_uid(void)
{
	assert_int_equal(setresuid(4242, 0, 0), 0);
	assert_int_equal(capabilities_confine(&err), -EPERM);
	assert_non_null(strstr(err.message, "set-uid"));
}

static void test_set_uid(void **state)
{
	/* LeakSanitizer cannot attach to a process of two users. */
	if (FILTERED)
		namespace_test(check_set_uid);
}

static void test_own_user(void **state)
{
	namespace_test(check_own_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),    cmocka_unit_test(test_maker_files),
		cmocka_unit_test(test_syscalls), cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_own_user), cmocka_unit_test(test_set_uid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

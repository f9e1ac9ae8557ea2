// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the lease directory: its owner, lock and atomic files.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease_dir.h"
#include "tests/unit/support/namespace.h"

/* Returns the path of the directory, which must be locked meanwhile. */
static const char *directory(int dir)
{
	static char path[128];
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	length = readlink(link, path, sizeof(path) - 1);
	assert_true(length > 0);
	path[length] = '\0';
	return path;
}

static void comes_and_goes(void)
{
	struct error err = { 0 };
	unsigned int before = namespace_count_fds();
	char path[128];
	struct stat status;
	int dir;

	/* A lock without @create does not make the directory. */
	assert_int_equal(lease_dir_lock(false, &err), -ENOENT);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);

	dir = lease_dir_lock(true, &err);
	assert_true(dir >= 0);
	strcpy(path, directory(dir));
	assert_int_equal(strncmp(path, NETNS_RUN_DIR "/net", strlen(NETNS_RUN_DIR "/net")), 0);
	assert_int_equal(fcntl(dir, F_GETFD), FD_CLOEXEC);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(NETNS_RUN_DIR, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);

	/* A directory with a file stays, and is found without @create. */
	assert_int_equal(mkdirat(dir, "something", 0700), 0);
	lease_dir_unlock(dir);
	dir = lease_dir_lock(false, &err);
	assert_true(dir >= 0);
	assert_string_equal(directory(dir), path);
	assert_int_equal(unlinkat(dir, "something", AT_REMOVEDIR), 0);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	lease_dir_unlock(-1);
	lease_dir_unlock(-ENOENT);
	assert_int_equal(namespace_count_fds(), before);
}

static void test_comes_and_goes(void **state)
{
	namespace_test(comes_and_goes);
}

/* A foreign directory is not touched. */
static void others_stay(void)
{
	struct error err = { 0 };
	int dir;

	assert_int_equal(namespace_run("mkdir -m 755 /run/vmrun && mkdir -m 700 /run/vmrun/net-1"),
			 0);
	dir = lease_dir_lock(true, &err);
	assert_true(dir >= 0);
	lease_dir_unlock(dir);
	assert_int_equal(namespace_run("[ \"$(ls /run/vmrun)\" = net-1 ]"), 0);
}

static void test_others_stay(void **state)
{
	namespace_test(others_stay);
}

/* Each namespace has its own. */
static void namespaces(void)
{
	struct error err = { 0 };
	char first[128];
	int dir;

	dir = lease_dir_lock(true, &err);
	assert_true(dir >= 0);
	strcpy(first, directory(dir));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	/*
	 * The first lock is still held: this call would wait for ever if it were the same
	 * directory.
	 */
	dir = lease_dir_lock(true, &err);
	assert_true(dir >= 0);
	assert_string_not_equal(directory(dir), first);
	lease_dir_unlock(dir);
	assert_int_equal(access(first, F_OK), 0);
}

static void test_namespaces(void **state)
{
	namespace_test(namespaces);
}

static const char *leaf;

static void refuse(const char *script, int ret)
{
	struct error err = { 0 };
	unsigned int before = namespace_count_fds();
	char command[512];
	int result;

	snprintf(command, sizeof(command), "rm -rf /run/vmrun /run/elsewhere; D=%s; %s", leaf,
		 script);
	assert_int_equal(namespace_run(command), 0);
	result = lease_dir_lock(true, &err);
	if (result != ret)
		print_error("%s: %s\n", script, result < 0 ? err.message : "taken");
	assert_int_equal(result, ret);
	assert_int_equal(err.code, -ret);
	assert_non_null(strstr(err.message, "'/run/vmrun"));
	assert_int_equal(lease_dir_lock(false, &err), ret);
	assert_int_equal(namespace_count_fds(), before);
}

static void refused(void)
{
	struct error err = { 0 };
	char path[128];
	int dir = lease_dir_lock(true, &err);

	assert_true(dir >= 0);
	strcpy(path, directory(dir));
	leaf = path;
	lease_dir_unlock(dir);

	refuse("mkdir -p -m 700 $D && chmod 755 $D", -EPERM);
	refuse("mkdir -p -m 700 $D && chmod 710 $D", -EPERM);
	refuse("mkdir -p -m 700 $D && chown 65534 $D", -EPERM);
	refuse("mkdir -m 777 /run/vmrun && mkdir -m 700 $D && chmod 777 /run/vmrun", -EPERM);
	refuse("mkdir -m 700 /run/vmrun $D && chown 65534 /run/vmrun", -EPERM);
	refuse("mkdir -m 700 /run/elsewhere && ln -s elsewhere /run/vmrun", -ENOTDIR);
	refuse("ln -s elsewhere /run/vmrun", -ENOTDIR);
	refuse("mkdir -m 700 /run/vmrun /run/elsewhere && ln -s /run/elsewhere $D", -ENOTDIR);
	refuse("mkdir -m 700 /run/vmrun && ln -s gone $D", -ENOTDIR);
	refuse("touch /run/vmrun", -ENOTDIR);
	refuse("mkdir -m 700 /run/vmrun && mkfifo $D", -ENOTDIR);
	assert_int_equal(namespace_run("rm -rf /run/vmrun; [ ! -e /run/elsewhere/* ]"), 0);
}

static void test_refused(void **state)
{
	namespace_test(refused);
}

/* The call fails and does not repeat without end. */
static void no_run(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error err = { 0 };

	alarm(60);
	assert_int_equal(mkdir("/run/root", 0755), 0);
	assert_int_equal(chroot("/run/root"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(lease_dir_lock(true, &err), -ENOENT);
	assert_string_equal(err.message, "cannot make '/run/vmrun': No such file or directory");
	/* The sanitizers need this at the end. */
	assert_int_equal(fchdir(root), 0);
	assert_int_equal(chroot("."), 0);
}

static void test_no_run(void **state)
{
	namespace_test(no_run);
}

/* A want of descriptors must not lead to another directory than that of the leases. */
static void no_descriptors(void)
{
	const struct rlimit many = { 1024, 1024 };
	const unsigned int used = namespace_count_fds();
	struct error err = { 0 };
	int dir;

	for (unsigned int more = 0; more < 8; more++) {
		const struct rlimit few = { used + more - 3, 1024 };

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		dir = lease_dir_lock(true, &err);
		if (dir < 0)
			assert_int_equal(dir, -EMFILE);
		lease_dir_unlock(dir);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
		assert_int_equal(namespace_run("! ls -d /run/vmrun/netns-* 2>/dev/null"), 0);
		if (dir >= 0)
			return;
	}
	fail_msg("%s", err.message);
}

static void test_no_descriptors(void **state)
{
	namespace_test(no_descriptors);
}

#define PROCESSES 4
#define TURNS     500

/* Each counts to TURNS under the lock; the last holder of a moment removes the directory. */
static int take_turns(volatile int *counter)
{
	struct error err;

	for (int i = 0; i < TURNS; i++) {
		int seen, dir = lease_dir_lock(true, &err);

		if (dir < 0)
			return 1;
		seen = *counter;
		if (i % 7 == 0)
			sched_yield();
		*counter = seen + 1;
		lease_dir_unlock(dir);
	}
	return 0;
}

static void turns(void)
{
	volatile int *counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[PROCESSES];

	assert_true(counter != MAP_FAILED);
	for (size_t i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(take_turns(counter));
	}
	for (size_t i = 0; i < PROCESSES; i++)
		assert_int_equal(namespace_wait(children[i]), 0);
	assert_int_equal(*counter, PROCESSES * TURNS);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_turns(void **state)
{
	namespace_test(turns);
}

/* A holder that keeps the lock, like a frozen one, costs the others a limited time. */
static void patience(void)
{
	struct error err = { 0 };
	int dir = lease_dir_lock(true, &err);
	sigset_t mask;
	int ret;

	assert_true(dir >= 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	ret = lease_dir_lock_within(true, 1, &err);
	assert_int_equal(ret, -ETIMEDOUT);
	assert_non_null(strstr(err.message, "has held it for 1 s"));
	assert_non_null(strstr(err.remedy, "lslocks"));
	sigprocmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGALRM), 1);
	lease_dir_unlock(dir);
	dir = lease_dir_lock_within(true, 1, &err);
	assert_true(dir >= 0);
	lease_dir_unlock(dir);
}

static void test_patience(void **state)
{
	namespace_test(patience);
}

static bool locked(int dir, const char *name)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY);

	assert_true(fd >= 0);
	return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static void assert_content(int dir, const char *name, const char *expected)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY);
	char text[64] = "";

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void replace(void)
{
	struct error err = { 0 };
	struct stat status;
	int dir = lease_dir_lock(true, &err);
	int first, second;

	assert_true(dir >= 0);
	/* A file of any kind that a killed helper left does no harm. */
	assert_int_equal(symlinkat("/run/victim", dir, "new"), 0);
	first = lease_dir_replace(dir, "file", "one", 3, &err);
	assert_true(first >= 0);
	assert_int_equal(access("/run/victim", F_OK), -1);
	assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstatat(dir, "file", &status, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	assert_content(dir, "file", "one");
	assert_true(locked(dir, "file"));

	second = lease_dir_replace(dir, "file", "second", 6, &err);
	assert_true(second >= 0);
	assert_content(dir, "file", "second");
	close(first);
	assert_true(locked(dir, "file"));
	close(second);
	assert_false(locked(dir, "file"));
	assert_int_equal(faccessat(dir, "new", F_OK, 0), -1);

	/* The directory is removed even with the file of a killed writer. */
	assert_int_equal(unlinkat(dir, "file", 0), 0);
	close(openat(dir, "new", O_CREAT | O_WRONLY, 0600));
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_replace(void **state)
{
	namespace_test(replace);
}

/* On a full file system the old content stays, without any part of the new one. */
static void full(void)
{
	char large[3 * 4096];
	struct error err = { 0 };
	unsigned int before;
	int dir, fd;

	assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, "size=8k,mode=755"), 0);
	dir = lease_dir_lock(true, &err);
	assert_true(dir >= 0);
	fd = lease_dir_replace(dir, "file", "old", 3, &err);
	assert_true(fd >= 0);
	close(fd);
	memset(large, 'x', sizeof(large));
	before = namespace_count_fds();
	assert_int_equal(lease_dir_replace(dir, "file", large, sizeof(large), &err), -ENOSPC);
	assert_string_equal(err.message,
			    "cannot write 'file' in '/run/vmrun': No space left on device");
	assert_content(dir, "file", "old");
	assert_int_equal(faccessat(dir, "new", F_OK, 0), -1);
	assert_int_equal(namespace_count_fds(), before);
	lease_dir_unlock(dir);
}

static void test_full(void **state)
{
	namespace_test(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_and_goes), cmocka_unit_test(test_others_stay),
		cmocka_unit_test(test_namespaces),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_run),         cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_turns),          cmocka_unit_test(test_patience),
		cmocka_unit_test(test_replace),        cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

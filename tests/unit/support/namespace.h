// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a test in a child that has a network and a /run of its own, so that the machine has none of it.
#ifndef TESTS_UNIT_SUPPORT_NAMESPACE_H
#define TESTS_UNIT_SUPPORT_NAMESPACE_H

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACE_PASSED  0
#define NAMESPACE_FAILED  1
#define NAMESPACE_SKIPPED 77

/* The network of each test: e0 is the uplink, e0-p is everybody else on the LAN. */
#define NAMESPACE_NETWORK                                                                   \
	"ip link set lo up && ip link add e0 type veth peer name e0-p && "                  \
	"ip link set e0 up && ip link set e0-p up && ip addr add 192.168.7.5/24 dev e0 && " \
	"ip route add default via 192.168.7.1"

/* Runs a shell's commands; returns their exit status. */
static inline int namespace_run(const char *script)
{
	int status = system(script);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline unsigned int namespace_count_fds(void)
{
	DIR *stream = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (stream && readdir(stream))
		count++;
	if (stream)
		closedir(stream);
	return count;
}

/* Gives up what lifts the limit of processes off root, and root itself, whom it does not hold for. */
static inline int namespace_drop_resource_rights(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(65534, 65534, 65534) < 0)
		return -1;
	data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
	return (int)syscall(SYS_capset, &header, data);
}

/* Gives up all rights, as a user who has none. */
static inline int namespace_drop_rights(void)
{
	return setresgid(65534, 65534, 65534) < 0 ? -1 : setresuid(65534, 65534, 65534);
}

/* Leaves the machine's network and /run; false when that needs more rights than there are. */
static inline bool namespace_enter(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0;
}

/* Waits until a child is gone, and says how it ended; or kills it and waits. */
static inline int namespace_wait(pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void namespace_kill(pid_t child)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

/*
 * All that a VM's place could change here, as text; the caller frees it. Without what changes by
 * itself: lifetimes, neighbours that were spoken with, the state of e0-p, IPv6's own addresses.
 */
static inline char *namespace_state(void)
{
	static const char script[] =
		"{ ip -o link; ip -o addr; ip route show table all; } | "
		"grep -v -e e0-p -e fe80: -e ff00:; ip neigh show proxy; ip rule; "
		"grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/neigh "
		"/proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf 2>/dev/null | sort; "
		"find /run -printf '%p %M %U %l\\n' | sort";
	FILE *output = popen(script, "r");
	size_t size = 0;
	char *text = NULL;

	if (!output || getdelim(&text, &size, '\0', output) < 0)
		abort();
	pclose(output);
	return text;
}

/* Whether the state is still that one; shows the lines that differ. */
static inline bool namespace_unchanged(const char *before)
{
	char *after = namespace_state();
	bool same = !strcmp(before, after);

	if (!same) {
		const char *const texts[] = { before, after };
		char path[2][32] = { "/tmp/vmrun-state-XXXXXX", "/tmp/vmrun-state-XXXXXX" };
		char command[128];

		for (int i = 0; i < 2; i++) {
			int fd = mkstemp(path[i]);

			dprintf(fd, "%s", texts[i]);
			close(fd);
		}
		snprintf(command, sizeof(command), "diff %s %s >&2", path[0], path[1]);
		namespace_run(command);
		unlink(path[0]);
		unlink(path[1]);
	}
	free(after);
	return same;
}

/* What is being run; a test's function of cmocka, which calls the one of the test. */
static void (*namespace_test_run)(void);

static inline void namespace_call(void **state)
{
	namespace_test_run();
}

static inline int namespace_child(void)
{
	const struct CMUnitTest test = { "in a namespace", namespace_call, NULL, NULL, NULL };
	const struct CMUnitTest tests[] = { test };

	/* Its report is told when it fails, the parent's is the one that counts. */
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	if (!namespace_enter())
		return errno == EPERM || errno == EACCES ? NAMESPACE_SKIPPED : NAMESPACE_FAILED;
	if (namespace_run(NAMESPACE_NETWORK) != 0)
		return NAMESPACE_FAILED;
	return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? NAMESPACE_PASSED : NAMESPACE_FAILED;
}

/* Runs a test's function in such a child; a failed assertion there fails the test here. */
static inline void namespace_test(void (*run)(void))
{
	int status = 0;
	pid_t child;

	namespace_test_run = run;
	fflush(NULL);
	child = fork();
	/* exit() and not _exit(), so that LeakSanitizer looks at the child. */
	if (child == 0)
		exit(namespace_child());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NAMESPACE_SKIPPED && !getenv("VMRUN_TESTS_MUST_RUN"))
		skip();
	assert_int_equal(WEXITSTATUS(status), NAMESPACE_PASSED);
}

#endif

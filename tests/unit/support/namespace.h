// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a test in a child with its own network and /run.
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

/* The network of each test: e0 is the uplink, e0-p all other hosts on the LAN. */
#define NAMESPACE_NETWORK                                                                   \
	"ip link set lo up && ip link add e0 type veth peer name e0-p && "                  \
	"ip link set e0 up && ip link set e0-p up && ip addr add 192.168.7.5/24 dev e0 && " \
	"ip route add default via 192.168.7.1"

/* Runs shell commands; returns their exit status. */
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

/* Gives up CAP_SYS_RESOURCE and user 0, because no limit of processes holds for them. */
static inline int namespace_drop_resource_rights(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(65534, 65534, 65534) < 0)
		return -1;
	data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;
	return (int)syscall(SYS_capset, &header, data);
}

/* Gives up all rights and becomes an ordinary user. */
static inline int namespace_drop_rights(void)
{
	return setresgid(65534, 65534, 65534) < 0 ? -1 : setresuid(65534, 65534, 65534);
}

/* Leaves the machine's network and /run; returns false if the process lacks the rights. */
static inline bool namespace_enter(void)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0;
}

/* Waits for the end of a child; returns its exit status, or 128 and the signal's number. */
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
 * Returns the host state that an attachment may change, as text owned by the caller. Leaves out
 * the parts that change by themselves: lifetimes, neighbours, the state of e0-p, IPv6 addresses.
 */
static inline char *namespace_state(void)
{
	static const char script[] =
		"{ ip -o link; ip -o addr; ip route show table all; } | "
		"grep -v -e e0-p -e fe80: -e ff00: -e vmr-gate; ip neigh show proxy; ip rule; "
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

/* True if the state is unchanged; prints the lines that differ. */
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

/* The test's function, which namespace_call() calls for cmocka. */
static void (*namespace_test_run)(void);

static inline void namespace_call(void **state)
{
	namespace_test_run();
}

static inline int namespace_child(void)
{
	const struct CMUnitTest test = { "in a namespace", namespace_call, NULL, NULL, NULL };
	const struct CMUnitTest tests[] = { test };

	/* The child prints its report on stdout; the parent's report counts. */
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	if (!namespace_enter())
		return errno == EPERM || errno == EACCES ? NAMESPACE_SKIPPED : NAMESPACE_FAILED;
	if (namespace_run(NAMESPACE_NETWORK) != 0)
		return NAMESPACE_FAILED;
	return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? NAMESPACE_PASSED : NAMESPACE_FAILED;
}

/* Runs a test's function in a child; a failed assertion in the child fails the test. */
static inline void namespace_test(void (*run)(void))
{
	int status = 0;
	pid_t child;

	namespace_test_run = run;
	fflush(NULL);
	child = fork();
	/* LeakSanitizer checks the child in exit(), not in _exit(). */
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

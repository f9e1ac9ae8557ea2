// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that root by sudo becomes the caller, and bad environments.
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/common/privilege.h"
#include "netsetup/base/cleanup.h"

/* The state of the child after the drop, in shared memory. */
struct seen {
	int result;
	struct error err;
	uid_t uids[3];
	gid_t gids[3];
	int group_count;
	gid_t groups[256];
	bool root_again;
	bool capable;
	int no_new_privs;
	mode_t mask;
	char home[256];
	char user[64];
	bool runtime_kept, cache_kept;
};

static struct seen *seen;
static struct passwd *user;
static gid_t other_group;
static bool keep_root;

/* Returns a user with a second group, other_group, if there is one, else the user nobody. */
static struct passwd *find_user(void)
{
	struct passwd *entry;
	struct group *group;

	while ((group = getgrent()) != NULL) {
		if (!group->gr_mem[0] || group->gr_gid == 0)
			continue;
		entry = getpwnam(group->gr_mem[0]);
		if (!entry || entry->pw_uid == 0 || entry->pw_gid == 0 ||
		    entry->pw_gid == group->gr_gid)
			continue;
		other_group = group->gr_gid;
		return entry;
	}
	entry = getpwnam("nobody");
	if (entry)
		other_group = entry->pw_gid;
	return entry;
}

static void record_state(void)
{
	getresuid(&seen->uids[0], &seen->uids[1], &seen->uids[2]);
	getresgid(&seen->gids[0], &seen->gids[1], &seen->gids[2]);
	seen->group_count = getgroups(256, seen->groups);
	seen->root_again = setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 ||
			   setgroups(0, NULL) == 0;
	seen->capable = capng_get_caps_process() < 0 ||
			capng_have_capabilities(CAPNG_SELECT_ALL) != CAPNG_NONE;
	seen->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	seen->mask = umask(0);
	snprintf(seen->home, sizeof(seen->home), "%s", getenv("HOME"));
	snprintf(seen->user, sizeof(seen->user), "%s:%s", getenv("USER"), getenv("LOGNAME"));
	seen->runtime_kept = getenv("XDG_RUNTIME_DIR") != NULL;
	seen->cache_kept = getenv("XDG_CACHE_HOME") != NULL;
}

/* Drops privileges in a child with this environment; @directory is its XDG_CACHE_HOME, or NULL. */
static void drop(char *const *environment, const char *directory)
{
	char *empty[] = { NULL };
	int status;
	pid_t pid;

	memset(seen, 0, sizeof(*seen));
	pid = fork();
	if (pid == 0) {
		environ = empty;
		for (; *environment; environment++)
			putenv(*environment);
		setenv("XDG_RUNTIME_DIR", "/proc/1", 1);
		setenv("HOME", "/root", 1);
		setenv("USER", "root", 1);
		setenv("LOGNAME", "root", 1);
		if (directory)
			setenv("XDG_CACHE_HOME", directory, 1);
		umask(022);
		seen->result = privilege_drop(keep_root, &seen->err);
		record_state();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	if (getenv("VMRUN_TESTS_MUST_RUN"))
		fail_msg("root is needed");
	return false;
}

static void expect_user(gid_t gid)
{
	gid_t groups[256];
	int count = 256;
	char names[64];
	int i, j;

	assert_string_equal(seen->err.message, "");
	assert_int_equal(seen->result, 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(seen->uids[i], user->pw_uid);
		assert_int_equal(seen->gids[i], gid);
	}
	assert_true(getgrouplist(user->pw_name, gid, groups, &count) >= 0);
	assert_int_equal(seen->group_count, count);
	for (i = 0; i < count; i++) {
		for (j = 0; j < count && seen->groups[j] != groups[i]; j++)
			;
		assert_true(j < count);
	}
	assert_false(seen->root_again);
	assert_false(seen->capable);
	assert_int_equal(seen->no_new_privs, 1);
	assert_int_equal(seen->mask, 077);
	assert_string_equal(seen->home, user->pw_dir);
	snprintf(names, sizeof(names), "%s:%s", user->pw_name, user->pw_name);
	assert_string_equal(seen->user, names);
	assert_false(seen->runtime_kept);
}

static void test_sudo(void **state)
{
	char directory[] = "/tmp/test_privilege.XXXXXX";
	char uid[32], gid[32];
	char *environment[] = { uid, gid, NULL };

	if (!need_root())
		skip();
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chown(directory, user->pw_uid, user->pw_gid), 0);
	snprintf(uid, sizeof(uid), "SUDO_UID=%u", user->pw_uid);
	snprintf(gid, sizeof(gid), "SUDO_GID=%u", user->pw_gid);
	drop(environment, directory);
	expect_user(user->pw_gid);
	assert_true(seen->cache_kept);

	/* sudo after newgrp(1) passes another group of the user's. */
	snprintf(gid, sizeof(gid), "SUDO_GID=%u", other_group);
	drop(environment, "/root");
	expect_user(other_group);
	assert_false(seen->cache_kept);
	assert_int_equal(rmdir(directory), 0);
}

static void test_doas_and_pkexec(void **state)
{
	char text[64];
	char *environment[] = { text, NULL };

	if (!need_root())
		skip();
	snprintf(text, sizeof(text), "DOAS_USER=%s", user->pw_name);
	drop(environment, NULL);
	expect_user(user->pw_gid);
	snprintf(text, sizeof(text), "PKEXEC_UID=%u", user->pw_uid);
	drop(environment, NULL);
	expect_user(user->pw_gid);
}

/* Root without sudo, or called by root, stays root if it wants to. */
static void test_root_stays(void **state)
{
	char *plain[] = { NULL };
	char *sudo[] = { (char *)"SUDO_UID=0", (char *)"SUDO_GID=0", NULL };
	char *doas[] = { (char *)"DOAS_USER=root", NULL };
	char *const *environments[] = { plain, sudo, doas };
	size_t i;

	if (!need_root())
		skip();
	for (i = 0; i < ARRAY_SIZE(environments); i++) {
		keep_root = false;
		drop(environments[i], NULL);
		assert_true(seen->result < 0 ? seen->err.remedy[0] : !seen->root_again);
		keep_root = true;
		drop(environments[i], NULL);
		assert_int_equal(seen->result, 0);
		assert_int_equal(seen->uids[1], 0);
		assert_true(seen->root_again);
		assert_int_equal(seen->mask, 022);
		assert_string_equal(seen->home, "/root");
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		const char *message;
	} cases[] = {
		{ "SUDO_UID=", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID=1000x", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID=-1", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID= 1", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID=0x10", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID=00000000001", "SUDO_GID=1", "SUDO_UID is not a number" },
		{ "SUDO_UID=4294967295", "SUDO_GID=1", "SUDO_UID is out of range" },
		{ "SUDO_UID=4294967296", "SUDO_GID=1", "SUDO_UID is out of range" },
		{ "SUDO_UID=3999999999", "SUDO_GID=1", "SUDO_UID names no user in passwd(5)" },
		{ "SUDO_UID=1", NULL, "SUDO_UID is set, SUDO_GID is not" },
		{ "SUDO_UID=1", "SUDO_GID=wheel", "SUDO_GID is not a number" },
		{ "SUDO_UID=1", "SUDO_GID=4294967295", "SUDO_GID is out of range" },
		{ "SUDO_UID=1", "SUDO_GID=0", "SUDO_GID is no group of 'daemon'" },
		{ "SUDO_UID=1", "SUDO_GID=3999999999", "SUDO_GID is no group of 'daemon'" },
		{ "SUDO_UID=0", "DOAS_USER=daemon", "both SUDO_UID and DOAS_USER are set" },
		{ "PKEXEC_UID=1", "SUDO_UID=0", "both SUDO_UID and PKEXEC_UID are set" },
		{ "DOAS_USER=", "PKEXEC_UID=1", "both DOAS_USER and PKEXEC_UID are set" },
		{ "DOAS_USER=no such user", NULL, "DOAS_USER names no user in passwd(5)" },
		{ "DOAS_USER=", NULL, "DOAS_USER names no user in passwd(5)" },
		{ "PKEXEC_UID=me", NULL, "PKEXEC_UID is not a number" },
		{ "PKEXEC_UID=3999999999", NULL, "PKEXEC_UID names no user in passwd(5)" },
	};
	size_t i;

	if (!need_root())
		skip();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char *environment[] = { (char *)cases[i].first, (char *)cases[i].second, NULL };

		drop(environment, NULL);
		assert_string_equal(seen->err.message, cases[i].message);
		assert_int_equal(seen->err.status, STATUS_PERMISSION);
		assert_true(seen->result < 0);
		assert_int_equal(seen->uids[0], 0);
	}
}

static void test_set_uid(void **state)
{
	struct error err = { 0 };
	int status;
	pid_t pid;

	if (!need_root())
		skip();
	assert_int_equal(privilege_check(&err), 0);
	pid = fork();
	if (pid == 0) {
		if (setresuid(user->pw_uid, 0, 0) < 0 || privilege_check(&err) != -EPERM ||
		    privilege_drop(false, &err) != -EPERM)
			_exit(1);
		if (setresuid(0, 0, 0) < 0 || setresgid(user->pw_gid, 0, 0) < 0)
			_exit(2);
		_exit(privilege_check(&err) == -EPERM && err.remedy[0] ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The environment is ignored for a user who is not root. */
static void test_ordinary_user(void **state)
{
	struct error err = { 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setenv("SUDO_UID", "rubbish", 1);
		if (geteuid() == 0 && setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
			_exit(1);
		umask(022);
		_exit(privilege_drop(false, &err) == 0 && umask(0) == 022 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sudo),       cmocka_unit_test(test_doas_and_pkexec),
		cmocka_unit_test(test_root_stays), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_set_uid),    cmocka_unit_test(test_ordinary_user),
	};

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	user = find_user();
	if (seen == MAP_FAILED || !user)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the directories of the user's files with wrong environments.
#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define OTHER_USER 12345

static void assert_dir(enum xdg_kind kind, const char *name, const char *expected)
{
	cleanup_free char *path = NULL;
	struct error err;

	assert_int_equal(xdg_dir(kind, name, &path, &err), 0);
	assert_string_equal(path, expected);
}

static void assert_home(enum xdg_kind kind, const char *below)
{
	const struct passwd *user = getpwuid(geteuid());
	char expected[PATH_MAX];

	scratch_need(user);
	snprintf(expected, sizeof(expected), "%s%s", user->pw_dir, below);
	assert_dir(kind, "web", expected);
}

static int clear(void **state)
{
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	umask(022);
	return scratch_setup(state);
}

static void test_defaults(void **state)
{
	assert_home(XDG_DATA, "/.local/share/vmrun/web");
	assert_home(XDG_STATE, "/.local/state/vmrun/web");
	assert_home(XDG_CACHE, "/.cache/vmrun/web");
}

static void test_environment(void **state)
{
	setenv("XDG_DATA_HOME", scratch, 1);
	assert_dir(XDG_DATA, "web", scratch_path("vmrun/web"));
	assert_dir(XDG_DATA, NULL, scratch_path("vmrun"));
	setenv("XDG_DATA_HOME", scratch_path("a/b c,d"), 1);
	assert_dir(XDG_DATA, "web", scratch_path("a/b c,d/vmrun/web"));
	setenv("XDG_RUNTIME_DIR", scratch, 1);
	assert_dir(XDG_RUNTIME, "web", scratch_path("vmrun/web"));

	setenv("XDG_DATA_HOME", "relative", 1);
	assert_home(XDG_DATA, "/.local/share/vmrun/web");
	setenv("XDG_DATA_HOME", "", 1);
	assert_home(XDG_DATA, "/.local/share/vmrun/web");
	scratch_text("file", "");
	setenv("XDG_DATA_HOME", scratch_path("file"), 1);
	assert_home(XDG_DATA, "/.local/share/vmrun/web");
	setenv("XDG_DATA_HOME", scratch_path("file/below"), 1);
	assert_home(XDG_DATA, "/.local/share/vmrun/web");
}

/* sudo may leave another user's directories in the environment. */
static void test_other_user(void **state)
{
	scratch_need(geteuid() == 0);
	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(mkdir(scratch_path("roots"), 0700), 0);
	assert_int_equal(seteuid(OTHER_USER), 0);
	setenv("XDG_RUNTIME_DIR", scratch, 1);
	assert_dir(XDG_RUNTIME, "web", "/tmp/vmrun-12345/vmrun/web");
	setenv("XDG_RUNTIME_DIR", scratch_path("missing"), 1);
	assert_dir(XDG_RUNTIME, "web", "/tmp/vmrun-12345/vmrun/web");
	setenv("XDG_RUNTIME_DIR", scratch_path("roots/x"), 1);
	assert_dir(XDG_RUNTIME, "web", "/tmp/vmrun-12345/vmrun/web");
	assert_int_equal(seteuid(0), 0);
}

static void test_make(void **state)
{
	struct error err;
	struct stat st;

	assert_int_equal(xdg_make(scratch_path("a/b/c"), &err), 0);
	assert_int_equal(stat(scratch_path("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(scratch_path("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(xdg_make(scratch_path("a/b/c"), &err), 0);
	assert_int_equal(xdg_make(scratch_path("a//b///c/"), &err), 0);

	scratch_text("a/file", "");
	assert_int_equal(xdg_make(scratch_path("a/file/x"), &err), -ENOTDIR);
	assert_non_null(strstr(err.message, "a/file'"));
	/* A symbolic link in the user's own directory is followed. */
	assert_int_equal(symlink("b", scratch_path("a/link")), 0);
	assert_int_equal(xdg_make(scratch_path("a/link/d"), &err), 0);
}

static void test_make_public(void **state)
{
	struct error err;

	assert_int_equal(mkdir(scratch_path("public"), 0777), 0);
	assert_int_equal(chmod(scratch_path("public"), 01777), 0);
	assert_int_equal(xdg_make(scratch_path("public/good/x"), &err), 0);

	assert_int_equal(symlink(scratch, scratch_path("public/link")), 0);
	assert_true(xdg_make(scratch_path("public/link/x"), &err) < 0);
	assert_true(xdg_make(scratch_path("public/link"), &err) < 0);

	assert_int_equal(mkdir(scratch_path("public/open"), 0777), 0);
	assert_int_equal(chmod(scratch_path("public/open"), 0777), 0);
	assert_int_equal(xdg_make(scratch_path("public/open/x"), &err), -EPERM);
	assert_int_equal(err.status, STATUS_PERMISSION);
	assert_true(err.remedy[0]);
}

static void test_make_others(void **state)
{
	struct error err;

	scratch_need(geteuid() == 0);
	assert_int_equal(chmod(scratch, 0755), 0);
	assert_int_equal(mkdir(scratch_path("public"), 0777), 0);
	assert_int_equal(chmod(scratch_path("public"), 01777), 0);
	assert_int_equal(mkdir(scratch_path("public/theirs"), 0755), 0);
	assert_int_equal(chown(scratch_path("public/theirs"), OTHER_USER, OTHER_USER), 0);
	assert_int_equal(xdg_make(scratch_path("public/theirs/x"), &err), -EPERM);
	assert_int_equal(xdg_make(scratch_path("public/theirs"), &err), -EPERM);
	assert_int_equal(seteuid(OTHER_USER), 0);
	assert_int_equal(xdg_make(scratch_path("public/theirs/x"), &err), 0);
	assert_int_equal(xdg_make(scratch, &err), -EPERM);
	assert_int_equal(xdg_make(scratch_path("new"), &err), -EACCES);
	assert_int_equal(seteuid(0), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, clear, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_defaults), CASE(test_environment), CASE(test_other_user),
		CASE(test_make),     CASE(test_make_public), CASE(test_make_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

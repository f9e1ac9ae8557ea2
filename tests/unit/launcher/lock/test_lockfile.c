// SPDX-License-Identifier: GPL-2.0-or-later
// Tests writing and reading lock files, and the digests in them.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/disks/digest_cache.h"
#include "launcher/lock/lockfile.h"
#include "launcher/qemu/qemu_probe.h"
#include "launcher/run/stale.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define D64    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256-" D64
#define SHA512 "sha512-" D64 D64

/* The tests do not write to these texts. */
#define TEXT(text) ((char *)(text))

#define HEAD                                                                     \
	"version: 1\ndefinition: " SHA256 "\nqemu: 7.2.0\nmachine: pc-q35-7.2\n" \
	"uuid: 1b4e28ba-2fa1-41d2-883f-0016d3cca427\n"

static int setup(void **state)
{
	return scratch_setup(state) || setenv("XDG_CACHE_HOME", scratch, 1) ||
	       setenv("XDG_DATA_HOME", scratch_path("data"), 1) ||
	       setenv("XDG_RUNTIME_DIR", scratch_path("run"), 1);
}

static void test_path(void **state)
{
	static const struct {
		const char *definition, *lock;
	} cases[] = {
		{ "web.yaml", "web.lock.yaml" },          { "a/web.yml", "a/web.lock.yaml" },
		{ "./web.json", "./web.lock.yaml" },      { "web", "web.lock.yaml" },
		{ "a.yaml/web", "a.yaml/web.lock.yaml" }, { ".yaml", ".yaml.lock.yaml" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *path = lockfile_path(cases[i].definition);

		assert_string_equal(path, cases[i].lock);
	}
}

/* Returns a lock with all texts. */
static struct lock full(void)
{
	return (struct lock){
		.version = LOCK_VERSION,
		.definition = TEXT(SHA256),
		.qemu = TEXT("10.0.12"),
		.machine = TEXT("pc-q35-10.0"),
		.uuid = TEXT("1b4e28ba-2fa1-41d2-883f-0016d3cca427"),
		.firmware = TEXT(SHA256),
		.variables = TEXT(SHA256),
		.kernel = TEXT(SHA256),
		.initrd = TEXT(SHA512),
		.user_data = TEXT(SHA256),
		.network_config = TEXT(SHA512),
		.vendor_data = TEXT(SHA256),
		.ignition = TEXT(SHA256),
		.networks = { { TEXT("02:00:00:00:00:01") }, { TEXT("02:00:00:00:00:02") } },
		.network_count = 2,
		.disks = { { TEXT(SHA512) }, { TEXT("direct") } },
		.disk_count = 2,
		.credentials = { { TEXT(SHA256) }, { TEXT("value") } },
		.credential_count = 2,
	};
}

static void test_written_is_read(void **state)
{
	const struct lock lock = full();
	const char *path = scratch_path("web.lock.yaml");
	struct lock_item written, got;
	struct lockfile file = { 0 };
	unsigned int count = 0;
	struct error err;
	bool changed;

	assert_int_equal(lockfile_write(path, &lock, "/x/web.yaml", &changed, &err), 0);
	assert_true(changed);
	assert_int_equal(lockfile_read(path, &file), 0);
	for (; lock_item(&lock, count, &written); count++) {
		assert_true(lock_item(&file.lock, count, &got));
		assert_string_equal(written.text, got.text);
		assert_non_null(schema_origin(&file.loader, got.base, got.name));
	}
	assert_int_equal(count, 18);
	assert_false(lock_item(&file.lock, count, &got));
	lockfile_done(&file);
}

/* An equal file is not written again; another one replaces the file and keeps its mode. */
static void test_written_in_place(void **state)
{
	struct lock lock = full();
	const char *path = scratch_path("web.lock.yaml");
	struct stat before, after;
	struct error err;
	bool changed;

	assert_int_equal(lockfile_write(path, &lock, "web.yaml", &changed, &err), 0);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(lockfile_write(path, &lock, "web.yaml", &changed, &err), 0);
	assert_false(changed);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);

	lock.qemu = TEXT("10.0.13");
	assert_int_equal(lockfile_write(path, &lock, "web.yaml", &changed, &err), 0);
	assert_true(changed);
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode & 07777, 0604);

	assert_int_equal(lockfile_write(scratch_path("none/a"), &lock, "a", &changed, &err),
			 -ENOENT);
	assert_non_null(strstr(err.message, "none/a"));
}

/* A new file has the mode that the umask gives; a file of a dead run with this PID is ignored. */
static void test_written_anew(void **state)
{
	const struct lock lock = full();
	const char *path = scratch_path("web.lock.yaml");
	mode_t mask;
	char name[64];
	struct error err;
	struct stat st;
	bool changed;

	snprintf(name, sizeof(name), "web.lock.yaml.%d", (int)getpid());
	scratch_text(name, "half a lo");
	mask = umask(027);
	assert_int_equal(lockfile_write(path, &lock, "web.yaml", &changed, &err), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

/* A definition's name with a line end must not end the comment of the lock file. */
static void test_name_is_a_comment(void **state)
{
	const struct lock lock = full();
	const char *path = scratch_path("odd");
	struct lockfile file = { 0 };
	struct error err;
	bool changed;

	assert_int_equal(lockfile_write(path, &lock, "a\nqemu: 1.yaml", &changed, &err), 0);
	assert_int_equal(lockfile_read(path, &file), 0);
	lockfile_done(&file);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[]", "1:1: a lock file must be a mapping of keys, not a list" },
		{ "version: 2", "1:10: 'version' must be a whole number from 1 to 1, not '2'" },
		{ "version: 1", "1:1: required key 'machine' is missing" },
		{ HEAD "networks: [{mac: '01:00:00:00:00:01'}]",
		  "6:18: 'mac' must be a MAC address, not '01:" },
		{ HEAD "kernel2: " SHA256, "6:1: unknown key 'kernel2'; did you mean 'kernel'?" },
		{ HEAD "kernel: sha256-0", "6:9: 'kernel' must be 'sha256-' or 'sha512-' and its" },
		{ HEAD "kernel: direct", "6:9: 'kernel' must be 'sha256-'" },
		{ HEAD "kernel: sha1-" D64, "6:9: 'kernel' must be" },
		{ HEAD "disks: [{}]", "6:9: required key 'image' is missing in 'disks'" },
		{ HEAD "disks: [{image: x}]",
		  "6:17: 'image' must be 'direct', 'empty', or 'sha256-'" },
		{ HEAD "credentials: [{file: empty}]",
		  "6:22: 'file' must be 'value', or 'sha256-' or" },
		{ HEAD "uuid: 1b4e28ba-2fa1-41d2-883f-0016d3cca427", "repeated key 'uuid'" },
		{ "uuid: 00000000-0000-0000-0000-000000000000", "1:7: 'uuid' must be a UUID" },
		{ "qemu: 7.2 (Debian)", "1:7: 'qemu' must be a version of QEMU such as 7.2.0" },
		{ "machine: q35,accel=tcg", "1:10: 'machine' must be a machine type of QEMU's" },
		{ "definition:", "1:1: 'definition' has no value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lockfile file = { 0 };
		cleanup_free char *diagnostics = NULL;

		scratch_text("bad", cases[i].text);
		assert_int_equal(lockfile_read(scratch_path("bad"), &file), -EINVAL);
		diagnostics = diagnostics_text(&file.diagnostics);
		if (!strstr(diagnostics, cases[i].message))
			fail_msg("not '%s' but: %s", cases[i].message, diagnostics);
		lockfile_done(&file);
	}
}

static void test_missing(void **state)
{
	struct lockfile file = { 0 };

	assert_int_equal(lockfile_read(scratch_path("none"), &file), -ENOENT);
	assert_int_equal(file.diagnostics.count, 1);
	lockfile_done(&file);
}

/* Waits until a file counts as unchanged for a while: a test cannot set its ctime. */
static void wait_until_settled(void)
{
	nanosleep(&(struct timespec){ .tv_sec = 5 }, NULL);
}

/* The cache keeps a digest until the file changes. */
static void test_digest(void **state)
{
	static const char abc[] =
		"sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	char name[IMAGE_NAME_SIZE], again[IMAGE_NAME_SIZE];
	const char *cache = scratch_path("vmrun/digests");
	struct timespec times[2];
	struct error err;
	struct stat st;
	FILE *file;

	scratch_text("file", "abc");
	assert_int_equal(digest_cache_get(scratch_path("file"), true, false, name, &err), 0);
	assert_string_equal(name, abc);
	/* The cache does not keep the digest of a file that changed just now. */
	assert_int_not_equal(access(cache, F_OK), 0);

	wait_until_settled();
	assert_int_equal(digest_cache_get(scratch_path("file"), true, false, name, &err), 0);
	assert_string_equal(name, abc);
	assert_int_equal(access(cache, F_OK), 0);
	file = fopen(cache, "r+e");
	assert_non_null(file);
	/* A change in the cache shows that the digest comes from there. */
	assert_int_equal(fseek(file, -2, SEEK_END), 0);
	assert_int_equal(fputc('e', file), 'e');
	fclose(file);
	assert_int_equal(digest_cache_get(scratch_path("file"), true, false, again, &err), 0);
	assert_int_equal(strncmp(again, abc, strlen(abc) - 1), 0);
	assert_int_equal(again[strlen(abc) - 1], 'e');

	/* A file of the same size and mtime, but another ctime, has changed. */
	assert_int_equal(stat(scratch_path("file"), &st), 0);
	scratch_text("file", "abd");
	times[0] = times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, scratch_path("file"), times, 0), 0);
	wait_until_settled();
	assert_int_equal(digest_cache_get(scratch_path("file"), true, false, again, &err), 0);
	assert_string_not_equal(again, name);
	assert_int_equal(strncmp(again, "sha256-a52d159f", 15), 0);
}

/* Files of a dead run do not disturb and are removed as stale; the cache itself stays. */
static void test_digest_stale(void **state)
{
	char digest[IMAGE_NAME_SIZE], name[64];
	struct error err;

	snprintf(name, sizeof(name), "vmrun/digests.%d/there", (int)getpid());
	scratch_text("file", "abc");
	scratch_text(name, "");
	assert_int_equal(chmod(scratch_path("vmrun"), 0700), 0);
	scratch_text("vmrun/digests.tmp-abc123", "half a di");
	wait_until_settled();
	assert_int_equal(digest_cache_get(scratch_path("file"), true, false, digest, &err), 0);
	assert_int_equal(access(scratch_path("vmrun/digests"), F_OK), 0);
	digest_cache_remove_stale(&(struct removal){ .dry_run = true });
	assert_int_equal(access(scratch_path("vmrun/digests.tmp-abc123"), F_OK), 0);
	stale_remove(&(struct removal){ 0 });
	assert_int_not_equal(access(scratch_path("vmrun/digests.tmp-abc123"), F_OK), 0);
	assert_int_equal(access(scratch_path("vmrun/digests"), F_OK), 0);
}

static void test_digest_refused(void **state)
{
	char name[IMAGE_NAME_SIZE];
	struct error err;

	assert_int_equal(digest_cache_get(scratch_path("none"), true, false, name, &err), -ENOENT);
	assert_int_equal(digest_cache_get(scratch, true, false, name, &err), -EINVAL);
}

static void test_probe(void **state)
{
	struct qemu_probe_result probe;
	unsigned int major, minor, micro;
	char machine[64];
	struct error err = { 0 };

	scratch_need(system("qemu-system-x86_64 --version >/dev/null 2>&1") == 0);
	assert_int_equal(qemu_probe("qemu-system-x86_64", "q35", &probe, &err), 0);
	assert_int_equal(sscanf(probe.version, "%u.%u.%u", &major, &minor, &micro), 3);
	snprintf(machine, sizeof(machine), "pc-q35-%u.%u", major, minor);
	assert_string_equal(probe.machine, machine);
	assert_int_equal(qemu_probe("qemu-system-x86_64", machine, &probe, &err), 0);
	assert_string_equal(probe.machine, machine);

	assert_int_equal(qemu_probe("qemu-system-x86_64", "foo", &probe, &err), -EINVAL);
	assert_string_equal(err.message, "'qemu-system-x86_64' has no machine type 'foo'");
	assert_int_equal(qemu_probe("/bin/false", "q35", &probe, &err), -ECONNRESET);
	assert_int_equal(qemu_probe("no-such-qemu", "q35", &probe, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test_setup_teardown(test_written_is_read, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_written_in_place, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_written_anew, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_name_is_a_comment, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_digest_stale, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_digest_refused, setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_probe, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

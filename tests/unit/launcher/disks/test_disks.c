// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the life of overlays; needs qemu-img.
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/disks/disks.h"
#include "launcher/disks/qemu_img.h"
#include "launcher/formats/qcow2.h"
#include "launcher/run/state_dir.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define MIB (UINT64_C(1) << 20)

static int setup(void **state)
{
	int ret = scratch_setup(state);

	setenv("XDG_DATA_HOME", scratch_path("data"), 1);
	return ret;
}

static struct disk disk(const char *name, enum disk_mode mode)
{
	return (struct disk){ .image = (char *)scratch_path(name), .mode = mode };
}

static struct definition definition;
static const struct machine_plan plan = { .definition = &definition };

/* Makes a definition with one disk, for the tests below. */
static struct disk *one_disk(const char *image, enum disk_mode mode)
{
	static char path[PATH_MAX];

	definition = (struct definition){ .name = "web", .disk_count = 1 };
	snprintf(path, sizeof(path), "%s", scratch_path(image));
	definition.disks[0] = (struct disk){ .image = path, .mode = mode };
	return &definition.disks[0];
}

/* The state directory of the run under test, locked from prepare() to end(). */
static struct state_dir state_dir = STATE_DIR_NONE;

static void prepare(struct disks *disks)
{
	struct error err = { 0 };

	if (state_dir_take(&definition, &state_dir, &err) ||
	    disks_prepare(&plan, state_dir.directory, disks, &err))
		fail_msg("%s / %s", err.message, err.remedy);
}

static void end(struct disks *disks)
{
	disks_done(disks);
	state_dir_end(&state_dir);
}

static void assert_not_prepared(const char *message, const char *remedy)
{
	struct state_dir other = STATE_DIR_NONE;
	struct disks disks = { 0 };
	struct error err = { 0 };

	assert_true(state_dir_take(&definition, &other, &err) ||
		    disks_prepare(&plan, other.directory, &disks, &err) < 0);
	if (!strstr(err.message, message) || !strstr(err.remedy, remedy))
		fail_msg("'%s' / '%s'", err.message, err.remedy);
	assert_int_equal(disks.count, 0);
	disks_done(&disks);
	state_dir_end(&other);
}

static void prepare_and_end(void)
{
	struct disks disks = { 0 };

	prepare(&disks);
	end(&disks);
}

static uint64_t overlay_size(void)
{
	cleanup_fd int fd = open(scratch_path("data/vmrun/web/disk0.qcow2"), O_RDONLY | O_CLOEXEC);
	struct qcow2 header;
	struct error err;

	assert_int_equal(qcow2_read(fd, "overlay", &header, &err), 0);
	return header.size;
}

static void assert_entries(unsigned int expected)
{
	char command[64];

	snprintf(command, sizeof(command), "test $(ls -A data/vmrun/web | wc -l) = %u", expected);
	scratch_shell(command);
}

static void test_overlay(void **state)
{
	struct machine_plan configured = { 0 };
	struct disks disks = { 0 };
	struct stat st;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M 'a, \"=.img'");
	one_disk("a, \"=.img", DISK_OVERLAY);
	prepare(&disks);
	disks_configure(&disks, &configured);
	assert_string_equal(configured.disk_paths[0], scratch_path("data/vmrun/web/disk0.qcow2"));
	assert_int_equal(configured.disk_formats[0], DISK_FORMAT_QCOW2);
	assert_false(configured.disk_devices[0]);
	assert_int_equal(overlay_size(), 3 * MIB);
	assert_int_equal(stat(scratch_path("data/vmrun/web/disk0.qcow2"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	disks_opened(&disks);
	end(&disks);
	assert_entries(3); /* the overlay, its record, the lock */

	scratch_shell(
		"printf x | dd of=data/vmrun/web/disk0.qcow2 bs=1 seek=100000 conv=notrunc 2>&1;"
		"cp data/vmrun/web/disk0.qcow2 kept");
	prepare_and_end();
	scratch_shell("cmp kept data/vmrun/web/disk0.qcow2");
	assert_entries(3);
}

static void test_overlay_size(void **state)
{
	struct disk *of;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M a.img");
	of = one_disk("a.img", DISK_OVERLAY);
	of->size = 2 * MIB;
	assert_not_prepared("cannot shrink", "3145728");
	assert_entries(1);
	of->size = 10 * MIB;
	prepare_and_end();
	assert_int_equal(overlay_size(), 10 * MIB);
	of->size = 20 * MIB;
	prepare_and_end();
	assert_int_equal(overlay_size(), 20 * MIB);
	of->size = 0;
	prepare_and_end();
	assert_int_equal(overlay_size(), 20 * MIB);
	of->size = 19 * MIB;
	assert_not_prepared("cannot shrink", "20971520");
	assert_int_equal(overlay_size(), 20 * MIB);
}

static void test_overlay_base_changed(void **state)
{
	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M a.img");
	one_disk("a.img", DISK_OVERLAY);
	prepare_and_end();
	scratch_shell("touch -d '2001-01-01' a.img");
	assert_not_prepared("has changed since it was made", "disk0.base");
	scratch_shell("rm data/vmrun/web/disk0.base");
	prepare_and_end();
	prepare_and_end();
	scratch_shell("truncate -s 4M a.img");
	assert_not_prepared("has changed since it was made", "vmrun reset web");
	scratch_shell("rm data/vmrun/web/disk0.qcow2");
	prepare_and_end();
	assert_int_equal(overlay_size(), 4 * MIB);
}

static void test_overlay_other_base(void **state)
{
	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M a.img b.img; qemu-img create -f qcow2 c.qcow2 3M");
	one_disk("a.img", DISK_OVERLAY);
	prepare_and_end();
	one_disk("b.img", DISK_OVERLAY);
	assert_not_prepared("a.img', not of image", "vmrun reset web");
	scratch_shell("rm data/vmrun/web/disk0.qcow2");
	one_disk("c.qcow2", DISK_OVERLAY);
	prepare_and_end();
	/* The image is raw now, so the overlay has the wrong format of it. */
	scratch_shell("rm c.qcow2; truncate -s 3M c.qcow2");
	definition.disks[0].format = DISK_FORMAT_RAW;
	assert_not_prepared("not one of a raw image", "vmrun reset web");
	scratch_shell("echo garbage > data/vmrun/web/disk0.qcow2");
	assert_not_prepared("not a valid qcow2 image", "vmrun reset web");
}

static void test_overlay_fails(void **state)
{
	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M b.img");
	one_disk("b.img", DISK_OVERLAY);
	setenv("PATH_BEFORE", getenv("PATH"), 1);
	setenv("PATH", "/nonexistent", 1);
	assert_not_prepared("qemu-img", "qemu-utils");
	setenv("PATH", getenv("PATH_BEFORE"), 1);
	assert_entries(1);
}

/* A qcow2 image without its end: the header is whole, its clusters are not. */
static void test_overlay_cut_off(void **state)
{
	scratch_need(scratch_have_qemu_img());
	scratch_shell("head -c 1M /dev/urandom > r; qemu-img convert -f raw -O qcow2 r a.qcow2;"
		      "truncate -s 900K a.qcow2");
	one_disk("a.qcow2", DISK_OVERLAY);
	assert_not_prepared("a.qcow2': it is damaged or was cut off", "get the image again");
	assert_entries(1);
	one_disk("a.qcow2", DISK_SNAPSHOT);
	assert_not_prepared("a.qcow2': it is damaged or was cut off", "get the image again");
}

/* The message of qemu-img names the image and not the temporary file. */
static void test_overlay_names_image(void **state)
{
	struct error err = { 0 };

	scratch_need(scratch_have_qemu_img());
	scratch_shell("mkdir out; truncate -s 1M a.img");
	assert_int_equal(qemu_img_create(scratch_path("out"), scratch_path("a.img"),
					 DISK_FORMAT_RAW, 0, &err),
			 -EIO);
	if (!strstr(err.message, "a.img': ") || strstr(err.message, "/out"))
		fail_msg("%s", err.message);
}

/* Takes a lock that QEMU takes, as QEMU does it. */
static int lock(const char *path, off_t byte)
{
	const int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock request = { .l_type = F_RDLCK, .l_start = byte, .l_len = 1 };

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &request), 0);
	return fd;
}

static void test_image_in_use(void **state)
{
	struct disks disks = { 0 };
	int fd;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 1M a.img");
	/* Another VM reads it and shares no writing: it may be read. */
	fd = lock(scratch_path("a.img"), 201);
	one_disk("a.img", DISK_OVERLAY);
	prepare(&disks);
	end(&disks);
	one_disk("a.img", DISK_DIRECT);
	assert_not_prepared("a.img': another process uses it", "");
	close(fd);
	/* Another VM writes to it. */
	fd = lock(scratch_path("a.img"), 101);
	one_disk("a.img", DISK_SNAPSHOT);
	assert_not_prepared("a.img': another process writes to it", "");
	close(fd);
	one_disk("a.img", DISK_DIRECT);
	prepare(&disks);
	end(&disks);
}

static void reset(const char *name, unsigned int expected);

/* A disk without an image is made once, grown, never shrunk. An overlay is refused as one. */
static void test_empty(void **state)
{
	struct disks disks = { 0 };

	scratch_need(scratch_have_qemu_img());
	definition = (struct definition){ .name = "web", .disk_count = 2 };
	definition.disks[0].size = 5 * MIB;
	definition.disks[1] = (struct disk){ .mode = DISK_SNAPSHOT, .size = 3 * MIB };
	prepare(&disks);
	assert_string_equal(disks.files[0].path, scratch_path("data/vmrun/web/disk0.qcow2"));
	assert_int_equal(disks.files[0].format, DISK_FORMAT_QCOW2);
	assert_false(disks.files[0].temporary);
	assert_true(disks.files[1].temporary);
	disks_opened(&disks);
	end(&disks);
	assert_entries(2); /* the disk, the lock */
	assert_int_equal(overlay_size(), 5 * MIB);

	definition.disk_count = 1;
	definition.disks[0].size = 9 * MIB;
	prepare_and_end();
	assert_int_equal(overlay_size(), 9 * MIB);
	definition.disks[0].size = 2 * MIB;
	assert_not_prepared("cannot shrink disk", "at least 9437184");

	scratch_shell("truncate -s 3M a.img");
	one_disk("a.img", DISK_OVERLAY);
	assert_not_prepared("it is a disk of its own, not one of image", "vmrun reset web");
	reset("web", 1);
	prepare_and_end();
	definition.disks[0] = (struct disk){ .size = 5 * MIB };
	assert_not_prepared("it is an overlay of image", "vmrun reset web");
}

static void test_snapshot(void **state)
{
	struct disks disks = { 0 };

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M a.img");
	one_disk("a.img", DISK_SNAPSHOT)->size = 5 * MIB;
	prepare(&disks);
	assert_entries(2);
	assert_int_equal(disks.files[0].format, DISK_FORMAT_QCOW2);
	assert_int_equal(access(disks.files[0].path, F_OK), 0);
	disks_opened(&disks);
	assert_entries(1);
	end(&disks);

	prepare(&disks);
	end(&disks); /* QEMU has not opened it */
	assert_entries(1);
}

static void test_lock_and_stale(void **state)
{
	struct disks disks = { 0 };

	scratch_need(scratch_have_qemu_img());
	state_dir_remove_stale("web", &(struct removal){ 0 }); /* no directory yet */
	scratch_shell("truncate -s 3M a.img; mkdir -p data/vmrun/web;"
		      "touch data/vmrun/web/disk0.tmp-abcdef data/vmrun/web/disk12.tmp-ABC123"
		      " data/vmrun/web/disk0.tmp-abcdefg data/vmrun/web/mine");
	one_disk("a.img", DISK_SNAPSHOT);
	prepare(&disks);
	assert_entries(4); /* two files of the user, the lock, the new overlay */
	assert_not_prepared("disks of 'web': another run", "");
	state_dir_remove_stale("web", &(struct removal){ 0 });
	assert_entries(4);
	/* Releases the lock, as if this run had been killed. */
	close(state_dir.lock);
	state_dir.lock = -1;
	state_dir_remove_stale("web", &(struct removal){ 0 });
	assert_entries(3);
	end(&disks);
}

static void reset(const char *name, unsigned int expected)
{
	struct error err = { 0 };

	if (state_dir_reset(name, &(struct removal){ 0 }, &err))
		fail_msg("%s", err.message);
	if (expected)
		assert_entries(expected);
}

static void test_reset(void **state)
{
	struct disks disks = { 0 };
	struct error err = { 0 };

	scratch_need(scratch_have_qemu_img());
	reset("web", 0); /* never ran */
	scratch_shell("truncate -s 3M a.img");
	one_disk("a.img", DISK_OVERLAY);
	prepare(&disks);
	assert_int_equal(state_dir_reset("web", &(struct removal){ 0 }, &err), -EBUSY);
	assert_non_null(strstr(err.message, "'web': it is running"));
	assert_entries(3);
	end(&disks);
	scratch_shell("echo keep > data/vmrun/web/nvram; mkdir data/vmrun/other;"
		      "touch data/vmrun/other/disk0.qcow2");
	reset("web", 2); /* the lock and the user's file */
	scratch_shell("test -e data/vmrun/other/disk0.qcow2 -a -e a.img");
	/* After the reset a changed image is valid. */
	scratch_shell("touch -d '2001-01-01' a.img");
	prepare_and_end();
	assert_entries(4);
}

/* An image from a URL has its digest in its path; its mtime is not checked. */
static void test_overlay_of_url(void **state)
{
	static char url[] = "https://example.org/a.img";
	struct disk *of;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 3M sha256-1; cp sha256-1 sha256-2");
	of = one_disk("sha256-1", DISK_OVERLAY);
	of->urls[0] = url;
	of->url_count = 1;
	prepare_and_end();
	scratch_shell("touch -d '2001-01-01' sha256-1");
	prepare_and_end();
	of = one_disk("sha256-2", DISK_OVERLAY);
	of->urls[0] = url;
	of->url_count = 1;
	assert_not_prepared("had another digest", "vmrun reset web");
	reset("web", 1);
	prepare_and_end();
}

/* With `format: raw` a disk with a qcow2 header, which its guest wrote, stays raw. */
static void test_raw_says_qcow2(void **state)
{
	struct disks disks = { 0 };
	struct qcow2 header;
	cleanup_fd int fd = -1;
	struct error err;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("qemu-img create -q -u -f qcow2 -F raw -b /etc/shadow a.img 1M");
	one_disk("a.img", DISK_OVERLAY)->format = DISK_FORMAT_RAW;
	prepare(&disks);
	fd = open(disks.files[0].path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(qcow2_read(fd, "overlay", &header, &err), 0);
	assert_string_equal(header.backing, scratch_path("a.img"));
	assert_string_equal(header.backing_format, "raw");
	end(&disks);
	one_disk("a.img", DISK_DIRECT)->format = DISK_FORMAT_RAW;
	prepare(&disks);
	assert_int_equal(disks.files[0].format, DISK_FORMAT_RAW);
	end(&disks);
}

static void test_plan(void **state)
{
	struct disks disks = { 0 };
	struct error err;

	one_disk("missing.qcow2", DISK_OVERLAY);
	definition.disk_count = 5;
	definition.disks[1] = disk("missing.img", DISK_SNAPSHOT);
	definition.disks[2] = disk("missing.qcow2", DISK_DIRECT);
	definition.disks[3] = disk("missing.img", DISK_READONLY);
	definition.disks[4] = (struct disk){ .image = (char *)"/x",
					     .mode = DISK_DIRECT,
					     .format = DISK_FORMAT_QCOW2 };
	assert_int_equal(disks_plan(&plan, NULL, &disks, &err), 0);
	assert_int_equal(disks.count, 5);
	assert_string_equal(disks.files[0].path, scratch_path("data/vmrun/web/disk0.qcow2"));
	assert_string_equal(disks.files[1].path, scratch_path("data/vmrun/web/disk1.tmp-XXXXXX"));
	assert_int_equal(disks.files[2].format, DISK_FORMAT_QCOW2);
	assert_int_equal(disks.files[3].format, DISK_FORMAT_RAW);
	assert_int_equal(disks.files[4].format, DISK_FORMAT_QCOW2);
	end(&disks);
	assert_int_equal(access(scratch_path("data"), F_OK), -1);
}

/* A VM without overlays gets no directory. */
static void test_direct(void **state)
{
	struct disks disks = { 0 };

	scratch_shell("truncate -s 3M a.img");
	one_disk("a.img", DISK_DIRECT);
	prepare(&disks);
	assert_string_equal(disks.files[0].path, scratch_path("a.img"));
	disks_opened(&disks);
	end(&disks);
	assert_int_equal(access(scratch_path("a.img"), F_OK), 0);
	assert_int_equal(access(scratch_path("data"), F_OK), -1);
	end(&disks);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {

		CASE(test_overlay),
		CASE(test_overlay_size),
		CASE(test_overlay_base_changed),
		CASE(test_overlay_other_base),
		CASE(test_overlay_fails),
		CASE(test_overlay_cut_off),
		CASE(test_overlay_names_image),
		CASE(test_image_in_use),
		CASE(test_empty),
		CASE(test_snapshot),
		CASE(test_lock_and_stale),
		CASE(test_reset),
		CASE(test_overlay_of_url),
		CASE(test_raw_says_qcow2),
		CASE(test_plan),
		CASE(test_direct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

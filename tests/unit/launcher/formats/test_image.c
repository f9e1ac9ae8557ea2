// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the inspection of images: formats, archives, references to other files.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/formats/image.h"
#include "launcher/formats/qcow2.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/scratch.h"

#define MIB (UINT64_C(1) << 20)

/* struct use - an image and how a disk uses it. */
struct use {
	const char *path;
	bool direct;
	enum disk_format format;
};

static struct use use(const char *name, bool direct)
{
	return (struct use){ .path = scratch_path(name), .direct = direct };
}

static void assert_image(const struct use *of, enum disk_format format, uint64_t size)
{
	struct error err = { 0 };
	struct image image;

	if (image_inspect(of->path, of->format, of->direct, &image, &err))
		fail_msg("%s", err.message);
	assert_int_equal(image.format, format);
	assert_int_equal(image.size, size);
}

static void assert_refused(const struct use *of, const char *message, const char *remedy)
{
	struct image image = { .size = 42 };
	struct error err = { 0 };

	assert_true(image_inspect(of->path, of->format, of->direct, &image, &err) < 0);
	assert_int_equal(image.size, 42);
	if (!strstr(err.message, message) || !strstr(err.remedy, remedy))
		fail_msg("'%s' / '%s'", err.message, err.remedy);
}

static void test_raw(void **state)
{
	struct use of = use("a.img", false);

	scratch_shell(
		"truncate -s 5M a.img; truncate -s 1M 'b,c \"d.img'; : > empty; mkdir dir; mkfifo "
		"fifo");
	assert_image(&of, DISK_FORMAT_RAW, 5 * MIB);
	of = use("b,c \"d.img", true);
	assert_image(&of, DISK_FORMAT_RAW, MIB);
	of = use("empty", true);
	assert_refused(&of, "is empty", "");
	of = use("dir", true);
	assert_refused(&of, "neither a file nor", "");
	of = use("fifo", true);
	assert_refused(&of, "neither a file nor", "");
	of = use("missing", true);
	assert_refused(&of, "missing': No such file", "");
	of = use("a\nb", true);
	assert_refused(&of, "control character", "");
	of = use("a\xff", true);
	assert_refused(&of, "not UTF-8", "");
	scratch_shell("truncate -s 1M lies.qcow2");
	of = use("lies.qcow2", false);
	assert_refused(&of, "not qcow2, but its name says so", "format: raw");
	of.format = DISK_FORMAT_RAW;
	assert_image(&of, DISK_FORMAT_RAW, MIB);
	of.format = DISK_FORMAT_QCOW2;
	assert_refused(&of, "not a valid qcow2 image", "");
}

static void test_foreign(void **state)
{
	static const struct {
		const char *command, *message, *remedy;
	} foreigns[] = {
		{ "qemu-img create -f vmdk x 1M", "format vmdk", "qemu-img convert" },
		{ "qemu-img create -f vmdk -o subformat=monolithicFlat x.vmdk 1M; cp x.vmdk x",
		  "format vmdk", "qemu-img convert" },
		{ "qemu-img create -f vdi x 1M", "format vdi", "qemu-img convert" },
		{ "qemu-img create -f vhdx x 16M", "format vhdx", "qemu-img convert" },
		{ "qemu-img create -f vpc x 1M", "format vpc", "qemu-img convert" },
		{ "qemu-img create -f qed x 1M", "format qed", "qemu-img convert" },
		{ "qemu-img create -f qcow x 1M", "format qcow (version 1)", "qemu-img convert" },
		{ "qemu-img create -f parallels x 1M", "format parallels", "qemu-img convert" },
		{ "qemu-img create -f vpc -o subformat=fixed x 1M", "format vpc",
		  "qemu-img convert -f vpc -O qcow2" },
		{ "truncate -s 1M x; printf koly | dd of=x bs=1 seek=1048064 conv=notrunc 2>&1",
		  "format dmg", "qemu-img convert -f dmg" },
		{ "printf '\\072\\377\\046\\355' > x", "format Android sparse", "simg2img" },
		{ "head -c 4096 /dev/zero | gzip > x", "compressed with gzip", "gzip -dc" },
		{ "printf '\\3757zXZ\\0' > x", "compressed with xz", "xz -dc" },
		{ "printf '\\050\\265\\057\\375' > x", "compressed with zstd", "zstd -dc" },
		{ "printf 'BZh9' > x", "compressed with bzip2", "bzip2 -dc" },
		{ "printf '\\004\\042\\115\\030' > x", "compressed with lz4", "lz4 -dc" },
		{ "head -c 4096 /dev/zero | xz --format=lzma > x", "compressed with lzma",
		  "xz --format=lzma -dc" },
		{ "printf 'LZIP\\1' > x", "compressed with lzip", "lzip -dc" },
		{ "printf 'PK\\003\\004' > x", "archive in the format zip", "unzip" },
		{ "printf '7z\\274\\257\\047\\034' > x", "archive in the format 7z", "7z x" },
		{ "printf 'Rar!\\032\\007' > x", "archive in the format rar", "unrar x" },
		{ "echo a > a; tar -cf x a", "archive in the format tar", "tar -xf" },
		{ "echo a > a; tar --format=oldgnu -cf x a", "archive in the format tar",
		  "tar -xf" },
		{ "printf '<!DOCTYPE HTML>' > x", "it is a web page", "download the image" },
		{ "printf '\\357\\273\\277 \\n<html>' > x", "it is a web page", "download" },
		{ "printf 'version https://git-lfs.github.com/spec/v1' > x",
		  "it is a pointer of Git LFS", "git lfs pull" },
		{ "printf '\\177ELF' > x", "it is an ELF program", "'kernel'" },
		{ "head -c 511 /dev/zero > x", "only 511 bytes", "format: raw" },
	};

	scratch_need(scratch_have_qemu_img());
	for (size_t i = 0; i < ARRAY_SIZE(foreigns); i++) {
		struct use of = use("x", true);
		struct error err;
		struct image image;

		scratch_shell(foreigns[i].command);
		assert_refused(&of, foreigns[i].message, foreigns[i].remedy);
		of.format = DISK_FORMAT_QCOW2;
		assert_refused(&of, i + 1 < ARRAY_SIZE(foreigns) ? foreigns[i].message : "magic",
			       "");
		of.format = DISK_FORMAT_RAW;
		assert_int_equal(image_inspect(of.path, of.format, true, &image, &err), 0);
	}
}

static void test_qcow2(void **state)
{
	struct use of = use("a.qcow2", true);

	scratch_need(scratch_have_qemu_img());
	scratch_shell("qemu-img create -f qcow2 a.qcow2 7M; cp a.qcow2 b.img;"
		      "qemu-img create -f qcow2 -o compat=0.10 old.qcow2 6M");
	assert_image(&of, DISK_FORMAT_QCOW2, 7 * MIB);
	of = use("old.qcow2", false);
	assert_image(&of, DISK_FORMAT_QCOW2, 6 * MIB);
	of = use("b.img", false);
	assert_image(&of, DISK_FORMAT_QCOW2, 7 * MIB);
	/* A raw disk's guest could have written the header. */
	of = use("b.img", true);
	assert_refused(&of, "the guest of a raw disk could have written its", "format: qcow2");
	of.format = DISK_FORMAT_QCOW2;
	assert_image(&of, DISK_FORMAT_QCOW2, 7 * MIB);
}

static void test_qcow2_other_file(void **state)
{
	scratch_need(scratch_have_qemu_img());
	scratch_shell(
		"truncate -s 1M secret; qemu-img create -f qcow2 -F raw -b secret based.qcow2;"
		"qemu-img create -f qcow2 -o data_file=data away.qcow2 1M;"
		"qemu-img create -f qcow2 -o compat=0.10 -F raw -b secret old.qcow2");
	for (int direct = 0; direct < 2; direct++) {
		struct use of = use("based.qcow2", direct);

		assert_refused(&of, "based on another file, 'secret'", "qemu-img convert");
		of.format = DISK_FORMAT_QCOW2;
		assert_refused(&of, "based on another file, 'secret'", "qemu-img convert");
		of = use("away.qcow2", direct);
		assert_refused(&of, "its data is in another file", "qemu-img convert");
		of = use("old.qcow2", direct);
		assert_refused(&of, "based on another file, 'secret'", "qemu-img convert");
	}
}

/* An image that QEMU would refuse later, or read as zeros where it was cut off. */
static void test_qcow2_unusable(void **state)
{
	static const struct {
		const char *command, *message, *remedy;
	} images[] = {
		{ "printf '\\002' | dd of=x bs=1 seek=35 conv=notrunc 2>&1", "it is encrypted",
		  "qemu-img convert --object secret" },
		{ "printf '\\002' | dd of=x bs=1 seek=79 conv=notrunc 2>&1", "marked it as corrupt",
		  "qemu-img check -r all" },
		{ "printf '\\100' | dd of=x bs=1 seek=79 conv=notrunc 2>&1",
		  "features that vmrun does not know", "" },
		{ "printf '\\004' | dd of=x bs=1 seek=7 conv=notrunc 2>&1", "qcow2 of version 4",
		  "" },
		{ "truncate -s 196000 x", "it ends too early", "" },
		{ "printf '\\001' | dd of=x bs=1 seek=27 conv=notrunc 2>&1",
		  "its table of clusters", "" },
		{ "echo > x", "not a valid qcow2 image", "" },
	};

	scratch_need(scratch_have_qemu_img());
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct use of = use("x", false);

		scratch_shell("qemu-img create -f qcow2 x 1M");
		scratch_shell(images[i].command);
		of.format = DISK_FORMAT_QCOW2;
		assert_refused(&of, images[i].message, images[i].remedy);
	}
}

/* Runs the command of an image's remedy, after the words @before. */
static void run_remedy(const struct use *of, const char *before)
{
	struct image image;
	struct error err;
	const char *command;

	assert_int_equal(image_inspect(of->path, of->format, of->direct, &image, &err), -EINVAL);
	command = strstr(err.remedy, before);
	assert_non_null(command);
	scratch_shell(command + strlen(before));
}

/* A quote in the name, and a comma, which separates QEMU's options. */
static void test_remedy_of_qcow2(void **state)
{
	struct use of = use("it's, a.qcow2", false);

	scratch_need(scratch_have_qemu_img());
	scratch_shell("qemu-img create -f raw secret 1M");
	scratch_shell("qemu-img create -f qcow2 -F raw -b secret \"it's, a.qcow2\"");
	run_remedy(&of, "into one image: ");
	scratch_shell("printf word >PASSPHRASE-FILE; qemu-img create "
		      "--object secret,id=key,file=PASSPHRASE-FILE -f qcow2 "
		      "-o encrypt.format=aes,encrypt.key-secret=key "
		      "\"it's, a.qcow2\" 1M");
	run_remedy(&of, "decrypt it: ");
	scratch_shell("qemu-img compare NEW.qcow2 secret");
}

/* The remedy is a command that a shell runs, whatever the name is. */
static void test_remedy(void **state)
{
	struct use of = use("a 'b\"$(c).img", false);
	struct image image;
	struct error err;
	char *end;

	scratch_shell("head -c 1M /dev/zero > NEEDED; gzip -c NEEDED > \"a 'b\\\"\\$(c).img\"");
	assert_int_equal(image_inspect(of.path, of.format, of.direct, &image, &err), -EINVAL);
	end = strchr(err.remedy, '\n');
	assert_non_null(end);
	*end = '\0';
	assert_int_equal(strncmp(err.remedy, "unpack it: ", 11), 0);
	scratch_shell(err.remedy + 11);
	scratch_shell("cmp NEW NEEDED");

	of = use("disk.tar.gz", false);
	scratch_shell("tar -czf disk.tar.gz NEEDED");
	assert_refused(&of, "compressed with gzip", "tar -xf");
}

static bool qemu_accepts(const char *path)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "qemu-img info -f qcow2 '%s' >/dev/null 2>&1", path);
	return system(command) == 0;
}

/* Each header that QEMU refuses is refused before. */
static void test_qcow2_as_qemu(void **state)
{
	static const unsigned char values[] = { 1, 0x7f, 0xff };
	struct use of = use("a", false);
	cleanup_fd int fd = -1;
	unsigned char good[104];
	unsigned int accepted = 0;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("qemu-img create -f qcow2 a 64M");
	fd = open(scratch_path("a"), O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, good, sizeof(good), 0), sizeof(good));
	of.format = DISK_FORMAT_QCOW2;
	for (size_t at = 0; at < sizeof(good); at++) {
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			struct image image;
			struct error err;

			assert_int_equal(pwrite(fd, &values[i], 1, at), 1);
			if (image_inspect(of.path, of.format, false, &image, &err) < 0)
				continue;
			accepted++;
			if (!qemu_accepts(of.path))
				fail_msg("QEMU alone refuses %u at byte %zu", values[i], at);
		}
		assert_int_equal(pwrite(fd, &good[at], 1, at), 1);
	}
	assert_true(accepted > 0);
}

/* A header cut or changed at any byte gives a result without a crash and no backing file. */
static void test_qcow2_hostile(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	unsigned char good[512];
	struct qcow2 header;
	struct error err;
	int fd;

	scratch_need(scratch_have_qemu_img());
	scratch_shell("truncate -s 1M base; qemu-img create -f qcow2 -F raw -b base a");
	fd = open(scratch_path("a"), O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(fd, good, sizeof(good), 0), sizeof(good));
	assert_int_equal(qcow2_read(fd, "a", &header, &err), 0);
	assert_string_equal(header.backing, "base");
	assert_string_equal(header.backing_format, "raw");

	for (size_t at = 0; at < sizeof(good); at++) {
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			assert_int_equal(pwrite(fd, &values[i], 1, at), 1);
			qcow2_read(fd, "a", &header, &err);
		}
		assert_int_equal(pwrite(fd, &good[at], 1, at), 1);
	}
	for (size_t size = sizeof(good); size-- > 0;) {
		assert_int_equal(ftruncate(fd, size), 0);
		if (size < 104)
			assert_int_equal(qcow2_read(fd, "a", &header, &err), -EINVAL);
		else
			qcow2_read(fd, "a", &header, &err);
	}
	close(fd);
}

/* A name with control characters for the terminal is not shown. */
static void test_qcow2_ugly_name(void **state)
{
	struct use of = use("a.qcow2", false);

	scratch_need(scratch_have_qemu_img());
	scratch_shell("qemu-img create -u -f qcow2 -F raw -b \"$(printf '\\033[2Jx')\" a.qcow2 1M");
	assert_refused(&of, "another file, '?'", "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_raw),
		CASE(test_foreign),
		CASE(test_qcow2),
		CASE(test_qcow2_other_file),
		CASE(test_qcow2_hostile),
		CASE(test_qcow2_ugly_name),
		CASE(test_qcow2_unusable),
		CASE(test_qcow2_as_qemu),
		CASE(test_remedy),
		CASE(test_remedy_of_qcow2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

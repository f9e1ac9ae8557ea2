// SPDX-License-Identifier: GPL-2.0-or-later
// Recognizes files that are no raw disks, by their magic numbers.
#include "launcher/formats/magic.h"

#include <string.h>
#include <strings.h>

#include "netsetup/base/cleanup.h"

#define CONVERT "qemu-img convert -O qcow2"

/* A magic number and its size. */
#define BYTES(text) text, sizeof(text) - 1

static const struct magic magics[] = {
	{ MAGIC_IMAGE, "qcow (version 1)", CONVERT, false, 0, BYTES("QFI\xfb\0\0\0\1") },
	{ MAGIC_IMAGE, "qed", CONVERT, false, 0, BYTES("QED\0") },
	{ MAGIC_IMAGE, "vmdk", CONVERT, false, 0, BYTES("KDMV") },
	{ MAGIC_IMAGE, "vmdk", CONVERT, false, 0, BYTES("COWD") },
	{ MAGIC_IMAGE, "vmdk", CONVERT, false, 0, BYTES("# Disk Descriptor") },
	{ MAGIC_IMAGE, "vhdx", CONVERT, false, 0, BYTES("vhdxfile") },
	{ MAGIC_IMAGE, "vpc (vhd)", CONVERT, false, 0, BYTES("conectix") },
	/* A fixed vhd is a raw disk with a footer, so qemu-img does not detect it. */
	{ MAGIC_IMAGE, "vpc (vhd)", "qemu-img convert -f vpc -O qcow2", false, -512,
	  BYTES("conectix") },
	{ MAGIC_IMAGE, "vdi", CONVERT, false, 64, BYTES("\x7f\x10\xda\xbe") },
	{ MAGIC_IMAGE, "parallels", CONVERT, false, 0, BYTES("WithoutFreeSpace") },
	{ MAGIC_IMAGE, "parallels", CONVERT, false, 0, BYTES("WithouFreSpacExt") },
	{ MAGIC_IMAGE, "dmg", "qemu-img convert -f dmg -O qcow2", false, -512, BYTES("koly") },
	{ MAGIC_IMAGE, "Android sparse", "simg2img", false, 0, BYTES("\x3a\xff\x26\xed") },
	{ MAGIC_COMPRESSED, "xz", "xz -dc", true, 0, BYTES("\3757zXZ\0") },
	{ MAGIC_COMPRESSED, "gzip", "gzip -dc", true, 0, BYTES("\x1f\x8b\x08") },
	{ MAGIC_COMPRESSED, "zstd", "zstd -dc", true, 0, BYTES("\x28\xb5\x2f\xfd") },
	{ MAGIC_COMPRESSED, "bzip2", "bzip2 -dc", true, 0, BYTES("BZh") },
	{ MAGIC_COMPRESSED, "lz4", "lz4 -dc", false, 0, BYTES("\x04\x22\x4d\x18") },
	{ MAGIC_COMPRESSED, "lz4", "lz4 -dc", false, 0, BYTES("\x02\x21\x4c\x18") },
	{ MAGIC_COMPRESSED, "lzip", "lzip -dc", false, 0, BYTES("LZIP\1") },
	{ MAGIC_COMPRESSED, "lzop", "lzop -dc", false, 0, BYTES("\x89LZO\0\r\n") },
	{ MAGIC_COMPRESSED, "compress", "gzip -dc", false, 0, BYTES("\x1f\x9d") },
	/* The usual properties and a dictionary of whole 64 KiB (lzma-file-format.txt). */
	{ MAGIC_COMPRESSED, "lzma", "xz --format=lzma -dc", false, 0, BYTES("\x5d\0\0") },
	{ MAGIC_ARCHIVE, "tar", "tar -xf", true, 257, BYTES("ustar") },
	{ MAGIC_ARCHIVE, "zip", "unzip", false, 0, BYTES("PK\x03\x04") },
	{ MAGIC_ARCHIVE, "7z", "7z x", false, 0, BYTES("7z\xbc\xaf\x27\x1c") },
	{ MAGIC_ARCHIVE, "rar", "unrar x", false, 0, BYTES("Rar!\x1a\x07") },
	{ MAGIC_ARCHIVE, "cpio", "bsdtar -xf", false, 0, BYTES("070701") },
	{ MAGIC_ARCHIVE, "ar", "ar x", false, 0, BYTES("!<arch>\n") },
	{ MAGIC_ARCHIVE, "wim", "7z x", false, 0, BYTES("MSWIM\0\0\0") },
	{ MAGIC_OTHER, "a pointer of Git LFS", "get the content: git lfs pull", false, 0,
	  BYTES("version https://git-lfs") },
	{ MAGIC_OTHER, "an ELF program", "a kernel is for 'kernel' in 'boot'", false, 0,
	  BYTES("\x7f"
		"ELF") },
};

static const struct magic page = { .kind = MAGIC_OTHER,
				   .name = "a web page",
				   .command = "download the image itself" };

bool magic_page(const char *start, size_t size)
{
	static const char *const tags[] = { "<!doctype html", "<html", "<head", "<?xml" };

	if (size >= 3 && !memcmp(start, "\xef\xbb\xbf", 3))
		start += 3, size -= 3;
	for (; size && strchr(" \t\r\n", *start) && *start; start++)
		size--;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (size >= strlen(tags[i]) && !strncasecmp(start, tags[i], strlen(tags[i])))
			return true;
	return false;
}

static bool fits(const struct magic *magic, const char *start, size_t size, const char *end,
		 size_t end_size)
{
	const size_t back = magic->offset < 0 ? (size_t)-magic->offset : 0;
	const size_t at = magic->offset < 0 ? 0 : (size_t)magic->offset;

	if (back)
		return back <= end_size &&
		       !memcmp(end + end_size - back, magic->bytes, magic->size);
	return at + magic->size <= size && !memcmp(start + at, magic->bytes, magic->size);
}

const struct magic *magic_find(const char *start, size_t size, const char *end, size_t end_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (fits(&magics[i], start, size, end, end_size))
			return &magics[i];
	return magic_page(start, size) ? &page : NULL;
}

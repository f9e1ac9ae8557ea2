// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that the files that a definition names are there, of the right kind, and may be used.
#include "launcher/definition/validate_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/definition/ignition.h"
#include "netsetup/base/cleanup.h"

/* More than any public key, certificates too. */
#define SSH_KEY_SIZE_MAX 32768

/* struct file_need - what a file must be; @block: a block device will do. */
struct file_need {
	int access;
	bool block;
	bool directory;
};

static const struct file_need need_read = { .access = R_OK };
static const struct file_need need_image = { .access = R_OK, .block = true };
static const struct file_need need_write = { .access = R_OK | W_OK, .block = true };
static const struct file_need need_directory = { .access = R_OK | X_OK, .directory = true };

static const char *kind_wrong(mode_t mode, const struct file_need *need)
{
	if (need->directory)
		return S_ISDIR(mode) ? NULL : "not a directory";
	if (S_ISREG(mode) || (need->block && S_ISBLK(mode)))
		return NULL;
	if (S_ISDIR(mode))
		return "a directory, not a file";
	return need->block ? "neither a file nor a block device" : "not a regular file";
}

/* Reports at @place; returns whether the file is as needed. */
static bool file_check(const struct walk *walk, const struct place *place, const char *path,
		       const struct file_need *need)
{
	struct stat status;
	const char *wrong;

	if (stat(path, &status) < 0) {
		report_add(walk->report, place, "cannot find '%s': %s", path, strerror(errno));
		return false;
	}
	wrong = kind_wrong(status.st_mode, need);
	if (wrong) {
		report_add(walk->report, place, "'%s' is %s", path, wrong);
		return false;
	}
	if (faccessat(AT_FDCWD, path, need->access, AT_EACCESS) < 0) {
		report_add(walk->report, place, "cannot %s '%s': %s",
			   need->access & W_OK ? "write to" : "read", path, strerror(errno));
		return false;
	}
	return true;
}

static void file_of_key(const struct walk *walk, const void *base, const char *name,
			const char *path, const struct file_need *need)
{
	const struct origin *origin = walk_origin(walk, base, name);

	if (path && origin)
		file_check(walk, &origin->value->place, path, need);
}

static bool same_file(const char *path, const char *other)
{
	struct stat a, b;

	if (stat(path, &a) < 0 || stat(other, &b) < 0)
		return false;
	if (S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode))
		return a.st_rdev == b.st_rdev;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Two disks on one file, of which one writes to it, ruin each other. */
static void check_shared(const struct walk *walk, const struct definition *definition,
			 unsigned int index)
{
	const struct disk *disk = &definition->disks[index];
	const struct origin *origin = walk_origin(walk, disk, "image");

	for (unsigned int i = 0; i < index; i++) {
		const struct disk *other = &definition->disks[i];

		if (!disk->image || !other->image ||
		    (disk->mode != DISK_DIRECT && other->mode != DISK_DIRECT) ||
		    !same_file(disk->image, other->image))
			continue;
		report_add(walk->report, &origin->value->place,
			   "the same image as that of 'disks.%u', and one of them writes to it "
			   "(mode direct)",
			   i);
		return;
	}
}

static const char *public_key_wrong(const char *text)
{
	static const char *const kinds[] = { "ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-" };

	if (strstr(text, "PRIVATE KEY-----") || !strncmp(text, "PuTTY-User-Key-File", 19))
		return "looks like a private key; use its .pub";
	for (const char *line = text; *line; line += strspn(line, "\n")) {
		bool known = line[0] == '#' || line[0] == '\n' || line[0] == '\r';

		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			known = known || !strncmp(line, kinds[i], strlen(kinds[i]));
		if (!known)
			return "is not an SSH public key";
		line += strcspn(line, "\n");
	}
	return strstr(text, "AAAA") ? NULL : "has no SSH public key in it";
}

static void ssh_key_check(const struct walk *walk, const struct place *place, const char *path)
{
	cleanup_free char *text = malloc(SSH_KEY_SIZE_MAX + 1);
	cleanup_fd int fd = -1;
	const char *wrong;
	ssize_t size;

	if (!text || !file_check(walk, place, path, &need_read))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size = fd < 0 ? -1 : read(fd, text, SSH_KEY_SIZE_MAX);
	if (size < 0) {
		report_add(walk->report, place, "cannot read '%s': %s", path, strerror(errno));
		return;
	}
	text[size] = '\0';
	wrong = size == SSH_KEY_SIZE_MAX || strlen(text) != (size_t)size
			? "is not an SSH public key"
			: public_key_wrong(text);
	if (wrong)
		report_add(walk->report, place, "'%s' %s", path, wrong);
}

static void check_ssh_keys(const struct walk *walk, const struct definition *definition)
{
	const struct origin *origin = walk_origin(walk, &definition->cloud_init, "ssh-keys");

	for (unsigned int i = 0; i < definition->cloud_init.ssh_key_count; i++)
		if (definition->cloud_init.ssh_keys[i])
			ssh_key_check(walk, &origin->value->items[i]->place,
				      definition->cloud_init.ssh_keys[i]);
}

static void check_ignition(const struct walk *walk, const struct definition *definition)
{
	const struct origin *origin = walk_origin(walk, definition, "ignition");
	const char *wrong;

	if (!definition->ignition || !origin ||
	    !file_check(walk, &origin->value->place, definition->ignition, &need_read))
		return;
	wrong = ignition_wrong(definition->ignition);
	if (wrong)
		report_add(walk->report, &origin->value->place, "'%s' %s", definition->ignition,
			   wrong);
}

/* What the user may not do there, the guest cannot. */
static void check_directory(const struct walk *walk, const struct share *share)
{
	const struct origin *origin = walk_origin(walk, share, "path");

	if (!share->path || !origin ||
	    !file_check(walk, &origin->value->place, share->path, &need_directory))
		return;
	if (!share->readonly && faccessat(AT_FDCWD, share->path, W_OK, AT_EACCESS) < 0)
		report_add(walk->report, &origin->value->place,
			   "cannot write to '%s': %s; 'readonly: true' needs no more than to read",
			   share->path, strerror(errno));
}

void validate_files(const struct walk *walk, const struct definition *definition)
{
	const void *boot = &definition->boot;

	file_of_key(walk, &definition->machine, "firmware", definition->machine.firmware.file,
		    &need_read);
	file_of_key(walk, boot, "kernel", definition->boot.kernel, &need_read);
	file_of_key(walk, boot, "initrd", definition->boot.initrd, &need_read);
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		const struct disk *disk = &definition->disks[i];

		file_of_key(walk, disk, "image", disk->image,
			    disk->mode == DISK_DIRECT ? &need_write : &need_image);
		check_shared(walk, definition, i);
	}
	file_of_key(walk, &definition->cloud_init, "user-data", definition->cloud_init.user_data,
		    &need_read);
	check_ssh_keys(walk, definition);
	check_ignition(walk, definition);
	for (unsigned int i = 0; i < definition->credential_count; i++)
		file_of_key(walk, &definition->credentials[i], "file",
			    definition->credentials[i].file, &need_read);
	for (unsigned int i = 0; i < definition->share_count; i++)
		check_directory(walk, &definition->shares[i]);
}

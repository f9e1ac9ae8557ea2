// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the files that a definition names: existence, kind, permissions, images.
#include "launcher/definition/validate_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/definition/ignition.h"
#include "launcher/formats/image.h"
#include "launcher/yaml/cloud_config.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

/* Larger than any public key or certificate. */
#define SSH_KEY_SIZE_MAX 32768

/**
 * struct file_need - needed access(2) mode and kind.
 * @max: limit of the size in bytes, 0 for none.
 * @block: true if a block device may be used.
 */
struct file_need {
	int access;
	size_t max;
	bool block;
	bool directory;
};

static const struct file_need need_read = { .access = R_OK };
static const struct file_need need_user_data = { .access = R_OK, .max = USER_DATA_SIZE_MAX };
static const struct file_need need_credential = { .access = R_OK, .max = CREDENTIAL_SIZE_MAX };
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

/* Returns true if the file is as needed, else adds an error at @location. */
static bool file_check(const struct loader *loader, const struct location *location,
		       const char *path, const struct file_need *need)
{
	struct stat status;
	const char *wrong;

	if (stat(path, &status) < 0) {
		diagnostics_add(loader->diagnostics, location, "cannot find '%s': %s", path,
				strerror(errno));
		return false;
	}
	wrong = kind_wrong(status.st_mode, need);
	if (wrong) {
		diagnostics_add(loader->diagnostics, location, "'%s' is %s", path, wrong);
		return false;
	}
	if (faccessat(AT_FDCWD, path, need->access, AT_EACCESS) < 0) {
		diagnostics_add(loader->diagnostics, location, "cannot %s '%s': %s",
				need->access & W_OK ? "write to" : "read", path, strerror(errno));
		return false;
	}
	if (need->max && (size_t)status.st_size > need->max) {
		diagnostics_add(loader->diagnostics, location, "'%s' has more than %zu bytes", path,
				need->max);
		return false;
	}
	return true;
}

/* Returns true if the key names a file that is as needed. */
static bool file_of_key(const struct loader *loader, const void *base, const char *name,
			const char *path, const struct file_need *need)
{
	const struct origin *origin = schema_origin(loader, base, name);

	return path && origin && file_check(loader, &origin->value->location, path, need);
}

/* Adds an error at @location; each line of its remedy follows the message. */
static void add_error(const struct loader *loader, const struct location *location,
		      struct error *err)
{
	cleanup_free char *text = NULL;
	char *line, *rest = err->remedy;

	text = strdup(err->message);
	while (text && (line = strsep(&rest, "\n"))) {
		cleanup_free char *before = text;

		text = *line ? text_format("%s; %s", before, line) : take_ptr(&before);
	}
	diagnostics_add(loader->diagnostics, location, "%s", text ? text : err->message);
}

static void check_image(const struct loader *loader, const struct disk *disk)
{
	const struct origin *origin = schema_origin(loader, disk, "image");
	const bool direct = disk->mode == DISK_DIRECT;
	struct error err = { 0 };
	struct image image;

	if (disk->image && origin &&
	    file_check(loader, &origin->value->location, disk->image,
		       direct ? &need_write : &need_image) &&
	    image_inspect(disk->image, disk->format, direct, &image, &err) < 0)
		add_error(loader, &origin->value->location, &err);
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

/* Two disks must not use one file if one of them writes to it: the guest would destroy its data. */
static void check_shared(const struct loader *loader, const struct definition *definition,
			 unsigned int index)
{
	const struct disk *disk = &definition->disks[index];
	const struct origin *origin = schema_origin(loader, disk, "image");

	for (unsigned int i = 0; i < index; i++) {
		const struct disk *other = &definition->disks[i];

		if (!disk->image || !other->image ||
		    (disk->mode != DISK_DIRECT && other->mode != DISK_DIRECT) ||
		    !same_file(disk->image, other->image))
			continue;
		diagnostics_add(
			loader->diagnostics, &origin->value->location,
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

static void ssh_key_check(const struct loader *loader, const struct location *location,
			  const char *path)
{
	cleanup_free char *text = malloc(SSH_KEY_SIZE_MAX + 1);
	cleanup_fd int fd = -1;
	const char *wrong;
	ssize_t size;

	if (!text || !file_check(loader, location, path, &need_read))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size = fd < 0 ? -1 : read(fd, text, SSH_KEY_SIZE_MAX);
	if (size < 0) {
		diagnostics_add(loader->diagnostics, location, "cannot read '%s': %s", path,
				strerror(errno));
		return;
	}
	text[size] = '\0';
	wrong = size == SSH_KEY_SIZE_MAX || strlen(text) != (size_t)size
			? "is not an SSH public key"
			: public_key_wrong(text);
	if (wrong)
		diagnostics_add(loader->diagnostics, location, "'%s' %s", path, wrong);
}

static void check_ssh_keys(const struct loader *loader, const struct definition *definition)
{
	const struct origin *origin = schema_origin(loader, &definition->cloud_init, "ssh-keys");

	for (unsigned int i = 0; i < definition->cloud_init.ssh_key_count; i++)
		if (definition->cloud_init.ssh_keys[i])
			ssh_key_check(loader, &origin->value->items[i]->location,
				      definition->cloud_init.ssh_keys[i]);
}

static bool has_mount(const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->share_count; i++)
		if (definition->shares[i].mount)
			return true;
	return false;
}

/* Warns about what cloud-init does not do with the user-data; the file is passed on unchanged. */
static void check_user_data(const struct loader *loader, const struct definition *definition)
{
	const struct cloud_init *cloud_init = &definition->cloud_init;
	const bool image_user = cloud_init->user &&
				!strcmp(cloud_init->user, CLOUD_INIT_USER_DEFAULT);
	const bool keys = cloud_init->ssh_keys_auto || cloud_init->ssh_key_count;
	const struct cloud_merge_list lists[] = {
		{ "users", "user", !image_user },
		{ "ssh_authorized_keys", "ssh-keys", image_user && keys },
		{ "packages", "packages", cloud_init->package_count },
		{ "runcmd", "run", cloud_init->run_count },
		{ "bootcmd", "mount", has_mount(definition) },
	};
	const struct cloud_merge merge = {
		.lists = lists,
		.list_count = ARRAY_SIZE(lists),
		.image_user = image_user && (keys || cloud_init->password),
	};
	struct source *source = loader->user_data;
	struct error ignored;

	if (!file_of_key(loader, cloud_init, "user-data", cloud_init->user_data, &need_user_data) ||
	    file_read(cloud_init->user_data, SOURCE_SIZE_MAX, &source->text, &source->size,
		      &ignored))
		return;
	source->name = strdup(cloud_init->user_data);
	source->rank = UINT_MAX;
	if (source->name)
		cloud_config_check(source, &merge, loader->diagnostics);
	else
		loader->diagnostics->failed = true;
}

static bool file_ends_in_line(const char *path)
{
	cleanup_free char *data = NULL;
	struct error ignored;
	size_t size;

	return !file_read(path, SOURCE_SIZE_MAX, &data, &size, &ignored) && size &&
	       data[size - 1] == '\n';
}

/* systemd-sysusers(8) writes these values to passwd(5) and shadow(5) with all their characters. */
static void check_credential(const struct loader *loader, const struct credential *credential)
{
	static const char prefix[] = "passwd.";
	const char *value = credential->value;
	const struct origin *origin = schema_origin(loader, credential, value ? "value" : "file");
	bool line = value && value[0] && value[strlen(value) - 1] == '\n';

	if (file_of_key(loader, credential, "file", credential->file, &need_credential))
		line = line || file_ends_in_line(credential->file);
	if (!line || !credential->name || strncmp(credential->name, prefix, strlen(prefix)) != 0)
		return;
	diagnostics_warn(loader->diagnostics, &origin->value->location,
			 "'%s' ends in a line end, which breaks the guest's password files",
			 credential->name);
}

/* Returns the size of a credential as an SMBIOS string, see credential_open(). */
static size_t credential_size(const struct credential *credential)
{
	size_t size = credential->value ? strlen(credential->value) : 0;
	struct stat status;

	if (credential->file && !stat(credential->file, &status))
		size = (size_t)status.st_size;
	return strlen("io.systemd.credential.binary:=") +
	       (credential->name ? strlen(credential->name) : 0) + (size + 2) / 3 * 4;
}

static void check_credentials(const struct loader *loader, const struct definition *definition)
{
	const struct origin *origin = schema_origin(loader, definition, "credentials");
	size_t total = 0;

	for (unsigned int i = 0; i < definition->credential_count; i++) {
		const struct credential *credential = &definition->credentials[i];

		check_credential(loader, credential);
		total += credential_size(credential);
	}
	if (total > CREDENTIALS_SIZE_MAX)
		diagnostics_add(loader->diagnostics, &origin->key->location,
				"cannot pass the credentials: they are more than %u KiB",
				CREDENTIALS_SIZE_MAX / 1024);
}

static void check_ignition(const struct loader *loader, const struct definition *definition)
{
	const struct origin *origin = schema_origin(loader, definition, "ignition");
	const char *wrong;

	if (!definition->ignition || !origin ||
	    !file_check(loader, &origin->value->location, definition->ignition, &need_read))
		return;
	wrong = ignition_wrong(definition->ignition);
	if (wrong)
		diagnostics_add(loader->diagnostics, &origin->value->location, "'%s' %s",
				definition->ignition, wrong);
}

/* The guest's access to a share is that of the user who runs vmrun. */
static void check_directory(const struct loader *loader, const struct share *share)
{
	const struct origin *origin = schema_origin(loader, share, "path");

	if (!share->path || !origin ||
	    !file_check(loader, &origin->value->location, share->path, &need_directory))
		return;
	if (!share->readonly && faccessat(AT_FDCWD, share->path, W_OK, AT_EACCESS) < 0)
		diagnostics_add(
			loader->diagnostics, &origin->value->location,
			"cannot write to '%s': %s; use 'readonly: true' to only read from it",
			share->path, strerror(errno));
}

void validate_files(const struct loader *loader, const struct definition *definition)
{
	const void *boot = &definition->boot;

	file_of_key(loader, &definition->machine, "firmware", definition->machine.firmware.file,
		    &need_read);
	file_of_key(loader, boot, "kernel", definition->boot.kernel, &need_read);
	file_of_key(loader, boot, "initrd", definition->boot.initrd, &need_read);
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		check_image(loader, &definition->disks[i]);
		check_shared(loader, definition, i);
	}
	check_user_data(loader, definition);
	file_of_key(loader, &definition->cloud_init, "network-config",
		    definition->cloud_init.network_config, &need_read);
	file_of_key(loader, &definition->cloud_init, "vendor-data",
		    definition->cloud_init.vendor_data, &need_read);
	check_ssh_keys(loader, definition);
	check_ignition(loader, definition);
	check_credentials(loader, definition);
	for (unsigned int i = 0; i < definition->share_count; i++)
		check_directory(loader, &definition->shares[i]);
}

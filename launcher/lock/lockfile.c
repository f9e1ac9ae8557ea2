// SPDX-License-Identifier: GPL-2.0-or-later
// The lock file of a definition: what its words stood for, as a file beside it.
#include "launcher/lock/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/definition/type_number.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/emit.h"
#include "launcher/yaml/scalar.h"
#include "launcher/yaml/source.h"
#include "netsetup/base/cleanup.h"

#define ENDING ".lock.yaml"

static bool digest_valid(const char *text)
{
	const size_t digits = !strncmp(text, "sha256-", 7)   ? 64
			      : !strncmp(text, "sha512-", 7) ? 128
							     : 0;

	return digits && strlen(text) == 7 + digits &&
	       strspn(text + 7, "0123456789abcdef") == digits;
}

static bool image_valid(const char *text)
{
	return !strcmp(text, LOCK_DIRECT) || !strcmp(text, LOCK_EMPTY) || digest_valid(text);
}

static bool credential_valid(const char *text)
{
	return !strcmp(text, LOCK_VALUE) || digest_valid(text);
}

static bool version_valid(const char *text)
{
	return text[0] && strlen(text) < 32 && strspn(text, "0123456789.") == strlen(text);
}

static bool uuid_valid(const char *text)
{
	uuid_t uuid;

	return uuid_parse(text, uuid) == 0 && !uuid_is_null(uuid);
}

static bool mac_valid(const char *text)
{
	struct ether_addr mac;

	return scalar_mac(text, &mac) && !(mac.ether_addr_octet[0] & 1);
}

/* The detail of each key is the check of its text. */
struct check {
	bool (*valid)(const char *text);
	const char *expected;
};

static void expect_checked(const struct key *key, char text[EXPECTED_SIZE])
{
	const struct check *check = key->detail;

	snprintf(text, EXPECTED_SIZE, "%s", check->expected);
}

static void read_checked(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	const struct check *check = key->detail;

	if (check->valid(node->text))
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

static struct json_object *write_checked(const struct key *key, const void *target)
{
	const char *text = *(char *const *)target;

	return text ? json_object_new_string(text) : WRITE_NOTHING;
}

static const struct type type_checked = { NODE_SCALAR, NULL, expect_checked, read_checked,
					  write_checked };

static const struct check digest = { digest_valid, "'sha256-' or 'sha512-' and its digits" };
static const struct check image = { image_valid,
				    "'direct', 'empty', or 'sha256-' or 'sha512-' and its digits" };
static const struct check credential_file = { credential_valid,
					      "'value', or 'sha256-' or 'sha512-' and its digits" };
static const struct check version = { version_valid, "a version of QEMU such as 7.2.0" };
static const struct check machine = { scalar_model, "a machine type of QEMU's" };
static const struct check uuid = { uuid_valid, "a UUID" };
static const struct check mac = { mac_valid, "a MAC address" };

static const struct bounds formats = { LOCK_VERSION, LOCK_VERSION, 0 };

#define LOCK(field) offsetof(struct lock, field)

static const struct key disk_keys[] = {
	{ "image", &type_checked, offsetof(struct lock_disk, image), &image, key_required },
};

static const struct key credential_keys[] = {
	{ "file", &type_checked, offsetof(struct lock_credential, file), &credential_file,
	  key_required },
};

static const struct key network_keys[] = {
	{ "mac", &type_checked, offsetof(struct lock_network, mac), &mac, key_required },
};

static const struct keys network_table = { "networks", network_keys, ARRAY_SIZE(network_keys) };

static const struct list network_list = {
	.item = &type_mapping,
	.detail = &network_table,
	.size = sizeof(struct lock_network),
	.max = NETWORKS_MAX,
	.count = LOCK(network_count) - LOCK(networks),
};

static const struct keys disk_table = { "disks", disk_keys, ARRAY_SIZE(disk_keys) };

static const struct list disk_list = {
	.item = &type_mapping,
	.detail = &disk_table,
	.size = sizeof(struct lock_disk),
	.max = DISKS_MAX,
	.count = LOCK(disk_count) - LOCK(disks),
};

static const struct keys credential_table = { "credentials", credential_keys,
					      ARRAY_SIZE(credential_keys) };

static const struct list credential_list = {
	.item = &type_mapping,
	.detail = &credential_table,
	.size = sizeof(struct lock_credential),
	.max = CREDENTIALS_MAX,
	.count = LOCK(credential_count) - LOCK(credentials),
};

/* clang-format off */
static const struct key keys[] = {
	{ "version",    &type_count,   LOCK(version),    &formats,   key_required },
	{ "definition", &type_checked, LOCK(definition), &digest,    key_required },
	{ "qemu",       &type_checked, LOCK(qemu),       &version,   key_required },
	{ "machine",    &type_checked, LOCK(machine),    &machine,   key_required },
	{ "uuid",       &type_checked, LOCK(uuid),       &uuid,      key_required },
	{ "firmware",   &type_checked, LOCK(firmware),   &digest,    NULL },
	{ "variables",  &type_checked, LOCK(variables),  &digest,    NULL },
	{ "kernel",     &type_checked, LOCK(kernel),     &digest,    NULL },
	{ "initrd",     &type_checked, LOCK(initrd),     &digest,    NULL },
	{ "user-data",  &type_checked, LOCK(user_data),  &digest,    NULL },
	{ "ignition",   &type_checked, LOCK(ignition),   &digest,    NULL },
	{ "networks",   &type_list,    LOCK(networks),   &network_list, NULL },
	{ "disks",      &type_list,    LOCK(disks),      &disk_list, NULL },
	{ "credentials", &type_list,   LOCK(credentials), &credential_list, NULL },
};
/* clang-format on */

static const struct keys lock_keys = { NULL, keys, ARRAY_SIZE(keys) };

/* The rows of keys that are texts of their own: all but the first and the last three. */
#define TEXTS (ARRAY_SIZE(keys) - 4)

char *lockfile_path(const char *definition)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	size_t length = strlen(definition);
	char *path;

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		const size_t ending = strlen(endings[i]);

		if (length > ending && !strcmp(definition + length - ending, endings[i])) {
			length -= ending;
			break;
		}
	}
	return asprintf(&path, "%.*s" ENDING, (int)length, definition) < 0 ? NULL : path;
}

int lockfile_read(const char *path, struct lockfile *file)
{
	const struct node *root;
	int result;

	file->walk.report = &file->report;
	result = source_open(path, &file->source, &file->report);
	if (result == 0)
		result = document_parse(&file->source, &file->document, &file->report);
	if (result < 0)
		return result;
	root = file->document.root;
	if (root->kind != NODE_MAPPING)
		report_add(&file->report, &root->place,
			   "a lock file must be a mapping of keys, not %s", node_kind_text(root));
	else
		walk_mapping(&file->walk, root, &lock_keys, &file->lock);
	if (file->walk.failed || file->report.failed)
		return -ENOMEM;
	return file->report.count ? -EINVAL : 0;
}

void lockfile_done(struct lockfile *file)
{
	lock_done(&file->lock);
	walk_done(&file->walk);
	report_done(&file->report);
	document_done(&file->document);
	source_done(&file->source);
}

static char *lock_text(const struct lock *lock, const char *definition)
{
	const char *slash = strrchr(definition, '/');
	const char *name = slash ? slash + 1 : definition;
	cleanup_free char *yaml = NULL;
	char *text;

	/* A line end would end the comment. */
	if (!text_clean(name, ""))
		name = "FILE";
	if (emit_yaml(&lock_keys, lock, &yaml) < 0 ||
	    asprintf(&text,
		     "# What '%s' stood for when 'vmrun lock %s' was run; 'vmrun run --locked %s'\n"
		     "# insists on it. Not to be edited: run 'vmrun lock' again. See vmrun(1).\n%s",
		     name, name, name, yaml) < 0)
		return NULL;
	return text;
}

static bool same_text(const char *path, const char *text)
{
	cleanup_free char *there = NULL;
	struct error ignored;
	size_t size;

	return file_read(path, SOURCE_SIZE_MAX, &there, &size, &ignored) == 0 &&
	       size == strlen(text) && !memcmp(there, text, size);
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		const ssize_t put = write(fd, text, left);

		if (put < 0 && errno != EINTR)
			return -errno;
		text += put > 0 ? put : 0;
		left -= put > 0 ? (size_t)put : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/*
 * What a run that died has left is in nobody's way. Not by mkostemp(), whose file would be 0600: a
 * lock file is the user's as the definition is, by the umask.
 */
static char *fresh_name(const char *path)
{
	uint64_t random;
	char *name;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
	    asprintf(&name, "%s.tmp-%016" PRIx64, path, random) < 0)
		return NULL;
	return name;
}

int lockfile_write(const char *path, const struct lock *lock, const char *definition, bool *changed,
		   struct error *err)
{
	cleanup_free char *text = lock_text(lock, definition);
	cleanup_free char *fresh = NULL;
	cleanup_fd int fd = -1;
	struct stat st;
	int ret;

	if (!text || !(fresh = fresh_name(path)))
		return error_set(err, ENOMEM, "cannot write '%s'", path);
	*changed = !same_text(path, text);
	if (!*changed)
		return 0;
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return error_set(err, errno, "cannot create '%s'", fresh);
	ret = write_all(fd, text);
	if (!ret && stat(path, &st) == 0 && fchmod(fd, st.st_mode & 0777) < 0)
		ret = -errno;
	if (!ret && rename(fresh, path) < 0)
		ret = -errno;
	if (!ret)
		return 0;
	unlink(fresh);
	return error_set(err, -ret, "cannot write '%s'", path);
}

bool lock_item(const struct lock *lock, unsigned int index, struct lock_item *item)
{
	if (index < TEXTS) {
		const struct key *key = &keys[1 + index];

		*item = (struct lock_item){
			lock, key->name,
			*(char *const *)(const void *)((const char *)lock + key->offset), NULL, 0
		};
		return true;
	}
	index -= TEXTS;
	if (index < lock->network_count) {
		const struct lock_network *network = &lock->networks[index];

		*item = (struct lock_item){ network, "mac", network->mac, "networks", index };
		return true;
	}
	index -= lock->network_count;
	if (index < lock->disk_count) {
		const struct lock_disk *disk = &lock->disks[index];

		*item = (struct lock_item){ disk, "image", disk->image, "disks", index };
		return true;
	}
	index -= lock->disk_count;
	if (index < lock->credential_count) {
		const struct lock_credential *credential = &lock->credentials[index];

		*item = (struct lock_item){ credential, "file", credential->file, "credentials",
					    index };
		return true;
	}
	return false;
}

void lock_done(struct lock *lock)
{
	for (unsigned int i = 0; i < TEXTS; i++)
		free(*(char **)(void *)((char *)lock + keys[1 + i].offset));
	for (unsigned int i = 0; i < lock->network_count; i++)
		free(lock->networks[i].mac);
	for (unsigned int i = 0; i < lock->disk_count; i++)
		free(lock->disks[i].image);
	for (unsigned int i = 0; i < lock->credential_count; i++)
		free(lock->credentials[i].file);
	memset(lock, 0, sizeof(*lock));
}

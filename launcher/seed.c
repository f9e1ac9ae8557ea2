// SPDX-License-Identifier: GPL-2.0-or-later
// The NoCloud seed: a small ISO 9660 image with what cloud-init is to know, in memory.
#include "launcher/seed.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/file.h"
#include "launcher/iso_date.h"
#include "launcher/seed_text.h"
#include "netsetup/cleanup.h"

/* What cloud-init takes for a user-data without wishes. */
#define USER_DATA_NONE "#cloud-config\n{}\n"

static int fail(struct archive *archive, struct error *err)
{
	int code = archive_errno(archive);

	/* libarchive has codes of its own below 0 for its misuse, and sometimes none. */
	if (code <= 0)
		code = EIO;
	return error_set(err, code, "cannot make the cloud-init seed");
}

static int add_file(struct archive *archive, const char *name, const char *data, size_t size,
		    struct error *err)
{
	struct archive_entry *entry = archive_entry_new();
	int ret = 0;

	if (!entry)
		return error_set(err, ENOMEM, "cannot make the cloud-init seed");
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_atime(entry, 0, 0);
	archive_entry_set_ctime(entry, 0, 0);
	if (archive_write_header(archive, entry) != ARCHIVE_OK ||
	    archive_write_data(archive, data, size) != (la_ssize_t)size)
		ret = fail(archive, err);
	archive_entry_free(entry);
	return ret;
}

static int add_user_data(struct archive *archive, const struct definition *definition,
			 struct error *err)
{
	cleanup_free char *data = NULL;
	size_t size;
	int ret;

	if (!definition->cloud_init.user_data)
		return add_file(archive, "user-data", USER_DATA_NONE, strlen(USER_DATA_NONE), err);
	ret = file_read(definition->cloud_init.user_data, SEED_USER_DATA_MAX, &data, &size, err);
	if (!ret)
		ret = add_file(archive, "user-data", data, size, err);
	return ret;
}

static bool configures_network(const struct qemu_config *config)
{
	return config->lan && config->definition->network.type == NETWORK_LAN &&
	       (config->definition->network.configure & CONFIGURE_CLOUD_INIT);
}

static int add_text(struct archive *archive, const char *name, const char *text, struct error *err)
{
	return add_file(archive, name, text, strlen(text), err);
}

/* Makes all texts before the first is written. */
static int add_files(struct archive *archive, const struct qemu_config *config, struct error *err)
{
	cleanup_free char *meta_data = NULL;
	cleanup_free char *vendor_data = NULL;
	cleanup_free char *network_config = NULL;
	int ret;

	ret = seed_meta_data(config->definition, &meta_data, err);
	if (!ret)
		ret = seed_vendor_data(config->definition, &vendor_data, err);
	if (!ret && configures_network(config))
		ret = seed_network_config(config, &network_config, err);

	if (!ret)
		ret = add_text(archive, "meta-data", meta_data, err);
	if (!ret)
		ret = add_user_data(archive, config->definition, err);
	if (!ret)
		ret = add_text(archive, "vendor-data", vendor_data, err);
	if (!ret && network_config)
		ret = add_text(archive, "network-config", network_config, err);
	return ret;
}

/*
 * Rock Ridge and Joliet carry the names as they are; plain ISO 9660 has no '-' and upper case only.
 * Without the padding, which only a CD's reader needs, the image is 300 KiB smaller.
 */
static int write_image(int fd, const struct qemu_config *config, struct error *err)
{
	struct archive *archive = archive_write_new();
	int ret = 0;

	if (!archive)
		return error_set(err, ENOMEM, "cannot make the cloud-init seed");
	if (archive_write_set_format_iso9660(archive) != ARCHIVE_OK ||
	    archive_write_set_options(archive, "volume-id=cidata,rockridge=useful,joliet,!pad") !=
		    ARCHIVE_OK ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		ret = fail(archive, err);
	if (!ret)
		ret = add_files(archive, config, err);
	if (!ret && archive_write_close(archive) != ARCHIVE_OK)
		ret = fail(archive, err);
	archive_write_free(archive);
	return ret;
}

static int reset_dates(int fd, struct error *err)
{
	struct stat st;
	void *image;
	int ret;

	if (fstat(fd, &st))
		return error_set(err, errno, "cannot make the cloud-init seed");
	image = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		return error_set(err, errno, "cannot make the cloud-init seed");
	ret = iso_date_reset(image, st.st_size);
	munmap(image, st.st_size);
	return ret ? error_set(err, -ret, "cannot make the cloud-init seed") : 0;
}

/*
 * From here on nobody can change the bytes, not even through /proc. QEMU wants a descriptor that
 * was opened for reading only, and a memfd never is, so it is opened once more.
 */
static int seal(int fd, struct error *err)
{
	char path[32];
	int opened;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return error_set(err, errno, "cannot seal the cloud-init seed");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opened = open(path, O_RDONLY | O_CLOEXEC);
	if (opened < 0)
		return error_set(err, errno, "cannot open the cloud-init seed by '%s'", path);
	return opened;
}

bool seed_wanted(const struct definition *definition)
{
	return definition->cloud_init.present ||
	       (definition->network.type == NETWORK_LAN &&
		(definition->network.configure & CONFIGURE_CLOUD_INIT));
}

int seed_make(const struct qemu_config *config, struct error *err)
{
	cleanup_fd int image = memfd_create("vmrun-seed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (image < 0)
		return error_set(err, errno, "cannot make the cloud-init seed");
	ret = write_image(image, config, err);
	if (!ret)
		ret = reset_dates(image, err);
	if (!ret)
		ret = seal(image, err);
	return ret;
}

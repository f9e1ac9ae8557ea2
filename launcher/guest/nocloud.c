// SPDX-License-Identifier: GPL-2.0-or-later
// The NoCloud seed: a small ISO 9660 image with what cloud-init is to know, in memory.
#include "launcher/guest/nocloud.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/guest/nocloud_files.h"
#include "launcher/image/client.h"
#include "netsetup/base/cleanup.h"

/* What cloud-init takes for a user-data without wishes. */
#define USER_DATA_NONE "#cloud-config\n{}\n"

static int cannot(int code, struct error *err)
{
	return error_set(err, code, "cannot make the cloud-init seed");
}

static int add_file(int files, const char *name, const char *data, size_t size, struct error *err)
{
	struct image_file file = { .size = size };
	int ret;

	snprintf(file.name, sizeof(file.name), "%s", name);
	ret = file_write(files, &file, sizeof(file));
	if (!ret)
		ret = file_write(files, data, size);
	return ret ? cannot(-ret, err) : 0;
}

static int add_user_data(int files, const struct definition *definition, struct error *err)
{
	cleanup_free char *data = NULL;
	size_t size;
	int ret;

	if (!definition->cloud_init.user_data)
		return add_file(files, "user-data", USER_DATA_NONE, strlen(USER_DATA_NONE), err);
	ret = file_read(definition->cloud_init.user_data, SEED_USER_DATA_MAX, &data, &size, err);
	if (!ret)
		ret = add_file(files, "user-data", data, size, err);
	return ret;
}

/* Without a configuration cloud-init asks by DHCP on the first card, and leaves others alone. */
static bool configures_network(const struct machine_plan *plan)
{
	const struct definition *definition = plan->definition;

	if (definition->network.type != NETWORK_LAN)
		return definition->other_count > 0;
	return plan->lan && (definition->network.configure & CONFIGURE_CLOUD_INIT);
}

static int add_text(int files, const char *name, const char *text, struct error *err)
{
	return add_file(files, name, text, strlen(text), err);
}

/* Makes all texts before the first is written. */
static int add_files(int files, const struct machine_plan *plan, struct error *err)
{
	cleanup_free char *meta_data = NULL;
	cleanup_free char *vendor_data = NULL;
	cleanup_free char *network_config = NULL;
	int ret;

	ret = seed_meta_data(plan->definition, &meta_data, err);
	if (!ret)
		ret = seed_vendor_data(plan, &vendor_data, err);
	if (!ret && configures_network(plan))
		ret = seed_network_config(plan, &network_config, err);

	if (!ret)
		ret = add_text(files, "meta-data", meta_data, err);
	if (!ret)
		ret = add_user_data(files, plan->definition, err);
	if (!ret)
		ret = add_text(files, "vendor-data", vendor_data, err);
	if (!ret && network_config)
		ret = add_text(files, "network-config", network_config, err);
	return ret;
}

/* vmrun-image puts them into a file system: its library is larger than all of vmrun. */
static int make_image(int files, int image, struct error *err)
{
	static const char *const arguments[] = { "seed", NULL };
	const struct imager_job job = { .arguments = arguments, .input = files, .work = image };
	struct image_result result;

	if (lseek(files, 0, SEEK_SET) < 0)
		return cannot(errno, err);
	return imager_run(&job, &result, err);
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

int seed_make(const struct machine_plan *plan, struct error *err)
{
	cleanup_fd int files = memfd_create("vmrun-seed-files", MFD_CLOEXEC);
	cleanup_fd int image = memfd_create("vmrun-seed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (files < 0 || image < 0)
		return cannot(errno, err);
	ret = add_files(files, plan, err);
	if (!ret)
		ret = make_image(files, image, err);
	if (!ret)
		ret = seal(image, err);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the NoCloud seed: a small ISO 9660 image for cloud-init, in memory.
#include "launcher/guest/nocloud.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/guest/nocloud_files.h"
#include "launcher/image/image_client.h"
#include "netsetup/base/cleanup.h"

/* A user-data that changes nothing. */
#define USER_DATA_NONE "#cloud-config\n{}\n"

static int seed_error(int code, struct error *err)
{
	return error_set_errno(err, code, "cannot make the cloud-init seed");
}

static int add_file(int files, const char *name, const char *data, size_t size, struct error *err)
{
	struct image_file file = { .size = size };
	int ret;

	snprintf(file.name, sizeof(file.name), "%s", name);
	ret = file_write(files, &file, sizeof(file));
	if (!ret)
		ret = file_write(files, data, size);
	return ret ? seed_error(-ret, err) : 0;
}

/* Reads a file of the user's. @data: NULL if @path is. */
static int read_user_file(const char *path, char **data, size_t *size, struct error *err)
{
	return path ? file_read(path, USER_DATA_SIZE_MAX, data, size, err) : 0;
}

/* True if a card on the LAN gets its address by cloud-init. */
static bool lan_configured(const struct definition *definition)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_lan(definition, i, NULL)); i++)
		if (network->configure & CONFIGURE_CLOUD_INIT)
			return true;
	return false;
}

/* Without network-config cloud-init uses DHCP on the first card and does not configure others. */
static bool configures_network(const struct machine_plan *plan)
{
	const struct definition *definition = plan->definition;

	if (definition->network.type != NETWORK_LAN)
		return definition->network.type == NETWORK_PRIVATE || definition->other_count > 0;
	return plan->cards[0].lan && lan_configured(definition);
}

static int add_text(int files, const char *name, const char *text, struct error *err)
{
	return add_file(files, name, text, strlen(text), err);
}

/* Makes all texts before it writes the first. */
static int add_files(int files, const struct machine_plan *plan, struct error *err)
{
	const struct cloud_init *cloud_init = &plan->definition->cloud_init;
	cleanup_free char *user_data = NULL;
	cleanup_free char *meta_data = NULL;
	cleanup_free char *vendor_data = NULL;
	cleanup_free char *network_config = NULL;
	size_t size = strlen(USER_DATA_NONE), network_size = 0;
	int ret;

	ret = read_user_file(cloud_init->user_data, &user_data, &size, err);
	if (!ret)
		ret = nocloud_files_meta_data(plan->definition, &meta_data, err);
	if (!ret)
		ret = nocloud_files_vendor_data(plan, user_data, size, &vendor_data, err);
	if (!ret)
		ret = read_user_file(cloud_init->network_config, &network_config, &network_size,
				     err);
	if (!ret && !network_config && configures_network(plan)) {
		ret = nocloud_files_network_config(plan, &network_config, err);
		network_size = ret ? 0 : strlen(network_config);
	}

	if (!ret)
		ret = add_text(files, "meta-data", meta_data, err);
	if (!ret)
		ret = add_file(files, "user-data", user_data ? user_data : USER_DATA_NONE, size,
			       err);
	if (!ret)
		ret = add_text(files, "vendor-data", vendor_data, err);
	if (!ret && network_config)
		ret = add_file(files, "network-config", network_config, network_size, err);
	return ret;
}

/* vmrun-image makes the file system, since its library is larger than all of vmrun. */
static int make_image(int files, int image, struct error *err)
{
	static const char *const arguments[] = { "seed", NULL };
	const struct image_client_job job = { .arguments = arguments,
					      .input = files,
					      .work = image };
	struct image_result result;

	if (lseek(files, 0, SEEK_SET) < 0)
		return seed_error(errno, err);
	return image_client_run(&job, &result, err);
}

/*
 * Seals the image, so that no process can change it, not even through /proc. QEMU requires a
 * descriptor opened for reading only, so this function opens the memfd a second time.
 */
static int seal(int fd, struct error *err)
{
	char path[32];
	int opened;

	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return error_set_errno(err, errno, "cannot seal the cloud-init seed");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	opened = open(path, O_RDONLY | O_CLOEXEC);
	if (opened < 0)
		return error_set_errno(err, errno, "cannot open the cloud-init seed by '%s'", path);
	return opened;
}

bool nocloud_wanted(const struct definition *definition)
{
	return definition->cloud_init.present || lan_configured(definition);
}

int nocloud_make(const struct machine_plan *plan, struct error *err)
{
	cleanup_fd int files = memfd_create("vmrun-seed-files", MFD_CLOEXEC);
	cleanup_fd int image = memfd_create("vmrun-seed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (files < 0 || image < 0)
		return seed_error(errno, err);
	ret = add_files(files, plan, err);
	if (!ret)
		ret = make_image(files, image, err);
	if (!ret)
		ret = seal(image, err);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches the images of definitions into the cache.
#include "launcher/commands/command_fetch.h"

#include <errno.h>
#include <string.h>

#include "launcher/common/log.h"
#include "launcher/common/options.h"
#include "launcher/common/text.h"
#include "launcher/definition/definition.h"
#include "launcher/disks/image_cache.h"
#include "launcher/lock/locked_load.h"
#include "netsetup/base/cleanup.h"

/* Fetches an image without a digest and prints the line to add to the definition. */
static int get_digest(struct machine_plan *plan, unsigned int index, bool quiet, struct error *err)
{
	const struct disk *disk = &plan->definition->disks[index];
	cleanup_free char *line = NULL;
	char name[IMAGE_NAME_SIZE];
	int ret = image_cache_learn(disk, quiet, name, err);

	if (ret < 0)
		return ret;
	if (strncmp(name, "sha256-", 7) != 0 || strlen(name + 7) != SHA256_TEXT_SIZE - 1)
		return error_setf(err, STATUS_FAILURE, EPROTO, "the image came without a digest");
	ret = image_cache_locate_learned(plan, index, name, err);
	if (ret < 0)
		return ret;
	line = text_format("sha256: %s  # %s", name + 7, disk->urls[0]);
	if (!line)
		return error_set_errno(err, ENOMEM, "cannot print a digest");
	log_output(line);
	return 0;
}

static int fetch(struct machine_plan *plan, const struct options *options, struct error *err)
{
	const struct definition *definition = plan->definition;
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && ret == 0; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->url_count && !disk->sha256[0] && !disk->sha512[0])
			ret = get_digest(plan, i, options->quiet, err);
	}
	if (ret == 0)
		ret = image_cache_locate(plan, NULL, err);
	if (ret == 0)
		ret = image_cache_fetch(plan, options->quiet, err);
	return ret;
}

static void print_images(const struct machine_plan *plan, const char *path)
{
	const struct definition *definition = plan->definition;
	unsigned int count = 0;

	for (unsigned int i = 0; i < definition->disk_count; i++) {
		if (!definition->disks[i].url_count)
			continue;
		log_notice("%s: %s", path, plan->images[i]);
		count++;
	}
	if (count == 0)
		log_notice("%s: no image has a URL", path);
}

int command_fetch(const struct options *options, struct launch *launch, struct error *err)
{
	int status = STATUS_OK;

	for (unsigned int i = 0; i < options->file_count; i++) {
		struct definition definition;
		struct machine_plan plan;
		struct error file_error = { 0 };
		int ret;

		ret = locked_load(options, options->files[i], &definition, &file_error);
		if (ret == 0) {
			machine_plan_init(&plan, &definition);
			ret = fetch(&plan, options, &file_error);
			if (ret == 0)
				print_images(&plan, options->files[i]);
			machine_plan_done(&plan);
			definition_done(&definition);
		}
		if (ret == 0)
			continue;
		status = (int)file_error.status;
		if (file_error.message[0])
			log_error(&file_error);
		if (ret == -EINTR)
			break;
	}
	return status;
}

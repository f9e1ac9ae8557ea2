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

/* Writes the line that the definition lacks. */
static int learn(struct machine_plan *plan, unsigned int index, bool quiet, struct error *err)
{
	const struct disk *disk = &plan->definition->disks[index];
	cleanup_free char *line = NULL;
	char name[IMAGE_NAME_SIZE];
	int rc = cache_learn(disk, quiet, name, err);

	if (rc < 0)
		return rc;
	if (strncmp(name, "sha256-", 7) != 0 || strlen(name + 7) != SHA256_TEXT_SIZE - 1)
		return error_say(err, STATUS_FAILURE, EPROTO, "no digest came with the image");
	rc = cache_locate_learned(plan, index, name, err);
	if (rc < 0)
		return rc;
	line = text_format("sha256: %s  # %s", name + 7, disk->urls[0]);
	if (!line)
		return error_set(err, ENOMEM, "cannot tell a digest");
	log_output(line);
	return 0;
}

static int fetch(struct machine_plan *plan, const struct options *options, struct error *err)
{
	const struct definition *definition = plan->definition;
	int rc = 0;

	for (unsigned int i = 0; i < definition->disk_count && rc == 0; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->url_count && !disk->sha256[0] && !disk->sha512[0])
			rc = learn(plan, i, options->quiet, err);
	}
	if (rc == 0)
		rc = cache_locate(plan, NULL, err);
	if (rc == 0)
		rc = cache_fetch(plan, options->quiet, err);
	return rc;
}

static void tell(const struct machine_plan *plan, const char *path)
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
		log_notice("%s: no image is from a URL", path);
}

int command_fetch(const struct options *options, struct launch *launch, struct error *err)
{
	int status = STATUS_OK;

	for (unsigned int i = 0; i < options->file_count; i++) {
		struct definition definition;
		struct machine_plan plan;
		struct error why = { 0 };
		int rc;

		rc = given_load(options, options->files[i], &definition, &why);
		if (rc == 0) {
			machine_plan_init(&plan, &definition);
			rc = fetch(&plan, options, &why);
			if (rc == 0)
				tell(&plan, options->files[i]);
			machine_plan_done(&plan);
			definition_done(&definition);
		}
		if (rc == 0)
			continue;
		status = (int)why.status;
		if (why.message[0])
			log_error(&why);
		if (rc == -EINTR)
			break;
	}
	return status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Stores a VM's last addresses, one for each network, for reuse.
#include "launcher/lan/address_history.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"

/* Card 0 has the first name, which has no number. */
#define FILE_FORMAT "%s/addresses%s%s"

static char *state_directory(const char *name)
{
	struct error ignored;
	char *path;

	return xdg_dir(XDG_STATE, name, &path, &ignored) < 0 ? NULL : path;
}

/* @suffix: of the name; "" for the file itself. */
static char *file_path(const char *directory, unsigned int card, const char *suffix)
{
	char number[16] = "";

	if (card)
		snprintf(number, sizeof(number), ".%u", card);
	return text_format(FILE_FORMAT, directory, number, suffix);
}

void address_history_load(const char *name, unsigned int card,
			  struct in_addr addresses[REMEMBERED_MAX])
{
	cleanup_free char *directory = state_directory(name);
	cleanup_free char *path = NULL;
	cleanup_file FILE *file = NULL;
	char line[IPV4_TEXT_SIZE + 1];
	size_t count = 0;

	memset(addresses, 0, REMEMBERED_MAX * sizeof(*addresses));
	path = directory ? file_path(directory, card, "") : NULL;
	if (!path)
		return;
	file = fopen(path, "re");
	while (file && count < REMEMBERED_MAX && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (ipv4_parse(line, &addresses[count]) && ipv4_unicast(addresses[count]))
			count++;
		else
			addresses[count].s_addr = INADDR_ANY;
	}
}

static bool write_file(const char *path, const struct prefix *prefix,
		       const struct in_addr addresses[REMEMBERED_MAX])
{
	cleanup_file FILE *file = fopen(path, "we");
	char text[IPV4_TEXT_SIZE];
	unsigned int count = 1;

	if (!file)
		return false;
	fprintf(file, "%s\n", ipv4_text(prefix->address, text));
	for (size_t i = 0; i < REMEMBERED_MAX && count < REMEMBERED_MAX; i++) {
		if (ipv4_unset(addresses[i]) || ipv4_prefix_contains(prefix, addresses[i]))
			continue;
		fprintf(file, "%s\n", ipv4_text(addresses[i], text));
		count++;
	}
	return fflush(file) == 0 && !ferror(file);
}

void address_history_store(const char *name, unsigned int card, const struct prefix *prefix,
			   const struct in_addr addresses[REMEMBERED_MAX])
{
	cleanup_free char *directory = state_directory(name);
	cleanup_free char *fresh = NULL;
	cleanup_free char *path = NULL;
	struct error ignored;

	if (ipv4_equal(addresses[0], prefix->address) || !directory ||
	    xdg_make(directory, &ignored) < 0)
		return;
	path = file_path(directory, card, "");
	fresh = file_path(directory, card, ".new");
	if (!path || !fresh)
		return;
	if (!write_file(fresh, prefix, addresses) || rename(fresh, path) < 0)
		unlink(fresh);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Whether systemd-networkd would configure an interface, by its files; systemd.network(5).
#include "launcher/doctor/networkd.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

static const char *const places[] = { "/etc/systemd/network", "/run/systemd/network",
				      "/usr/local/lib/systemd/network",
				      "/usr/lib/systemd/network" };

/* What networkctl(1) calls a tap, and the kernel its type. */
static const char tap_type[] = "ether";

bool networkd_runs(const char *root)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/run/systemd/netif", root) < (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* Whether one of the patterns fits, or, with "!" before the first, none does. */
static bool matches(char *patterns, const char *text)
{
	const bool inverted = patterns[0] == '!';
	char *save = NULL;

	for (char *word = strtok_r(patterns + inverted, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save))
		if (fnmatch(word, text, 0) == 0)
			return !inverted;
	return inverted;
}

/* What a file says of an interface. */
struct verdict {
	bool asked;   /* it has a condition */
	bool refused; /* one that is not met */
	bool unmanaged;
};

static void read_key(const char *section, char *line, const char *ifname, struct verdict *verdict)
{
	char *value = strchr(line, '=');

	if (!value)
		return;
	*value++ = '\0';
	line[strcspn(line, " \t")] = '\0';
	value += strspn(value, " \t");
	if (!strcmp(section, "[Match]")) {
		const bool met = !strcmp(line, "Name")   ? matches(value, ifname)
				 : !strcmp(line, "Type") ? matches(value, tap_type)
							 : false;

		verdict->asked = true;
		verdict->refused = verdict->refused || !met;
	} else if (!strcmp(section, "[Link]") && !strcmp(line, "Unmanaged")) {
		verdict->unmanaged = strchr("yYtT1", value[0]) != NULL && value[0];
	}
}

static struct verdict read_file(const char *path, const char *ifname)
{
	cleanup_file FILE *file = fopen(path, "re");
	struct verdict verdict = { 0 };
	char line[1024], section[32] = "";

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '[')
			snprintf(section, sizeof(section), "%.31s", line);
		else if (line[0] != '#' && line[0] != ';')
			read_key(section, line, ifname, &verdict);
	}
	return verdict;
}

static int is_network(const struct dirent *entry)
{
	return fnmatch("*.network", entry->d_name, 0) == 0;
}

/**
 * struct found - the first file, by its name, that fits.
 * @name: its name, or empty.
 * @path: the whole.
 * @unmanaged: it leaves the interface alone.
 */
struct found {
	char name[NAME_MAX + 1];
	char path[NETWORKD_PATH_SIZE];
	bool unmanaged;
};

/* Whether a place of more weight has a file of the same name, which then counts alone. */
static bool overridden(const char *root, size_t place, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < place; i++)
		if (snprintf(path, sizeof(path), "%s%s/%s", root, places[i], name) <
			    (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			return true;
	return false;
}

static void look_at(const char *root, size_t place, const char *name, const char *ifname,
		    struct found *found)
{
	struct verdict verdict;
	char path[PATH_MAX];

	if ((found->name[0] && strcmp(name, found->name) >= 0) || overridden(root, place, name) ||
	    snprintf(path, sizeof(path), "%s%s/%s", root, places[place], name) >= (int)sizeof(path))
		return;
	verdict = read_file(path, ifname);
	if (!verdict.asked || verdict.refused)
		return;
	snprintf(found->name, sizeof(found->name), "%s", name);
	memcpy(found->path, path, sizeof(path));
	found->unmanaged = verdict.unmanaged;
}

bool networkd_manages(const char *root, const char *ifname, char file[NETWORKD_PATH_SIZE])
{
	struct found found = { 0 };

	for (size_t place = 0; place < ARRAY_SIZE(places); place++) {
		struct dirent **entries = NULL;
		char path[PATH_MAX];
		int count = -1;

		if (snprintf(path, sizeof(path), "%s%s", root, places[place]) < (int)sizeof(path))
			count = scandir(path, &entries, is_network, alphasort);
		for (int i = 0; i < count; i++) {
			look_at(root, place, entries[i]->d_name, ifname, &found);
			free(entries[i]);
		}
		free(entries);
	}
	if (!found.name[0] || found.unmanaged)
		return false;
	memcpy(file, found.path, sizeof(found.path));
	return true;
}

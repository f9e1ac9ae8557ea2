// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out if systemd-networkd configures a tap, and by which systemd.network(5) file.
#include "launcher/doctor/networkd.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

static const char *const dirs[] = { "/etc/systemd/network", "/run/systemd/network",
				    "/usr/local/lib/systemd/network", "/usr/lib/systemd/network" };

/* The type of a tap in networkctl(1). */
static const char tap_type[] = "ether";

bool networkd_runs(const char *root)
{
	/* A unified hierarchy, and the two of a hybrid one. */
	static const char *const hierarchies[] = { "", "/unified", "/systemd" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++)
		if (snprintf(path, sizeof(path),
			     "%s/sys/fs/cgroup%s/system.slice/systemd-networkd.service", root,
			     hierarchies[i]) < (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			return true;
	return false;
}

enum networkd_state networkd_state(const char *root, unsigned int ifindex,
				   char file[NETWORKD_PATH_SIZE])
{
	enum networkd_state state = NETWORKD_UNKNOWN;
	char path[PATH_MAX], line[NETWORKD_PATH_SIZE + 32], admin[32];
	cleanup_file FILE *record = NULL;

	if (snprintf(path, sizeof(path), "%s/run/systemd/netif/links/%u", root, ifindex) <
	    (int)sizeof(path))
		record = fopen(path, "re");
	snprintf(file, NETWORKD_PATH_SIZE, "-");
	while (record && fgets(line, sizeof(line), record)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "ADMIN_STATE=%31s", admin) == 1)
			state = strcmp(admin, "unmanaged") ? NETWORKD_MANAGED : NETWORKD_UNMANAGED;
		else if (!strncmp(line, "NETWORK_FILE=", 13))
			snprintf(file, NETWORKD_PATH_SIZE, "%.*s", NETWORKD_PATH_SIZE - 1,
				 line + 13);
	}
	return state;
}

/* True if a pattern matches; with "!" before the first one, true if none matches. */
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

/* The settings of one file for an interface. */
struct settings {
	bool has_match;  /* the file has a condition */
	bool mismatched; /* a condition is false */
	bool unmanaged;
};

static void read_key(const char *section, char *line, const char *ifname, struct settings *settings)
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

		settings->has_match = true;
		settings->mismatched = settings->mismatched || !met;
	} else if (!strcmp(section, "[Link]") && !strcmp(line, "Unmanaged")) {
		settings->unmanaged = strchr("yYtT1", value[0]) != NULL && value[0];
	}
}

static struct settings read_file(const char *path, const char *ifname)
{
	cleanup_file FILE *file = fopen(path, "re");
	struct settings settings = { 0 };
	char line[1024], section[32] = "";

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '[')
			snprintf(section, sizeof(section), "%.31s", line);
		else if (line[0] != '#' && line[0] != ';')
			read_key(section, line, ifname, &settings);
	}
	return settings;
}

static int is_network(const struct dirent *entry)
{
	return fnmatch("*.network", entry->d_name, 0) == 0;
}

/**
 * struct found - the first file, in the order of names, that matches.
 * @name: its name, or empty.
 * @unmanaged: systemd-networkd does not configure the interface.
 */
struct found {
	char name[NAME_MAX + 1];
	char path[NETWORKD_PATH_SIZE];
	bool unmanaged;
};

/* True if a directory of higher priority has a file of the same name. */
static bool overridden(const char *root, size_t dir, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < dir; i++)
		if (snprintf(path, sizeof(path), "%s%s/%s", root, dirs[i], name) <
			    (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			return true;
	return false;
}

static void try_file(const char *root, size_t dir, const char *name, const char *ifname,
		     struct found *found)
{
	struct settings settings;
	char path[PATH_MAX];

	if ((found->name[0] && strcmp(name, found->name) >= 0) || overridden(root, dir, name) ||
	    snprintf(path, sizeof(path), "%s%s/%s", root, dirs[dir], name) >= (int)sizeof(path))
		return;
	settings = read_file(path, ifname);
	if (!settings.has_match || settings.mismatched)
		return;
	snprintf(found->name, sizeof(found->name), "%s", name);
	memcpy(found->path, path, sizeof(path));
	found->unmanaged = settings.unmanaged;
}

bool networkd_manages(const char *root, const char *ifname, char *file)
{
	struct found found = { 0 };

	for (size_t dir = 0; dir < ARRAY_SIZE(dirs); dir++) {
		struct dirent **entries = NULL;
		char path[PATH_MAX];
		int count = -1;

		if (snprintf(path, sizeof(path), "%s%s", root, dirs[dir]) < (int)sizeof(path))
			count = scandir(path, &entries, is_network, alphasort);
		for (int i = 0; i < count; i++) {
			try_file(root, dir, entries[i]->d_name, ifname, &found);
			free(entries[i]);
		}
		free(entries);
	}
	if (!found.name[0] || found.unmanaged)
		return false;
	if (file)
		memcpy(file, found.path, sizeof(found.path));
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VMs that systemd's system manager runs (vmrun@NAME.service), and those of root.
#include "launcher/run/system_vms.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/privilege.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/vm_name.h"

/* The unit's RuntimeDirectory is one in it for each VM. */
#define UNITS_DIR "/run/vmrun-vms"

static bool has_vm(const char *directory, const char *name)
{
	cleanup_free char *path = text_format("%s/vmrun/%s", directory, name);

	return path && access(path, F_OK) == 0;
}

char *system_vms_directory(const char *name)
{
	cleanup_free char *unit = vm_name_valid(name) ? text_format(UNITS_DIR "/%s", name) : NULL;

	if (!unit)
		return NULL;
	if (has_vm(unit, name))
		return take_ptr(&unit);
	return has_vm(PRIVILEGE_ROOT_RUNTIME_DIR, name) ? strdup(PRIVILEGE_ROOT_RUNTIME_DIR) : NULL;
}

uid_t system_vms_owner(const char *directory)
{
	struct stat status;

	return lstat(directory, &status) == 0 && S_ISDIR(status.st_mode) ? status.st_uid : 0;
}

static int is_vm(const struct dirent *entry)
{
	cleanup_free char *unit = NULL;

	if (!vm_name_valid(entry->d_name))
		return 0;
	unit = text_format(UNITS_DIR "/%s", entry->d_name);
	return unit && has_vm(unit, entry->d_name);
}

void system_vms_each(void (*fn)(const char *directory, const char *name, void *context),
		     void *context)
{
	struct dirent **entries = NULL;
	const int count = scandir(UNITS_DIR, &entries, is_vm, alphasort);

	for (int i = 0; i < count; i++) {
		cleanup_free char *unit = text_format(UNITS_DIR "/%s", entries[i]->d_name);

		if (unit)
			fn(unit, entries[i]->d_name, context);
		free(entries[i]);
	}
	free(entries);
	fn(PRIVILEGE_ROOT_RUNTIME_DIR, NULL, context);
}

static void add_name(const char *directory, const char *name, void *context)
{
	char **names = context;
	char *longer;

	if (!name)
		return;
	longer = text_format("%s%s%s", *names ? *names : "", *names ? ", " : "", name);
	free(*names);
	*names = longer;
}

char *system_vms_names(void)
{
	char *names = NULL;

	system_vms_each(add_name, &names);
	return names;
}

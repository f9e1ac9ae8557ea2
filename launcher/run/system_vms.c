// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the VMs that systemd's system manager runs (vmrun@NAME.service).
#include "launcher/run/system_vms.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/vm_name.h"

#define VMS_DIR SYSTEM_VMS_RUNTIME_DIR "/vmrun"

uid_t system_vms_owner(void)
{
	struct stat status;

	return lstat(SYSTEM_VMS_RUNTIME_DIR, &status) == 0 && S_ISDIR(status.st_mode)
		       ? status.st_uid
		       : 0;
}

bool system_vms_running(const char *name)
{
	cleanup_free char *path = vm_name_valid(name) ? text_format(VMS_DIR "/%s", name) : NULL;

	return path && access(path, F_OK) == 0;
}

static int is_vm(const struct dirent *entry)
{
	return vm_name_valid(entry->d_name);
}

char *system_vms_names(void)
{
	struct dirent **entries = NULL;
	const int count = scandir(VMS_DIR, &entries, is_vm, alphasort);
	char *names = NULL;

	for (int i = 0; i < count; i++) {
		char *longer = text_format("%s%s%s", names ? names : "", names ? ", " : "",
					   entries[i]->d_name);

		free(names);
		names = longer;
		free(entries[i]);
	}
	free(entries);
	return names;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The command version: this program's, the libraries', and where QEMU is.
#include "launcher/version.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define QEMU "qemu-system-x86_64"

/* As execvp(3) would find it. */
static const char *find_qemu(char path[PATH_MAX])
{
	const char *directory = getenv("PATH");

	while (directory && *directory) {
		const size_t length = strcspn(directory, ":");

		if (snprintf(path, PATH_MAX, "%.*s/" QEMU, (int)length, directory) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return path;
		directory += length;
		directory += *directory == ':';
	}
	return "not found: install qemu-system-x86";
}

void version_show(void)
{
	char path[PATH_MAX];

	printf("vmrun %s\n", VMRUN_VERSION);
	printf("libyaml %s\njson-c %s\n", yaml_get_version_string(), json_c_version());
	/* Those of its helpers, as it was built with. */
	fputs(VMRUN_LIBRARIES, stdout);
	printf(QEMU ": %s\n", find_qemu(path));
}

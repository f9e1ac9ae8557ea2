// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a second installation of vmrun on this host.
#include "launcher/common/installation.h"

#include <sys/stat.h>

#include "netsetup/base/cleanup.h"

static const char *const programs[] = { "/usr/local/bin/vmrun", "/usr/bin/vmrun" };

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool installation_add_remedy(struct error *err)
{
	struct stat self, installed[ARRAY_SIZE(programs)];
	size_t this;

	if (stat("/proc/self/exe", &self) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (stat(programs[i], &installed[i]) < 0)
			return false;
	this = is_same(&self, &installed[0]) ? 0 : 1;
	if (!is_same(&self, &installed[this]) || is_same(&self, &installed[!this]))
		return false;
	error_remedy(err, "this is %s; another vmrun is %s: remove one of the two", programs[this],
		     programs[!this]);
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the memory of a VM with what this host has free.
#include "launcher/run/host_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* Reads "KEY   NUMBER kB" if the line has that key. */
static void read_row(const char *line, const char *key, uint64_t *kib)
{
	if (!strncmp(line, key, strlen(key)))
		*kib = strtoull(line + strlen(key), NULL, 10);
}

void host_memory_remedy(uint64_t needed, struct error *err)
{
	cleanup_file FILE *file = fopen("/proc/meminfo", "re");
	uint64_t total = 0, available = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		read_row(line, "MemTotal:", &total);
		read_row(line, "MemAvailable:", &available);
	}
	if (!total || needed / 1024 <= available)
		return;
	error_remedy(err,
		     "lower 'memory' (%" PRIu64 "M): of this host's %" PRIu64 "M are %" PRIu64
		     "M free",
		     needed / 1024 / 1024, total / 1024, available / 1024);
}

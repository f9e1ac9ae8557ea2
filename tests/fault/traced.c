// SPDX-License-Identifier: GPL-2.0-or-later
// Turns LeakSanitizer off under killat: both would need ptrace(2).
#include <stdio.h>

int __lsan_is_turned_off(void);

__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	/* Unless told otherwise: the fault may be in this very look. */
	int tracer = 1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (file)
		fclose(file);
	return tracer != 0;
}

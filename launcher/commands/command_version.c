// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the versions of vmrun, its libraries and the programs it uses.
#include "launcher/commands/command_version.h"

#include <json-c/json.h>
#include <stdio.h>
#include <yaml.h>

#include "launcher/devices/backend.h"
#include "launcher/image/record.h"
#include "launcher/lock/lockfile.h"
#include "launcher/qemu/qemu_probe.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/protocol/protocol.h"

#define QEMU "qemu-system-x86_64"

static const char *const virtiofsd_dirs[] = { "/usr/libexec", NULL };

/* Programs that features need; @package is Debian's. */
static const struct program {
	const char *name;
	const char *package;
	const char *feature;
} programs[] = {
	{ "qemu-img", "qemu-utils", "overlays" },
	{ "swtpm", "swtpm", "machine.tpm" },
	{ "virtiofsd", "virtiofsd", "shares with driver: virtiofs" },
	{ "ssh", "openssh-client", "vmrun ssh" },
};

static void print_program(const struct program *program)
{
	cleanup_free char *path = NULL;
	struct error ignored;

	if (backend_find(program->name, virtiofsd_dirs, program->package, &path, &ignored) == 0)
		printf("%s: %s\n", program->name, path);
	else
		printf("%s: not found; needed for %s\n", program->name, program->feature);
}

static void print_qemu(void)
{
	cleanup_free char *path = NULL;
	struct qemu_probe_result probed;
	struct error err = { 0 };

	if (backend_find(QEMU, NULL, "qemu-system-x86", &path, &err) < 0)
		printf(QEMU ": not found; needed for VMs\n");
	else if (qemu_probe(path, "none", &probed, &err) < 0)
		printf(QEMU ": %s: %s\n", path, err.message);
	else
		printf(QEMU " %s: %s\n", probed.version, path);
}

int command_version(const struct options *options, struct launch *launch, struct error *err)
{
	printf("vmrun %s\n", VMRUN_VERSION);
	printf("protocols %d and %d, lock files %d\n", PROTOCOL_VERSION, IMAGE_VERSION,
	       LOCK_VERSION);
	printf("libyaml %s\njson-c %s\n", yaml_get_version_string(), json_c_version());
	/* The libraries of its programs, at build time. */
	fputs(VMRUN_LIBRARIES, stdout);
	print_qemu();
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		print_program(&programs[i]);
	printf("policy: %s\n", NETSETUP_CONF);
	return STATUS_OK;
}

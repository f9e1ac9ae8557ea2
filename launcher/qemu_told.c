// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU's arguments for what the machine itself tells its guest, without a disk or a network.
#include "launcher/qemu.h"
#include "launcher/qemu_part.h"
#include "netsetup/cleanup.h"

/* Where Ignition looks on QEMU (its platform "qemu"). */
int qemu_add_ignition(const struct qemu_config *config, struct argv *argv, struct error *err)
{
	const char *path = config->definition->ignition;
	cleanup_free char *escaped = NULL;
	int ret = qemu_check_text("ignition", path, err);

	if (ret || !path)
		return ret;
	escaped = qemu_escape(path);
	argv_add(argv, "-fw_cfg", NULL);
	argv_addf(argv, "name=opt/com.coreos/config,file=%s", escaped ? escaped : "");
	if (!escaped)
		argv->failed = 1;
	return 0;
}

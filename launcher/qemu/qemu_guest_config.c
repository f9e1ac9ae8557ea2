// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for SMBIOS strings, Ignition and system credentials.
#include "launcher/qemu/qemu_guest_config.h"

#include "launcher/guest/credential.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"

int qemu_guest_config_add_smbios(const struct machine_plan *plan, struct argv *argv,
				 struct error *err)
{
	const struct smbios *smbios = &plan->definition->smbios;
	const struct {
		const char *name, *value;
	} strings[] = {
		{ "manufacturer", smbios->manufacturer },
		{ "product", smbios->product },
		{ "version", smbios->version },
		{ "serial", smbios->serial },
		{ "sku", smbios->sku },
		{ "family", smbios->family },
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		cleanup_free char *escaped = NULL;
		int ret = qemu_text_check("smbios", strings[i].value, err);

		if (ret)
			return ret;
		if (!strings[i].value)
			continue;
		escaped = qemu_text_escape(strings[i].value);
		argv_add(argv, "-smbios", NULL);
		/* QEMU joins all options of a type. */
		argv_addf(argv, "type=1,%s=%s", strings[i].name, escaped ? escaped : "");
		if (!escaped)
			argv->failed = 1;
	}
	return 0;
}

/* Ignition reads this fw_cfg file on its platform "qemu". */
int qemu_guest_config_add_ignition(const struct machine_plan *plan, struct argv *argv,
				   struct error *err)
{
	const char *path = plan->definition->ignition;
	cleanup_free char *escaped = NULL;
	int ret = qemu_text_check("ignition", path, err);

	if (ret || !path)
		return ret;
	escaped = qemu_text_escape(path);
	argv_add(argv, "-fw_cfg", NULL);
	argv_addf(argv, "name=opt/com.coreos/config,file=%s", escaped ? escaped : "");
	if (!escaped)
		argv->failed = 1;
	return 0;
}

/*
 * Threat: all users of the host can read the command, and a string may be a secret. So QEMU gets a
 * descriptor. It reads the string while it parses its options, before descriptor sets exist.
 */
int qemu_guest_config_add_credentials(const struct machine_plan *plan, struct argv *argv,
				      struct error *err)
{
	const unsigned int count = credential_count(plan->definition);

	for (unsigned int i = 0; i < count; i++) {
		argv_add(argv, "-smbios", NULL);
		argv_addf(argv, "type=11,path=/dev/fd/%u", QEMU_FD_CREDENTIAL + i);
	}
	return 0;
}

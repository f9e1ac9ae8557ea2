// SPDX-License-Identifier: GPL-2.0-or-later
// The host's UEFI firmware: which of its files fit a machine.
#include "launcher/devices/uefi.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "launcher/definition/machine.h"
#include "netsetup/base/cleanup.h"

/* A user's own descriptors are not looked at: the same definition is the same machine for all. */
static const char *const descriptors[] = { "/etc/qemu/firmware", "/usr/share/qemu/firmware", NULL };

/* Where it is on hosts without descriptors; for q35 and pc. The first that is there. */
static const struct place {
	const char *code;
	const char *variables;
	bool secure_boot;
} places[] = {
	/* Debian, Ubuntu; what ends in 4M has room for the lists of what must not start any more. */
	{ "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", false },
	{ "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd", false },
	{ "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true },
	{ "/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd", true },
	/* Fedora */
	{ "/usr/share/edk2/ovmf/OVMF_CODE_4M.qcow2", "/usr/share/edk2/ovmf/OVMF_VARS_4M.qcow2",
	  false },
	{ "/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd", false },
	{ "/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.qcow2",
	  "/usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.qcow2", true },
	{ "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd",
	  true },
	/* Arch, which has no variables with keys */
	{ "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", false },
	{ "/usr/share/edk2/x64/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_VARS.fd", false },
};

static enum disk_format format_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strcmp(dot, ".qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
}

static bool is_pc(const struct uefi_wish *wish)
{
	return !strcmp(wish->architecture, "x86_64") &&
	       (!strcmp(wish->machine, "q35") || !strcmp(wish->machine, "pc") ||
		!strncmp(wish->machine, "pc-q35-", 7) || !strncmp(wish->machine, "pc-i440fx-", 10));
}

static int find_place(const struct uefi_wish *wish, struct uefi *uefi)
{
	for (size_t i = 0; i < ARRAY_SIZE(places) && is_pc(wish); i++) {
		const struct place *place = &places[i];

		if (place->secure_boot != wish->secure_boot || access(place->code, R_OK) ||
		    access(place->variables, R_OK))
			continue;
		uefi->code = strdup(place->code);
		uefi->variables = strdup(place->variables);
		uefi->code_format = format_of(place->code);
		uefi->variables_format = format_of(place->variables);
		return uefi->code && uefi->variables ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int not_found(const struct uefi_wish *wish, struct error *err)
{
	error_say(err, STATUS_FAILURE, ENOENT,
		  "cannot find a UEFI firmware%s for machine type '%s' of %s",
		  wish->secure_boot ? " with secure boot and its keys" : "", wish->machine,
		  wish->architecture);
	error_remedy(err, "install it: apt-get install %s",
		     strcmp(wish->architecture, "aarch64") ? "ovmf" : "qemu-efi-aarch64");
	error_remedy(err, "it was looked for by the descriptors in:");
	for (size_t i = 0; descriptors[i]; i++)
		error_remedy(err, "  %s", descriptors[i]);
	for (size_t i = 0; i < ARRAY_SIZE(places) && is_pc(wish); i++)
		if (places[i].secure_boot == wish->secure_boot)
			error_remedy(err, "  and as %s", places[i].code);
	return -ENOENT;
}

int uefi_find(const struct definition *definition, struct uefi *uefi, struct error *err)
{
	const struct uefi_wish wish = {
		.architecture = machine_architecture(definition),
		.machine = definition->machine.type,
		.secure_boot = definition->machine.secure_boot,
	};
	struct uefi found = { 0 };
	int ret;

	ret = uefi_described(descriptors, &wish, &found);
	if (ret == -ENOENT)
		ret = find_place(&wish, &found);
	if (!ret) {
		*uefi = found;
		return 0;
	}
	uefi_done(&found);
	return ret == -ENOENT ? not_found(&wish, err)
			      : error_set(err, -ret, "cannot find a UEFI firmware");
}

void uefi_done(struct uefi *uefi)
{
	free(uefi->code);
	free(uefi->variables);
	*uefi = (struct uefi){ 0 };
}

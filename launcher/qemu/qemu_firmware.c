// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the firmware and the TPM.
#include "launcher/qemu/qemu_firmware.h"

#include <string.h>

#include "launcher/definition/machine.h"
#include "launcher/qemu/qemu_disk.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"

const char *qemu_firmware_options(const struct definition *definition)
{
	if (!definition->machine.firmware.uefi)
		return "";
	if (definition->machine.secure_boot)
		return ",smm=on,pflash0=uefi-code,pflash1=uefi-variables";
	return ",pflash0=uefi-code,pflash1=uefi-variables";
}

static void add_flash(struct argv *argv, const char *name, const char *path,
		      enum disk_format format, bool read_only)
{
	qemu_disk_add_node(argv, qemu_disk_node(name, format, read_only, argv), "file", path);
}

int qemu_firmware_add(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	int ret;

	if (definition->machine.firmware.file)
		argv_add(argv, "-bios", definition->machine.firmware.file, NULL);
	if (!definition->machine.firmware.uefi)
		return 0;
	ret = qemu_text_check("machine.firmware", plan->uefi_code, err);
	if (!ret)
		ret = qemu_text_check("machine.firmware", plan->uefi_variables, err);
	if (ret)
		return ret;
	add_flash(argv, "uefi-code", plan->uefi_code, plan->uefi_code_format, true);
	add_flash(argv, "uefi-variables", plan->uefi_variables, plan->uefi_variables_format, false);
	if (definition->machine.secure_boot) {
		/* Only firmware in SMM may write to the flash; S3 would undo this protection. */
		argv_add(argv, "-global", "driver=cfi.pflash01,property=secure,value=on", NULL);
		argv_add(argv, "-global", "ICH9-LPC.disable_s3=1", NULL);
	}
	return 0;
}

int qemu_firmware_add_tpm(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const char *architecture = machine_architecture(plan->definition);
	bool arm = !strcmp(architecture, "aarch64") || !strcmp(architecture, "arm");

	if (!plan->definition->machine.tpm)
		return 0;
	argv_add(argv, "-chardev", NULL);
	argv_addf(argv, "socket,id=tpm,fd=%d", QEMU_FD_TPM);
	argv_add(argv, "-tpmdev", "emulator,id=tpm,chardev=tpm", "-device",
		 arm ? "tpm-tis-device,tpmdev=tpm" : "tpm-crb,tpmdev=tpm", NULL);
	return 0;
}

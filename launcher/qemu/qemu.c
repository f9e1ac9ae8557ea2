// SPDX-License-Identifier: GPL-2.0-or-later
// Builds the QEMU command of a VM.
#include "launcher/qemu/qemu.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "launcher/guest/kernel_cmdline.h"
#include "launcher/qemu/qemu_devices.h"
#include "launcher/qemu/qemu_disk.h"
#include "launcher/qemu/qemu_display.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_firmware.h"
#include "launcher/qemu/qemu_guest_config.h"
#include "launcher/qemu/qemu_network.h"
#include "launcher/qemu/qemu_share.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: the command depends on the plan alone, so that the same definition gives the
 * same machine on every run. A value of the definition must not add options of its own. It reaches
 * QEMU in one of three ways: as an argument that QEMU does not parse (-kernel, -append), as a
 * string of a JSON object (disks), or with its commas doubled (sockets). A name of QEMU's own
 * (machine type, device model) has no separator (test: test_qemu.c).
 *
 * The order of the devices is the order of their PCI slots, from which the guest names its network
 * interfaces and disks. Devices that are always present come first, optional ones last.
 */

#define MIB (UINT64_C(1) << 20)

static int add_identity(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	char uuid[UUID_STR_LEN];

	/* A name is a label of a host name, so it has no comma and cannot add an option. */
	assert(vm_name_valid(definition->name));
	uuid_unparse_lower(definition->uuid, uuid);
	argv_add(argv, "-name", NULL);
	argv_addf(argv, "guest=%s,debug-threads=on", definition->name);
	argv_add(argv, "-uuid", uuid, NULL);
	return 0;
}

static const struct {
	const char *accel, *cpu;
} accel_words[] = {
	[ACCEL_AUTO] = { "ACCEL", "CPU" },
	[ACCEL_KVM] = { "kvm", "host" },
	[ACCEL_TCG] = { "tcg", "max" },
};

/* QEMU chooses the topology for a number, in a way that the machine type determines. */
static void add_cpus(const struct cpus *cpus, struct argv *argv)
{
	argv_add(argv, "-smp", NULL);
	if (cpus->topology.sockets)
		argv_addf(argv, "%u,sockets=%u,cores=%u,threads=%u", cpus->count,
			  cpus->topology.sockets, cpus->topology.cores, cpus->topology.threads);
	else
		argv_addf(argv, "%u", cpus->count);
}

static int add_machine(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	const char *type = definition->machine.type;
	const char *cpu = definition->machine.cpu;
	int ret;

	ret = qemu_text_check_word("machine.type", type, err);
	/* A CPU model may have features after commas; -cpu takes nothing else. */
	if (!ret)
		ret = qemu_text_check("machine.cpu", cpu, err);
	if (!ret)
		ret = qemu_text_check("machine.firmware", definition->machine.firmware.file, err);
	if (ret)
		return ret;

	/* 'microvm' has PCI only with this option, and all devices here are PCI devices. */
	argv_add(argv, "-machine", NULL);
	argv_addf(argv, "%s,accel=%s%s%s", type, accel_words[plan->accel].accel,
		  strcmp(type, "microvm") ? "" : ",pcie=on", qemu_firmware_options(definition));
	argv_add(argv, "-cpu", cpu ? cpu : accel_words[plan->accel].cpu, NULL);
	add_cpus(&definition->cpus, argv);
	argv_add(argv, "-m", NULL);
	argv_addf(argv, "%" PRIu64 "M", definition->memory / MIB);
	if (definition->rtc == RTC_LOCALTIME)
		argv_add(argv, "-rtc", "base=localtime", NULL);
	return 0;
}

static int add_boot(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	cleanup_free char *cmdline = NULL;
	int ret;

	if (!definition->boot.kernel) {
		/* The firmware tries only devices with a bootindex. */
		argv_add(argv, "-boot", "strict=on", NULL);
		return 0;
	}

	ret = qemu_text_check("boot.kernel", definition->boot.kernel, err);
	if (!ret)
		ret = qemu_text_check("boot.initrd", definition->boot.initrd, err);
	if (!ret)
		ret = qemu_text_check("boot.cmdline", definition->boot.cmdline, err);
	if (!ret)
		ret = kernel_cmdline_build(plan, &cmdline, err);
	if (ret)
		return ret;

	argv_add(argv, "-kernel", definition->boot.kernel, NULL);
	if (definition->boot.initrd)
		argv_add(argv, "-initrd", definition->boot.initrd, NULL);
	if (cmdline[0])
		argv_add(argv, "-append", cmdline, NULL);
	return 0;
}

static int add_qmp(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	argv_add(argv, "-chardev", NULL);
	argv_addf(argv, "socket,id=qmp,fd=%d", QEMU_FD_QMP);
	/* Not -mon, which QEMU 11.1 warns about. */
	argv_add(argv, "-qmp", "chardev:qmp", NULL);
	return 0;
}

/*
 * The command has no -daemonize and no -pidfile: the launcher is the parent and holds a pidfd.
 * Threat: a guest has taken over QEMU. The sandbox denies it new programs and privileges. With a
 * window QEMU may start programs: GTK starts image loaders, and a denied one would kill QEMU.
 */
static int add_sandbox(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	enum display_mode display = plan->definition->display;
	bool window = display == DISPLAY_GTK || display == DISPLAY_SDL;

	argv_add(argv, "-sandbox", NULL);
	argv_addf(argv, "on,obsolete=deny,elevateprivileges=deny,spawn=%s,resourcecontrol=deny",
		  window ? "allow" : "deny");
	return 0;
}

static int add_user_args(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;

	for (unsigned int i = 0; i < definition->qemu.arg_count; i++)
		argv_add(argv, definition->qemu.args[i], NULL);
	return 0;
}

int qemu_build(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	static int (*const parts[])(const struct machine_plan *, struct argv *, struct error *) = {
		add_identity,
		add_machine,
		qemu_firmware_add,
		add_boot,
		add_qmp,
		add_sandbox,
		qemu_display_add_console,
		qemu_network_add,
		qemu_devices_add_rng,
		qemu_disk_add,
		qemu_disk_add_seed,
		qemu_firmware_add_tpm,
		qemu_display_add,
		qemu_devices_add_audio,
		qemu_devices_add_agent,
		qemu_devices_add_vsock,
		qemu_devices_add_usb,
		qemu_guest_config_add_smbios,
		qemu_guest_config_add_ignition,
		qemu_share_add,
		qemu_guest_config_add_credentials,
		add_user_args,
	};
	struct argv built = { 0 };
	int ret = 0;

	argv_add(&built, plan->definition->qemu.binary, "-nodefaults", "-no-user-config", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !ret; i++)
		ret = parts[i](plan, &built, err);
	if (!ret && built.failed)
		ret = error_set_errno(err, ENOMEM, "cannot make the QEMU command");
	if (ret) {
		argv_done(&built);
		return ret;
	}
	*argv = built;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Lists facts about machines, their cards and their disks.
#include "launcher/definition/machine.h"

#include <string.h>

#include "netsetup/base/cleanup.h"

/* More pairs of queues do not help: the access point becomes the bottleneck soon. */
#define QUEUES_AUTO_MAX 4

bool machine_has_ahci(const char *machine_type)
{
	return !strcmp(machine_type, "q35") || !strncmp(machine_type, "pc-q35-", 7);
}

/* ICH9's AHCI has six ports; PIIX has two buses for two devices each. */
unsigned int machine_ide_ports(const char *machine_type)
{
	if (machine_has_ahci(machine_type))
		return 6;
	return !strcmp(machine_type, "pc") || !strncmp(machine_type, "pc-", 3) ? 4 : 0;
}

bool machine_has_vga(const char *machine_type)
{
	/* The screen is a card of PCI or ISA; these have neither, or no slot for virtio-vga. */
	static const char *const without[] = { "microvm", "isapc", "none" };

	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (!strcmp(machine_type, without[i]))
			return false;
	return true;
}

const char *machine_architecture(const struct definition *definition)
{
	static const char prefix[] = "qemu-system-";
	const char *slash = strrchr(definition->qemu.binary, '/');
	const char *name = slash ? slash + 1 : definition->qemu.binary;

	return strncmp(name, prefix, strlen(prefix)) ? "x86_64" : name + strlen(prefix);
}

bool machine_virtio(const char *model)
{
	return !strncmp(model, "virtio", strlen("virtio"));
}

bool machine_offloads(const char *model)
{
	/* The devices of hw/net that call qemu_set_vnet_hdr_len(). */
	static const char *const models[] = { "e1000e", "igb", "vmxnet3" };

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (!strcmp(model, models[i]))
			return true;
	}
	return machine_virtio(model);
}

unsigned int machine_queues(const struct definition *definition, const struct network *network,
			    bool vhost)
{
	if (network->queues)
		return network->queues;
	if (!vhost || !machine_virtio(network->model))
		return 1;
	return definition->cpus.count < QUEUES_AUTO_MAX ? definition->cpus.count : QUEUES_AUTO_MAX;
}

bool machine_keeps_state(const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->disk_count; i++)
		if (definition->disks[i].mode == DISK_OVERLAY ||
		    definition->disks[i].mode == DISK_DIRECT)
			return true;
	return false;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Resolves 'auto' where it depends only on the definition and this machine.
#include "launcher/definition/resolve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

/* Namespace of VMs' uuids. It must never change: VMs would get another uuid, MAC and address. */
static const uuid_t vm_namespace = {
	0x5d, 0x0c, 0x6a, 0x8e, 0x21, 0xb7, 0x4f, 0x93,
	0x9a, 0x1d, 0x7e, 0xc4, 0x38, 0x02, 0xf5, 0x6b,
};

static bool read_line(const char *path, char *line, int size)
{
	cleanup_file FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return line[0] && strcmp(line, "uninitialized");
}

void resolve_machine_id(char id[RESOLVE_MACHINE_ID_SIZE])
{
	static const char *const paths[] = { "/etc/machine-id", "/var/lib/dbus/machine-id" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (read_line(paths[i], id, RESOLVE_MACHINE_ID_SIZE))
			return;
	if (gethostname(id, RESOLVE_MACHINE_ID_SIZE) < 0)
		id[0] = '\0';
	id[RESOLVE_MACHINE_ID_SIZE - 1] = '\0';
}

static bool names_iso(const char *name)
{
	const size_t length = name ? strlen(name) : 0;

	return length > 4 && !strcasecmp(name + length - 4, ".iso");
}

void resolve_disks(struct definition *definition)
{
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		struct disk *disk = &definition->disks[i];
		const char *name = disk->url_count ? disk->urls[0] : disk->image;

		if (disk->device == DISK_DEVICE_AUTO)
			disk->device = names_iso(name) ? DISK_CDROM : DISK_VIRTIO;
		if (disk->mode == DISK_MODE_AUTO)
			disk->mode = disk->device == DISK_CDROM ? DISK_READONLY : DISK_OVERLAY;
	}
}

static void resolve_uuid(struct definition *definition, const char *machine_id)
{
	char text[RESOLVE_MACHINE_ID_SIZE + VM_NAME_SIZE];
	int length = snprintf(text, sizeof(text), "%s%c%s", machine_id, '\0', definition->name);

	uuid_generate_sha1(definition->uuid, vm_namespace, text, (size_t)length);
}

/* @purpose: text that is hashed with the uuid, another one for each card. */
static void resolve_mac(const struct definition *definition, const char *purpose,
			struct network *network)
{
	uuid_t hash;

	if (!network->mac_auto)
		return;
	uuid_generate_sha1(hash, definition->uuid, purpose, strlen(purpose));
	memcpy(&network->mac, hash, ETH_ALEN);
	/* IEEE 802: bit 0 of the first octet is for groups, bit 1 for local administration. */
	network->mac.ether_addr_octet[0] &= 0xfc;
	network->mac.ether_addr_octet[0] |= 0x02;
}

/* The first card on the LAN has the same MAC at any index of the list, and as the only network. */
static void resolve_macs(struct definition *definition)
{
	char purpose[16];

	resolve_mac(definition, "mac", &definition->network);
	for (unsigned int i = 0; i < definition->other_count; i++) {
		snprintf(purpose, sizeof(purpose), "mac-%u", i + 1);
		resolve_mac(definition, purpose, &definition->others[i]);
	}
}

void resolve_vsock(struct definition *definition)
{
	static const char purpose[] = "vsock";
	uuid_t hash;

	if (definition->vsock.mode != VSOCK_AUTO)
		return;
	uuid_generate_sha1(hash, definition->uuid, purpose, strlen(purpose));
	definition->vsock.cid = 0;
	for (size_t i = 0; i < sizeof(definition->vsock.cid); i++)
		definition->vsock.cid = definition->vsock.cid << 8 | hash[i];
	/* People and other programs choose small numbers: avoid them. */
	definition->vsock.cid |= UINT32_C(1) << 31;
	if (definition->vsock.cid > CID_MAX)
		definition->vsock.cid = CID_MAX;
}

/* DHCP is always on: a guest that has its address in another way does not use it. */
static unsigned int resolve_configure(const struct definition *definition)
{
	unsigned int ways = CONFIGURE_DHCP;

	if (definition->boot.kernel)
		ways |= CONFIGURE_CMDLINE;
	if (definition->cloud_init.present)
		ways |= CONFIGURE_CLOUD_INIT;
	return ways;
}

void resolve_definition(struct definition *definition, const char *machine_id)
{
	if (definition->uuid_auto)
		resolve_uuid(definition, machine_id);
	resolve_macs(definition);
	resolve_vsock(definition);
	if (!definition->network.configure)
		definition->network.configure = resolve_configure(definition);
	for (unsigned int i = 0; i < definition->other_count; i++)
		if (definition->others[i].type == NETWORK_LAN && !definition->others[i].configure)
			definition->others[i].configure = resolve_configure(definition);
}

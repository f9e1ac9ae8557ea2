// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the values of a definition against each other.
#include "launcher/definition/validate.h"

#include <arpa/inet.h>
#include <string.h>

#include "launcher/definition/machine.h"
#include "launcher/definition/type_address.h"
#include "launcher/definition/type_port.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* Reports at a key's value, or at the key itself, when the text has it. */
#define refuse_value(walk, base, name, ...)                                              \
	do {                                                                             \
		const struct origin *origin_ = walk_origin(walk, base, name);            \
		if (origin_)                                                             \
			report_add((walk)->report, &origin_->value->place, __VA_ARGS__); \
	} while (0)

#define refuse_key(walk, base, name, ...)                                              \
	do {                                                                           \
		const struct origin *origin_ = walk_origin(walk, base, name);          \
		if (origin_)                                                           \
			report_add((walk)->report, &origin_->key->place, __VA_ARGS__); \
	} while (0)

/* Whether the text tries to name something that boots, even when its value was refused. */
static bool boots(const struct walk *walk, const struct definition *definition)
{
	const struct origin *boot = walk_origin(walk, definition, "boot");
	const struct origin *disks = walk_origin(walk, definition, "disks");

	if (walk_origin(walk, &definition->boot, "kernel") || definition->qemu.arg_count)
		return true;
	if (boot && boot->value->kind != NODE_MAPPING)
		return true;
	return disks && (disks->value->kind != NODE_LIST || disks->value->count);
}

static void check_boot(const struct walk *walk, const struct definition *definition,
		       const struct node *root)
{
	if (!boots(walk, definition))
		report_add(walk->report, &root->place,
			   "nothing to boot: neither 'kernel' in 'boot' nor 'disks' is there");
	if (walk_origin(walk, &definition->boot, "kernel"))
		return;
	refuse_key(walk, &definition->boot, "initrd", "'initrd' needs 'kernel' beside it");
	refuse_key(walk, &definition->boot, "cmdline", "'cmdline' needs 'kernel' beside it");
}

/* A digest, even one that was refused, is there. */
static bool pinned(const struct walk *walk, const struct disk *disk)
{
	return walk_origin(walk, disk, "sha256") || walk_origin(walk, disk, "sha512");
}

/* An image from a URL is known by its digest; one of the user's own is the user's to change. */
static bool has_image(const struct walk *walk, const struct disk *disk)
{
	return walk_origin(walk, disk, "image");
}

static void check_blank(const struct walk *walk, const struct disk *disk, const struct node *entry)
{
	if (!walk_origin(walk, disk, "size"))
		report_add(walk->report, &entry->place,
			   "a disk needs 'image', or 'size' for a new and empty one");
	if (disk->device == DISK_CDROM)
		refuse_value(walk, disk, "device", "'device: cdrom' needs 'image' beside it");
	else if (disk->mode == DISK_DIRECT || disk->mode == DISK_READONLY)
		refuse_value(walk, disk, "mode", "'mode: %s' needs 'image' beside it",
			     disk->mode == DISK_DIRECT ? "direct" : "readonly");
	if (disk->format != DISK_FORMAT_AUTO)
		refuse_key(walk, disk, "format", "'format' needs 'image' beside it");
}

static void check_source(const struct walk *walk, const struct disk *disk)
{
	if (disk->image || !has_image(walk, disk)) {
		refuse_key(walk, disk, "sha256", "'sha256' is for an image from a URL");
		refuse_key(walk, disk, "sha512", "'sha512' is for an image from a URL");
		return;
	}
	/* Neither: what is there was refused. */
	if (!disk->url_count)
		return;
	if (!pinned(walk, disk) && !walk->unpinned)
		refuse_value(walk, disk, "image",
			     "'image' is a URL and needs 'sha256' or 'sha512' beside it: the "
			     "publisher's own, or see --accept-digest in vmrun(1)");
	if (walk_origin(walk, disk, "sha256"))
		refuse_key(walk, disk, "sha512", "'sha256' is there, too: one digest is enough");
	if (disk->mode == DISK_DIRECT)
		refuse_value(walk, disk, "mode",
			     "'mode: direct' would change an image from a URL, which must keep "
			     "its digest");
}

static void check_disk(const struct walk *walk, const struct disk *disk, const struct node *entry)
{
	check_source(walk, disk);
	if (!has_image(walk, disk)) {
		/* What is no mapping was refused. */
		if (entry->kind == NODE_MAPPING)
			check_blank(walk, disk, entry);
		return;
	}
	if (disk->device == DISK_CDROM && disk->mode != DISK_READONLY)
		refuse_value(walk, disk, "mode",
			     "'mode' can only be readonly for a CD-ROM, as a file named .iso is "
			     "without another 'device'");
	if (disk->device == DISK_SATA && disk->mode == DISK_READONLY)
		refuse_value(
			walk, disk, "mode",
			"'mode: readonly' cannot be with 'device: sata': use virtio, scsi, nvme "
			"or cdrom");
	if (disk->size && disk->mode != DISK_OVERLAY && disk->mode != DISK_SNAPSHOT)
		refuse_key(walk, disk, "size",
			   "'size' is for the modes overlay and snapshot: others leave the image "
			   "as large as it is");
}

/* What QEMU would refuse only when it starts. */
static void check_ports_of_disks(const struct walk *walk, const struct definition *definition)
{
	const char *type = definition->machine.type;
	const unsigned int ports = type ? machine_ide_ports(type) : DISKS_MAX;
	unsigned int count = 0;

	for (unsigned int i = 0; i < definition->disk_count; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->device == DISK_SATA && !ports)
			refuse_value(
				walk, disk, "device",
				"'device: sata' needs the machine type q35 or pc, not '%s': use "
				"virtio, scsi or nvme",
				type);
		if (!ports || (disk->device != DISK_SATA && disk->device != DISK_CDROM) ||
		    ++count <= ports)
			continue;
		report_add(walk->report,
			   &walk_origin(walk, definition, "disks")->value->items[i]->place,
			   "machine type '%s' has no more than %u ports for SATA disks and CD-ROMs",
			   type, ports);
	}
}

/* Where a way of 'configure' is named: the entry of the list, or the value itself. */
static const struct place *way_place(const struct walk *walk, const struct network *network,
				     unsigned int way)
{
	const struct node *value = walk_origin(walk, network, "configure")->value;
	const char *name = words_name(&configure_words, way);

	for (unsigned int i = 0; value->kind == NODE_LIST && i < value->count; i++)
		if (value->items[i]->kind == NODE_SCALAR && !strcmp(value->items[i]->text, name))
			return &value->items[i]->place;
	return &value->place;
}

static void check_configure(const struct walk *walk, const struct definition *definition)
{
	const struct network *network = &definition->network;

	if ((network->configure & CONFIGURE_CMDLINE) &&
	    !walk_origin(walk, &definition->boot, "kernel"))
		report_add(walk->report, way_place(walk, network, CONFIGURE_CMDLINE),
			   "'cmdline' needs 'kernel' in 'boot': only then is there a command line "
			   "to add to");
}

static bool in_range(const struct network *network, struct in_addr address)
{
	return ntohl(address.s_addr) >= ntohl(network->range_first.s_addr) &&
	       ntohl(address.s_addr) <= ntohl(network->range_last.s_addr);
}

static void check_addresses(const struct walk *walk, const struct network *network)
{
	char text[IPV4_TEXT_SIZE];

	if (ipv4_unset(network->address))
		return;
	ipv4_text(network->address, text);
	if (!ipv4_unset(network->range_first) && !in_range(network, network->address))
		refuse_value(walk, network, "address", "'address' is not in 'range'");
	if (network->gateway_mode == GATEWAY_ADDRESS &&
	    ipv4_equal(network->gateway, network->address))
		refuse_value(walk, network, "gateway", "'gateway' is the VM's own address %s",
			     text);
}

static void check_machine(const struct walk *walk, const struct definition *definition)
{
	const char *type = definition->machine.type;

	if (!definition->machine.secure_boot)
		return;
	if (!definition->machine.firmware.uefi)
		refuse_key(walk, &definition->machine, "secure-boot",
			   "'secure-boot' needs 'firmware: uefi' beside it");
	/* Only its chipset can keep the system from writing to the flash. */
	if (type && !machine_has_ahci(type))
		refuse_key(walk, &definition->machine, "secure-boot",
			   "'secure-boot' needs the machine type q35, not '%s'", type);
}

static void check_network(const struct walk *walk, const struct definition *definition)
{
	const struct network *network = &definition->network;

	check_configure(walk, definition);
	check_addresses(walk, network);
	if (network->queues > 1 && network->model && !machine_virtio(network->model))
		refuse_value(walk, network, "queues",
			     "'queues' above 1 needs the model virtio, not '%s'", network->model);
}

/* MACs that are derived differ by themselves. */
static void check_macs(const struct walk *walk, const struct definition *definition)
{
	const struct network *one, *other;

	for (unsigned int i = 0; (one = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < i; k++) {
			other = definition_network(definition, k);
			if (one->mac_auto || other->mac_auto ||
			    memcmp(&one->mac, &other->mac, sizeof(one->mac)) != 0)
				continue;
			refuse_value(walk, one, "mac", "'mac' is that of 'network.%u', too", k);
			break;
		}
}

/* Whether an entry before this one, of any network, has taken the port already. */
static bool port_taken(const struct definition *definition, const struct port *port)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++) {
			if (&network->ports[k] == port)
				return false;
			if (port_same(&network->ports[k], port))
				return true;
		}
	return false;
}

static void check_ports(const struct walk *walk, const struct definition *definition)
{
	const struct network *network;
	char text[PORT_TEXT_SIZE];

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++) {
			const struct port *port = &network->ports[k];
			const struct node *value = walk_origin(walk, network, "ports")->value;

			/* 0: what is there was refused. */
			if (port->host && port_taken(definition, port))
				report_add(walk->report, &value->items[k]->place,
					   "two entries of 'ports' need the same port of this "
					   "host: '%s'",
					   port_text(port, text));
		}
}

static void check_credential(const struct walk *walk, const struct definition *definition,
			     unsigned int index)
{
	const struct credential *credential = &definition->credentials[index];
	const struct node *list = walk_origin(walk, definition, "credentials")->value;
	const bool value = walk_origin(walk, credential, "value");

	if (!value && !walk_origin(walk, credential, "file"))
		report_add(walk->report, &list->items[index]->place,
			   "'credentials.%u' needs 'value' or 'file'", index);
	if (value)
		refuse_key(walk, credential, "file",
			   "'value' is there, too: one of them is enough");
	for (unsigned int i = 0; i < index && credential->name; i++)
		if (definition->credentials[i].name &&
		    !strcmp(definition->credentials[i].name, credential->name))
			refuse_value(walk, credential, "name",
				     "'credentials.%u' has this name, too", i);
}

static void check_shares(const struct walk *walk, const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->share_count; i++) {
		const struct share *share = &definition->shares[i];

		/* virtiofsd 1.11 can, but those before it would let the guest write. */
		if (share->readonly && share->driver == SHARE_VIRTIOFS)
			refuse_value(walk, share, "readonly",
				     "'readonly: true' needs 'driver: 9p': not every virtiofsd "
				     "can keep the guest from writing");
		if (!definition->cloud_init.present)
			refuse_key(
				walk, share, "mount",
				"'mount' needs 'cloud-init' in the definition: nobody else tells "
				"the guest");
		for (unsigned int k = 0; k < i; k++) {
			if (!share->tag || !definition->shares[k].tag ||
			    strcmp(share->tag, definition->shares[k].tag) != 0)
				continue;
			refuse_value(walk, share, "tag", "'tag' is that of 'shares.%u', too", k);
			break;
		}
	}
}

static void check_usb(const struct walk *walk, const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->usb_count; i++)
		for (unsigned int k = 0; k < i; k++) {
			/* 0: what is there was refused. */
			if (!definition->usb[i].vendor ||
			    memcmp(&definition->usb[i], &definition->usb[k],
				   sizeof(definition->usb[i])) != 0)
				continue;
			report_add(walk->report,
				   &walk_origin(walk, definition, "usb")->value->items[i]->place,
				   "'usb.%u' and 'usb.%u' are the same", k, i);
			break;
		}
}

void validate_definition(const struct walk *walk, const struct definition *definition,
			 const struct node *root)
{
	check_machine(walk, definition);
	check_boot(walk, definition, root);
	for (unsigned int i = 0; i < definition->disk_count; i++)
		check_disk(walk, &definition->disks[i],
			   walk_origin(walk, definition, "disks")->value->items[i]);
	check_ports_of_disks(walk, definition);
	check_network(walk, definition);
	check_macs(walk, definition);
	check_ports(walk, definition);
	check_shares(walk, definition);
	check_usb(walk, definition);
	for (unsigned int i = 0; i < definition->credential_count; i++)
		check_credential(walk, definition, i);
}

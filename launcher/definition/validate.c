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

/* Adds an error at a key's value, or at the key itself, if the text has the key. */
#define refuse_value(loader, base, name, ...)                                             \
	do {                                                                              \
		const struct origin *origin_ = schema_origin(loader, base, name);         \
		if (origin_)                                                              \
			diagnostics_add((loader)->diagnostics, &origin_->value->location, \
					__VA_ARGS__);                                     \
	} while (0)

#define refuse_key(loader, base, name, ...)                                             \
	do {                                                                            \
		const struct origin *origin_ = schema_origin(loader, base, name);       \
		if (origin_)                                                            \
			diagnostics_add((loader)->diagnostics, &origin_->key->location, \
					__VA_ARGS__);                                   \
	} while (0)

/* True if the text names something to boot, even if the value was refused. */
static bool boots(const struct loader *loader, const struct definition *definition)
{
	const struct origin *boot = schema_origin(loader, definition, "boot");
	const struct origin *disks = schema_origin(loader, definition, "disks");

	if (schema_origin(loader, &definition->boot, "kernel") || definition->qemu.arg_count)
		return true;
	if (boot && boot->value->kind != NODE_MAPPING)
		return true;
	return disks && (disks->value->kind != NODE_LIST || disks->value->count);
}

#define NOT_BESIDE_KERNEL "'%s' cannot be beside 'kernel', which the machine boots"

static bool has_disk(const struct definition *definition, enum boot_device kind)
{
	for (unsigned int i = 0; i < definition->disk_count; i++)
		if ((definition->disks[i].device == DISK_CDROM) == (kind == BOOT_CDROM))
			return true;
	return false;
}

static void check_order(const struct loader *loader, const struct definition *definition)
{
	if (definition->boot.order_count > 1 &&
	    definition->boot.order[0] == definition->boot.order[1] && definition->boot.order[0])
		refuse_value(loader, &definition->boot, "order", "'order' has a word twice");
	if (definition->boot.once && !has_disk(definition, definition->boot.once))
		refuse_value(loader, &definition->boot, "once", "none of the disks is a %s",
			     definition->boot.once == BOOT_CDROM ? "CD-ROM" : "disk");
}

static void check_boot(const struct loader *loader, const struct definition *definition,
		       const struct node *root)
{
	if (!boots(loader, definition))
		diagnostics_add(loader->diagnostics, &root->location,
				"nothing to boot: add 'disks', or 'kernel' in 'boot'");
	check_order(loader, definition);
	if (schema_origin(loader, &definition->boot, "kernel")) {
		refuse_key(loader, &definition->boot, "order", NOT_BESIDE_KERNEL, "order");
		refuse_key(loader, &definition->boot, "once", NOT_BESIDE_KERNEL, "once");
		return;
	}
	refuse_key(loader, &definition->boot, "initrd", "'initrd' needs 'kernel' beside it");
	refuse_key(loader, &definition->boot, "cmdline", "'cmdline' needs 'kernel' beside it");
}

/* True if the text has a digest, even a refused one. */
static bool pinned(const struct loader *loader, const struct disk *disk)
{
	return schema_origin(loader, disk, "sha256") || schema_origin(loader, disk, "sha512");
}

static bool has_image(const struct loader *loader, const struct disk *disk)
{
	return schema_origin(loader, disk, "image");
}

static void check_blank(const struct loader *loader, const struct disk *disk,
			const struct node *entry)
{
	if (!schema_origin(loader, disk, "size"))
		diagnostics_add(loader->diagnostics, &entry->location,
				"a disk needs 'image', or 'size' for a new and empty one");
	if (disk->device == DISK_CDROM)
		refuse_value(loader, disk, "device", "'device: cdrom' needs 'image' beside it");
	else if (disk->mode == DISK_DIRECT || disk->mode == DISK_READONLY)
		refuse_value(loader, disk, "mode", "'mode: %s' needs 'image' beside it",
			     disk->mode == DISK_DIRECT ? "direct" : "readonly");
	if (disk->format != DISK_FORMAT_AUTO)
		refuse_key(loader, disk, "format", "'format' needs 'image' beside it");
}

/* An image from a URL must have a digest; one of the user's own may have one. */
static void check_source(const struct loader *loader, const struct disk *disk)
{
	if (!has_image(loader, disk)) {
		refuse_key(loader, disk, "sha256", "'sha256' needs 'image' beside it");
		refuse_key(loader, disk, "sha512", "'sha512' needs 'image' beside it");
		return;
	}
	if (schema_origin(loader, disk, "sha256"))
		refuse_key(loader, disk, "sha512", "'sha256' is there already: give one digest");
	if (disk->image && pinned(loader, disk) && disk->mode == DISK_DIRECT)
		refuse_value(loader, disk, "mode",
			     "'mode: direct' would change the image, which must keep its digest");
	/* A path, or the value was refused. */
	if (!disk->url_count)
		return;
	if (!pinned(loader, disk) && !loader->unpinned)
		refuse_value(loader, disk, "image",
			     "'image' is a URL and needs 'sha256' or 'sha512' beside it: the "
			     "publisher's own, or see --accept-digest in vmrun(1)");
	if (disk->mode == DISK_DIRECT)
		refuse_value(loader, disk, "mode",
			     "'mode: direct' would change an image from a URL, which must keep "
			     "its digest");
}

static void check_disk(const struct loader *loader, const struct disk *disk,
		       const struct node *entry)
{
	check_source(loader, disk);
	if (!has_image(loader, disk)) {
		/* Any other entry was refused. */
		if (entry->kind == NODE_MAPPING)
			check_blank(loader, disk, entry);
		return;
	}
	if (disk->device == DISK_CDROM && disk->mode != DISK_READONLY)
		refuse_value(loader, disk, "mode",
			     "'mode' must be readonly for a CD-ROM; an image named .iso is one "
			     "without another 'device'");
	if (disk->device == DISK_SATA && disk->mode == DISK_READONLY)
		refuse_value(
			loader, disk, "mode",
			"'mode: readonly' does not work with 'device: sata': use virtio, scsi, "
			"nvme or cdrom");
	if (disk->size && disk->mode != DISK_OVERLAY && disk->mode != DISK_SNAPSHOT)
		refuse_key(loader, disk, "size",
			   "'size' is for the modes overlay and snapshot: others leave the image "
			   "as large as it is");
}

/* The guest names a disk by its serial number, for example in /dev/disk/by-id. */
static void check_serials(const struct loader *loader, const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->disk_count; i++)
		for (unsigned int k = 0; k < i && definition->disks[i].serial; k++)
			if (definition->disks[k].serial &&
			    !strcmp(definition->disks[i].serial, definition->disks[k].serial))
				refuse_value(loader, &definition->disks[i], "serial",
					     "'serial' is the same as in 'disks.%u'", k);
}

/* Without this check, QEMU would refuse the disks when it starts. */
static void check_disk_ports(const struct loader *loader, const struct definition *definition)
{
	const char *type = definition->machine.type;
	const unsigned int ports = type ? machine_ide_ports(type) : DISKS_MAX;
	unsigned int count = 0;

	for (unsigned int i = 0; i < definition->disk_count; i++) {
		const struct disk *disk = &definition->disks[i];

		if (disk->device == DISK_SATA && !ports)
			refuse_value(
				loader, disk, "device",
				"'device: sata' needs the machine type q35 or pc, not '%s': use "
				"virtio, scsi or nvme",
				type);
		if (!ports || (disk->device != DISK_SATA && disk->device != DISK_CDROM) ||
		    ++count <= ports)
			continue;
		diagnostics_add(
			loader->diagnostics,
			&schema_origin(loader, definition, "disks")->value->items[i]->location,
			"machine type '%s' has no more than %u ports for SATA disks and CD-ROMs",
			type, ports);
	}
}

/* Finds a way in the value of 'configure': its entry of the list, or the value itself. */
static const struct location *way_location(const struct loader *loader,
					   const struct network *network, unsigned int way)
{
	const struct node *value = schema_origin(loader, network, "configure")->value;
	const char *name = type_words_name(&type_address_configure_words, way);

	for (unsigned int i = 0; value->kind == NODE_LIST && i < value->count; i++)
		if (value->items[i]->kind == NODE_SCALAR && !strcmp(value->items[i]->text, name))
			return &value->items[i]->location;
	return &value->location;
}

static void check_configure(const struct loader *loader, const struct definition *definition,
			    const struct network *network)
{
	if ((network->configure & CONFIGURE_CMDLINE) &&
	    !schema_origin(loader, &definition->boot, "kernel"))
		diagnostics_add(
			loader->diagnostics, way_location(loader, network, CONFIGURE_CMDLINE),
			"'cmdline' needs 'kernel' in 'boot': without it there is no command line "
			"to add the address to");
}

static bool in_range(const struct network *network, struct in_addr address)
{
	return ntohl(address.s_addr) >= ntohl(network->range_first.s_addr) &&
	       ntohl(address.s_addr) <= ntohl(network->range_last.s_addr);
}

static void check_addresses(const struct loader *loader, const struct network *network)
{
	char text[IPV4_TEXT_SIZE];

	if (network->type != NETWORK_LAN || ipv4_unset(network->address))
		return;
	ipv4_text(network->address, text);
	if (network->prefix_length)
		refuse_value(loader, network, "address",
			     "'address' must be without a prefix length, which is that of the "
			     "LAN; did you mean '%s'?",
			     text);
	if (!ipv4_unset(network->range_first) && !in_range(network, network->address))
		refuse_value(loader, network, "address", "'address' is not in 'range'");
	if (network->gateway_mode == GATEWAY_ADDRESS &&
	    ipv4_equal(network->gateway, network->address))
		refuse_value(loader, network, "gateway", "'gateway' is the VM's own address %s",
			     text);
}

static void check_machine(const struct loader *loader, const struct definition *definition)
{
	const char *type = definition->machine.type;

	if (type && definition->display != DISPLAY_NONE && !machine_has_vga(type))
		refuse_value(loader, definition, "display",
			     "cannot give machine type '%s' a display: it has no VGA", type);
	if (!definition->machine.secure_boot)
		return;
	if (!definition->machine.firmware.uefi)
		refuse_key(loader, &definition->machine, "secure-boot",
			   "'secure-boot' needs 'firmware: uefi' beside it");
	/* Only the chipset of q35 can keep the guest's system from writing to the flash (SMM). */
	if (type && !machine_has_ahci(type))
		refuse_key(loader, &definition->machine, "secure-boot",
			   "'secure-boot' needs the machine type q35, not '%s'", type);
}

static void check_display(const struct loader *loader, const struct definition *definition)
{
	const enum video_model model = definition->video.model;

	if (definition->audio == AUDIO_SPICE && definition->display != DISPLAY_SPICE)
		refuse_value(loader, definition, "audio",
			     "'audio: spice' needs 'display: spice' beside it");
	if (model == VIDEO_VMWARE || model == VIDEO_CIRRUS)
		refuse_key(loader, &definition->video, "resolution",
			   "'resolution' needs the model virtio, std, qxl or bochs");
}

/* The host routes an address to one tap, whichever networks its uplinks are in. */
static void check_fixed(const struct loader *loader, const struct definition *definition,
			unsigned int index)
{
	const struct network *one = definition_network(definition, index), *other;

	for (unsigned int i = 0; i < index; i++) {
		other = definition_network(definition, i);
		if (other->type != NETWORK_LAN || ipv4_unset(one->address) ||
		    !ipv4_equal(one->address, other->address))
			continue;
		refuse_value(loader, one, "address", "'address' is the same as in 'network.%u'", i);
		return;
	}
}

static void check_lans(const struct loader *loader, const struct definition *definition)
{
	const struct network *network;
	unsigned int index;

	for (unsigned int i = 0; (network = definition_lan(definition, i, &index)); i++) {
		check_configure(loader, definition, network);
		check_addresses(loader, network);
		check_fixed(loader, definition, index);
		if (network->queues > 1 && network->model && !machine_virtio(network->model))
			refuse_value(loader, network, "queues",
				     "'queues' above 1 needs the model virtio, not '%s'",
				     network->model);
	}
}

/* Derived MACs always differ. */
static void check_macs(const struct loader *loader, const struct definition *definition)
{
	const struct network *one, *other;

	for (unsigned int i = 0; (one = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < i; k++) {
			other = definition_network(definition, k);
			if (one->mac_auto || other->mac_auto ||
			    memcmp(&one->mac, &other->mac, sizeof(one->mac)) != 0)
				continue;
			refuse_value(loader, one, "mac", "'mac' is the same as in 'network.%u'", k);
			break;
		}
}

/* True if the guest gets vmrun's network-config; see configures_network() of nocloud.c. */
static bool has_network_config(const struct definition *definition)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_lan(definition, i, NULL)); i++)
		if (network->configure ? network->configure & CONFIGURE_CLOUD_INIT
				       : definition->cloud_init.present)
			return true;
	return !definition_lan(definition, 0, NULL) && definition->cloud_init.present;
}

static void check_private(const struct loader *loader, const struct definition *definition,
			  const struct network *network)
{
	char text[IPV4_TEXT_SIZE];

	if (network->type != NETWORK_PRIVATE || ipv4_unset(network->address))
		return;
	if (!network->prefix_length)
		refuse_value(loader, network, "address",
			     "'address' needs a prefix length in a private network; did you mean "
			     "'%s/24'?",
			     ipv4_text(network->address, text));
	if (!has_network_config(definition))
		refuse_key(loader, network, "address",
			   "'address' of a private network needs cloud-init, by which the guest "
			   "gets it");
}

static void check_privates(const struct loader *loader, const struct definition *definition)
{
	const struct network *one;

	for (unsigned int i = 0; (one = definition_network(definition, i)); i++) {
		check_private(loader, definition, one);
		/* The VM has one socket in the network. */
		for (unsigned int k = 0; k < i && one->name[0]; k++)
			if (!strcmp(one->name, definition_network(definition, k)->name))
				refuse_value(loader, one, "name",
					     "'name' is the same as in 'network.%u'", k);
	}
}

/* True if an earlier entry, of any network, uses the same port. */
static bool port_taken(const struct definition *definition, const struct port *port)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++) {
			if (&network->ports[k] == port)
				return false;
			if (type_port_same(&network->ports[k], port))
				return true;
		}
	return false;
}

static void check_ports(const struct loader *loader, const struct definition *definition)
{
	const struct network *network;
	char text[TYPE_PORT_TEXT_SIZE];

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		for (unsigned int k = 0; k < network->port_count; k++) {
			const struct port *port = &network->ports[k];
			const struct node *value = schema_origin(loader, network, "ports")->value;

			/* 0: the value was refused. */
			if (port->host && port_taken(definition, port))
				diagnostics_add(loader->diagnostics, &value->items[k]->location,
						"two entries of 'ports' need the same port of this "
						"host: '%s'",
						type_port_text(port, text));
		}
}

static void check_credential(const struct loader *loader, const struct definition *definition,
			     unsigned int index)
{
	const struct credential *credential = &definition->credentials[index];
	const struct node *list = schema_origin(loader, definition, "credentials")->value;
	const bool value = schema_origin(loader, credential, "value");

	if (!value && !schema_origin(loader, credential, "file"))
		diagnostics_add(loader->diagnostics, &list->items[index]->location,
				"'credentials.%u' needs 'value' or 'file'", index);
	if (value)
		refuse_key(loader, credential, "file",
			   "'value' is there already: give one of them");
	for (unsigned int i = 0; i < index && credential->name; i++)
		if (definition->credentials[i].name &&
		    !strcmp(definition->credentials[i].name, credential->name))
			refuse_value(loader, credential, "name",
				     "'name' is the same as in 'credentials.%u'", i);
}

/* The pattern of a hash in handle() of cloud-init's cc_set_passwords.py. */
static void check_password(const struct loader *loader, const struct definition *definition)
{
	static const char *const methods[] = { "$1$", "$2a$", "$2y$", "$5$", "$6$" };
	const struct cloud_init *cloud_init = &definition->cloud_init;
	const char *password = cloud_init->password;
	bool known;

	if (!password || !cloud_init->user || strcmp(cloud_init->user, CLOUD_INIT_USER_DEFAULT))
		return;
	known = password[0] != '$';
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		known = known || !strncmp(password, methods[i], strlen(methods[i]));
	if (!known)
		refuse_value(loader, cloud_init, "password",
			     "with 'user: default', a hash must begin with '$6$', '$5$', '$2y$', "
			     "'$2a$' or '$1$'");
}

static void check_shares(const struct loader *loader, const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->share_count; i++) {
		const struct share *share = &definition->shares[i];

		/* virtiofsd before 1.11 cannot do it: it would let the guest write. */
		if (share->readonly && share->driver == SHARE_VIRTIOFS)
			refuse_value(loader, share, "readonly",
				     "'readonly: true' needs 'driver: 9p': not every virtiofsd "
				     "can keep the guest from writing");
		if (!definition->cloud_init.present)
			refuse_key(
				loader, share, "mount",
				"'mount' needs 'cloud-init' in the definition, which mounts it in "
				"the guest");
		for (unsigned int k = 0; k < i; k++) {
			if (!share->tag || !definition->shares[k].tag ||
			    strcmp(share->tag, definition->shares[k].tag) != 0)
				continue;
			refuse_value(loader, share, "tag", "'tag' is the same as in 'shares.%u'",
				     k);
			break;
		}
	}
}

static void check_usb(const struct loader *loader, const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->usb_count; i++)
		for (unsigned int k = 0; k < i; k++) {
			/* 0: the value was refused. */
			if (!definition->usb[i].vendor ||
			    memcmp(&definition->usb[i], &definition->usb[k],
				   sizeof(definition->usb[i])) != 0)
				continue;
			diagnostics_add(loader->diagnostics,
					&schema_origin(loader, definition, "usb")
						 ->value->items[i]
						 ->location,
					"'usb.%u' and 'usb.%u' are the same", k, i);
			break;
		}
}

void validate_definition(const struct loader *loader, const struct definition *definition,
			 const struct node *root)
{
	check_machine(loader, definition);
	check_boot(loader, definition, root);
	for (unsigned int i = 0; i < definition->disk_count; i++)
		check_disk(loader, &definition->disks[i],
			   schema_origin(loader, definition, "disks")->value->items[i]);
	check_serials(loader, definition);
	check_disk_ports(loader, definition);
	check_display(loader, definition);
	check_lans(loader, definition);
	check_macs(loader, definition);
	check_privates(loader, definition);
	check_ports(loader, definition);
	check_password(loader, definition);
	check_shares(loader, definition);
	check_usb(loader, definition);
	for (unsigned int i = 0; i < definition->credential_count; i++)
		check_credential(loader, definition, i);
}

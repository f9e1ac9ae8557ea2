// SPDX-License-Identifier: GPL-2.0-or-later
// Holds a VM's definition: every key of vmrun.yaml(5), typed.
#include "launcher/definition/definition.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(NETWORKS_MAX <= CARDS_MAX, "each network may be a card on the LAN");

const struct network *definition_network(const struct definition *definition, unsigned int index)
{
	if (index > definition->other_count)
		return NULL;
	if (index == definition->network_index)
		return &definition->network;
	return &definition->others[index < definition->network_index ? index : index - 1];
}

const struct network *definition_lan(const struct definition *definition, unsigned int card,
				     unsigned int *index)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++) {
		if (network->type != NETWORK_LAN || card--)
			continue;
		if (index)
			*index = i;
		return network;
	}
	return NULL;
}

unsigned int definition_card_number(const struct definition *definition, unsigned int index)
{
	unsigned int card = 0;

	for (unsigned int i = 0; i < index; i++)
		card += definition_network(definition, i)->type == NETWORK_LAN;
	return card;
}

static void network_done(struct network *network)
{
	free(network->model);
	for (unsigned int i = 0; i < network->search_count; i++)
		free(network->search[i]);
}

static void cloud_init_done(struct cloud_init *cloud_init)
{
	free(cloud_init->user_data);
	free(cloud_init->network_config);
	free(cloud_init->vendor_data);
	free(cloud_init->user);
	free(cloud_init->password);
	for (unsigned int i = 0; i < cloud_init->ssh_key_count; i++)
		free(cloud_init->ssh_keys[i]);
	for (unsigned int i = 0; i < cloud_init->package_count; i++)
		free(cloud_init->packages[i]);
	for (unsigned int i = 0; i < cloud_init->run_count; i++)
		for (unsigned int k = 0; k < cloud_init->run[i].arg_count; k++)
			free(cloud_init->run[i].args[k]);
}

void definition_done(struct definition *definition)
{
	free(definition->path);
	free(definition->directory);
	free(definition->machine.type);
	free(definition->machine.cpu);
	free(definition->machine.firmware.file);
	free(definition->boot.kernel);
	free(definition->boot.initrd);
	free(definition->boot.cmdline);
	free(definition->smbios.manufacturer);
	free(definition->smbios.product);
	free(definition->smbios.version);
	free(definition->smbios.serial);
	free(definition->smbios.sku);
	free(definition->smbios.family);
	for (unsigned int i = 0; i < definition->disk_count; i++) {
		free(definition->disks[i].image);
		free(definition->disks[i].serial);
		for (unsigned int k = 0; k < definition->disks[i].url_count; k++)
			free(definition->disks[i].urls[k]);
	}
	network_done(&definition->network);
	for (unsigned int i = 0; i < definition->other_count; i++)
		network_done(&definition->others[i]);
	cloud_init_done(&definition->cloud_init);
	free(definition->ignition);
	for (unsigned int i = 0; i < definition->credential_count; i++) {
		free(definition->credentials[i].name);
		free(definition->credentials[i].value);
		free(definition->credentials[i].file);
	}
	for (unsigned int i = 0; i < definition->share_count; i++) {
		free(definition->shares[i].path);
		free(definition->shares[i].tag);
		free(definition->shares[i].mount);
	}
	free(definition->qemu.binary);
	for (unsigned int i = 0; i < definition->qemu.arg_count; i++)
		free(definition->qemu.args[i]);
	for (unsigned int i = 0; i < definition->qemu.file_count; i++)
		free(definition->qemu.files[i]);
	memset(definition, 0, sizeof(*definition));
}

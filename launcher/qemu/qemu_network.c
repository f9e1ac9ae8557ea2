// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the networks: tap descriptors and the guest's cards.
#include "launcher/qemu/qemu_network.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "launcher/definition/machine.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/*
 * Returns true if the card has an option ROM, which vmrun disables: no guest boots from the
 * network, the machine starts sooner, and the package of the ROMs is often not installed.
 */
static bool has_rom(const char *model)
{
	static const char *const models[] = { "e1000", "e1000e",  "igb",    "ne2k_pci",
					      "pcnet", "rtl8139", "vmxnet3" };

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (!strcmp(model, models[i]))
			return true;
	}
	return !strncmp(model, "virtio-net-pci", strlen("virtio-net-pci"));
}

/* Writes a list of @count consecutive descriptors, such as "6:7:8". */
static void write_fds(FILE *out, int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		fprintf(out, "%s%d", i ? ":" : "", first + (int)i);
}

/*
 * The tap is open already, so QEMU refuses ifname, script, downscript, vnet_hdr and queues.
 * netsetup chose their values when it made the tap.
 */
static void write_tap(FILE *out, const struct machine_plan *plan, unsigned int index)
{
	const unsigned int card = definition_card_number(plan->definition, index);
	const unsigned int queues = plan->cards[card].queues;

	fprintf(out, "tap,id=lan%u,%s=", card, queues > 1 ? "fds" : "fd");
	write_fds(out, qemu_fd_tap(card), queues);
	if (plan->cards[card].vhost) {
		fprintf(out, ",vhost=on,%s=", queues > 1 ? "vhostfds" : "vhostfd");
		write_fds(out, qemu_fd_vhost(card), queues);
	}
}

/* Writes the name of a network in QEMU; guest_link.c passes "lan0" and so on to set_link. */
static void write_id(FILE *out, const struct definition *definition, unsigned int index)
{
	const enum network_type type = definition_network(definition, index)->type;

	if (index == definition->network_index)
		fputs("lan0", out);
	else if (type == NETWORK_LAN)
		fprintf(out, "lan%u", definition_card_number(definition, index));
	else
		fprintf(out, "%s%u", type == NETWORK_USER ? "user" : "private", index);
}

/*
 * The first user network of a VM is QEMU's default, 10.0.2.0/24. The next ones are 10.0.3.0/24 and
 * so on, since each card of a guest needs a subnet of its own.
 */
static void write_user(FILE *out, const struct machine_plan *plan, unsigned int index)
{
	const struct network *network = definition_network(plan->definition, index);
	char address[IPV4_TEXT_SIZE];
	unsigned int before = 0;

	for (unsigned int i = 0; i < index; i++)
		if (definition_network(plan->definition, i)->type == NETWORK_USER)
			before++;
	fputs("user,id=", out);
	write_id(out, plan->definition, index);
	if (before)
		fprintf(out, ",net=10.0.%u.0/24", 2 + before);
	/* QEMU would announce itself as an IPv6 router and take traffic from the LAN's router. */
	if (definition_lan(plan->definition, 0, NULL))
		fputs(",ipv6=off", out);
	for (unsigned int i = 0; i < network->port_count; i++) {
		const struct port *port = &network->ports[i];

		fprintf(out, ",hostfwd=%s:%s:%u-:%u", port->udp ? "udp" : "tcp",
			ipv4_text(port->address, address), port->host, port->guest);
	}
}

/* Not -netdev dgram, which QEMU has since 7.2: it does the same with a socket that is connected. */
static void write_private(FILE *out, const struct machine_plan *plan, unsigned int index)
{
	fputs("socket,id=", out);
	write_id(out, plan->definition, index);
	fprintf(out, ",fd=%d", QEMU_FD_PRIVATE + (int)index);
}

static void write_backend(FILE *out, const struct machine_plan *plan, unsigned int index)
{
	switch (definition_network(plan->definition, index)->type) {
	case NETWORK_USER:
		write_user(out, plan, index);
		break;
	case NETWORK_PRIVATE:
		write_private(out, plan, index);
		break;
	case NETWORK_LAN:
		write_tap(out, plan, index);
		break;
	case NETWORK_NONE:
		break;
	}
}

static void write_card(FILE *out, const struct machine_plan *plan, unsigned int index)
{
	const struct network *network = definition_network(plan->definition, index);
	const char *model = strcmp(network->model, "virtio") ? network->model : "virtio-net-pci";
	const uint8_t *mac = network->mac.ether_addr_octet;
	const struct machine_card *card;

	fprintf(out, "%s,netdev=", model);
	write_id(out, plan->definition, index);
	fprintf(out, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	if (has_rom(model))
		fputs(",romfile=", out);
	if (network->type != NETWORK_LAN || !machine_virtio(model))
		return;

	card = &plan->cards[definition_card_number(plan->definition, index)];
	if (!card->lan)
		fputs(",host_mtu=MTU", out);
	else if (card->lan->mtu)
		fprintf(out, ",host_mtu=%" PRIu32, card->lan->mtu);
	/* One vector per direction of each queue pair, one for configuration, one for control. */
	if (card->queues > 1)
		fprintf(out, ",mq=on,vectors=%u", 2 * card->queues + 2);
}

/* Adds an option with the text that @write writes as its value. */
static void add_written(struct argv *argv, const char *option,
			void (*write)(FILE *out, const struct machine_plan *plan,
				      unsigned int index),
			const struct machine_plan *plan, unsigned int index)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		argv->failed = 1;
		return;
	}
	write(out, plan, index);
	if (ferror(out) | fclose(out))
		argv->failed = 1;
	else
		argv_add(argv, option, text, NULL);
	free(text);
}

static int check_network(const struct machine_plan *plan, unsigned int index, struct error *err)
{
	const struct network *network = definition_network(plan->definition, index);
	const char *model = network->model;
	unsigned int queues;
	int ret = qemu_text_check_word("network.model", model, err);

	if (ret || network->type != NETWORK_LAN)
		return ret;
	queues = plan->cards[definition_card_number(plan->definition, index)].queues;
	if (queues < 1 || queues > QUEUES_MAX)
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot make %u queues: 1 to %d are possible", queues,
				  QUEUES_MAX);
	if (queues > 1 && !machine_virtio(model))
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot make %u queues: network model '%s' has one", queues,
				  model);
	return 0;
}

int qemu_network_add(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	int ret;

	if (plan->definition->network.type == NETWORK_NONE) {
		argv_add(argv, "-nic", "none", NULL);
		return 0;
	}
	for (unsigned int i = 0; definition_network(plan->definition, i); i++) {
		ret = check_network(plan, i, err);
		if (ret)
			return ret;
		add_written(argv, "-netdev", write_backend, plan, i);
		add_written(argv, "-device", write_card, plan, i);
	}
	return 0;
}

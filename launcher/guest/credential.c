// SPDX-License-Identifier: GPL-2.0-or-later
// Makes system credentials, which systemd in the guest reads from SMBIOS.
#include "launcher/guest/credential.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/definition/machine.h"
#include "launcher/guest/ssh_key.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/*
 * Theory of operation: each credential is one string in a memfd that QEMU inherits. Threat: all
 * users of the host can read QEMU's command. So the command has the descriptor's number only
 * (test: test_qemu.c).
 */

static bool card_wanted(const struct definition *definition, unsigned int card)
{
	const struct network *network = definition_lan(definition, card, NULL);

	return network && (network->configure & CONFIGURE_CREDENTIALS);
}

bool credential_wanted(const struct definition *definition)
{
	for (unsigned int card = 0; card < CARDS_MAX; card++)
		if (card_wanted(definition, card))
			return true;
	return false;
}

static int out_of_memory(struct error *err)
{
	return error_set_errno(err, ENOMEM, "cannot make a credential");
}

/* The credentials that vmrun adds. */

static int write_key(const char *key, void *out)
{
	return fprintf(out, "%s\n", key) < 0 ? -ENOMEM : 0;
}

static int write_keys(FILE *out, const struct machine_plan *plan, unsigned int card,
		      struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < plan->login.ssh_key_count && !ret; i++)
		ret = ssh_key_read(plan->login.ssh_keys[i], write_key, out, err);
	return ret;
}

static int write_name(FILE *out, const struct machine_plan *plan, unsigned int card,
		      struct error *err)
{
	fputs(plan->definition->name, out);
	return 0;
}

/* Writes the routes for what comes from a card's address; see add_source_route(). */
static void write_source_routes(FILE *out, const struct lan_place *lan, unsigned int card)
{
	const struct prefix prefix = { .address = lan->address, .length = lan->prefix_length };
	const struct prefix subnet = { ipv4_prefix_network(&prefix), prefix.length };
	const unsigned int table = MACHINE_ROUTE_TABLE + card;
	char text[IPV4_TEXT_SIZE];

	if (card && !ipv4_unset(lan->gateway))
		fprintf(out, "\n[Route]\nGateway=%s\nMetric=%u\n", ipv4_text(lan->gateway, text),
			MACHINE_ROUTE_METRIC + card);
	fprintf(out, "\n[Route]\nDestination=%s\nScope=link\nTable=%u\n",
		ipv4_prefix_text(&subnet, text), table);
	if (!ipv4_unset(lan->gateway))
		fprintf(out, "\n[Route]\nGateway=%s\nTable=%u\n", ipv4_text(lan->gateway, text),
			table);
	fprintf(out, "\n[RoutingPolicyRule]\nFrom=%s\nTable=%u\n", ipv4_text(lan->address, text),
		table);
}

/* Writes a systemd.network(5) file. A further card has the definition's servers only. */
static int write_network(FILE *out, const struct machine_plan *plan, unsigned int card,
			 struct error *err)
{
	const struct network *network = definition_lan(plan->definition, card, NULL);
	const struct machine_card *values = &plan->cards[card];
	const struct lan_place *lan = values->lan;
	const unsigned int dns_count = card ? network->dns_count : values->dns_count;
	struct prefix prefix = { .address = lan->address, .length = lan->prefix_length };
	char text[IPV4_TEXT_SIZE], mac[ARP_MAC_TEXT_SIZE];

	fprintf(out, "[Match]\nMACAddress=%s\n\n", scalar_mac_text(&network->mac, mac));
	if (lan->mtu)
		fprintf(out, "[Link]\nMTUBytes=%" PRIu32 "\n\n", lan->mtu);
	fprintf(out, "[Network]\nAddress=%s\n", ipv4_prefix_text(&prefix, text));
	if (card == 0 && !ipv4_unset(lan->gateway))
		fprintf(out, "Gateway=%s\n", ipv4_text(lan->gateway, text));
	for (unsigned int i = 0; i < dns_count; i++)
		fprintf(out, "DNS=%s\n", ipv4_text(values->dns[i], text));
	for (unsigned int i = 0; i < network->search_count; i++)
		fprintf(out, "Domains=%s\n", network->search[i]);
	if (definition_lan(plan->definition, 1, NULL))
		write_source_routes(out, lan, card);
	return 0;
}

static const struct builtin {
	const char *name;
	int (*write)(FILE *out, const struct machine_plan *plan, unsigned int card,
		     struct error *err);
	unsigned int card;
} builtins[] = {
	{ "ssh.authorized_keys.root", write_keys, 0 },
	{ "system.hostname", write_name, 0 },
	{ "network.network.10-vmrun", write_network, 0 },
	{ "network.network.11-vmrun", write_network, 1 },
	{ "network.network.12-vmrun", write_network, 2 },
	{ "network.network.13-vmrun", write_network, 3 },
	{ "network.network.14-vmrun", write_network, 4 },
	{ "network.network.15-vmrun", write_network, 5 },
	{ "network.network.16-vmrun", write_network, 6 },
	{ "network.network.17-vmrun", write_network, 7 },
};

static bool keys_wanted(const struct definition *definition)
{
	const struct cloud_init *cloud_init = &definition->cloud_init;

	return !cloud_init->present || cloud_init->ssh_keys_auto || cloud_init->ssh_key_count;
}

/* Returns false if the user has a credential of this name, which takes precedence. */
static bool builtin_wanted(const struct definition *definition, const struct builtin *builtin)
{
	for (unsigned int i = 0; i < definition->credential_count; i++)
		if (!strcmp(definition->credentials[i].name, builtin->name))
			return false;
	if (builtin->write == write_network)
		return card_wanted(definition, builtin->card);
	return builtin->write != write_keys || keys_wanted(definition);
}

unsigned int credential_count(const struct definition *definition)
{
	unsigned int count = definition->credential_count;

	for (size_t i = 0; i < ARRAY_SIZE(builtins) && credential_wanted(definition); i++)
		count += builtin_wanted(definition, &builtins[i]);
	return count;
}

/* Returns vmrun's credential with this index; an unwanted one does not count. */
static const struct builtin *find_builtin(const struct definition *definition, unsigned int index)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (builtin_wanted(definition, &builtins[i]) && index-- == 0)
			return &builtins[i];
	assert(false);
	return NULL;
}

static int write_user_credential(FILE *out, const struct credential *credential, struct error *err)
{
	cleanup_free char *data = NULL;
	size_t size;
	int ret;

	if (credential->value) {
		fputs(credential->value, out);
		return 0;
	}
	ret = file_read(credential->file, CREDENTIAL_SIZE_MAX, &data, &size, err);
	if (!ret)
		fwrite(data, 1, size, out);
	return ret;
}

static int read_value(const struct machine_plan *plan, unsigned int index, const char **name,
		      char **value, size_t *size, struct error *err)
{
	const struct definition *definition = plan->definition;
	cleanup_file FILE *out = open_memstream(value, size);
	int ret;

	if (!out)
		return out_of_memory(err);
	if (index < definition->credential_count) {
		*name = definition->credentials[index].name;
		ret = write_user_credential(out, &definition->credentials[index], err);
	} else {
		const struct builtin *builtin = find_builtin(definition,
							     index - definition->credential_count);

		*name = builtin->name;
		ret = builtin->write(out, plan, builtin->card, err);
	}
	if (!ret && (ferror(out) || fflush(out)))
		ret = out_of_memory(err);
	return ret;
}

/* Copies the text to a sealed memfd, which no process can change, not even through /proc. */
static int seal_text(const char *text, size_t size, struct error *err)
{
	cleanup_fd int fd = memfd_create("vmrun-credential", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || write(fd, text, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return error_set_errno(err, errno, "cannot make a credential");
	return take_fd(&fd);
}

int credential_open(const struct machine_plan *plan, unsigned int index, size_t *size,
		    struct error *err)
{
	cleanup_free char *value = NULL;
	cleanup_free char *text = NULL;
	cleanup_file FILE *out = NULL;
	const char *name = NULL;
	size_t value_size = 0;
	int ret;

	ret = read_value(plan, index, &name, &value, &value_size, err);
	if (ret)
		return ret;
	assert(name);
	out = open_memstream(&text, size);
	if (!out)
		return out_of_memory(err);
	fprintf(out, "io.systemd.credential.binary:%s=", name);
	text_write_base64(out, value, value_size);
	if (ferror(out) || fflush(out))
		return out_of_memory(err);
	return seal_text(text, *size, err);
}

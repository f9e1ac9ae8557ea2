// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the texts of a definition's seed, for the tests that show them to their readers.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/file.h"
#include "launcher/definition/definition.h"
#include "launcher/definition/load.h"
#include "launcher/guest/nocloud.h"
#include "launcher/guest/nocloud_files.h"
#include "netsetup/base/cleanup.h"

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(EXIT_FAILURE);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	cleanup_free char *path = NULL;
	FILE *file;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file))
		fail(path);
}

/* The place on the LAN: ADDRESS PREFIX GATEWAY MTU [DNS...]; GATEWAY 0.0.0.0 and MTU 0 for none. */
static void read_place(char **args, int count, struct lan_place *lan, struct machine_card *card)
{
	if (count < 4)
		fail("usage: seed_texts FILE DIRECTORY [ADDRESS PREFIX GATEWAY MTU [DNS...]]");
	lan->address.s_addr = inet_addr(args[0]);
	lan->prefix_length = (uint32_t)atoi(args[1]);
	lan->gateway.s_addr = inet_addr(args[2]);
	lan->mtu = (uint32_t)atoi(args[3]);
	card->dns_count = 0;
	for (int i = 4; i < count && card->dns_count < DNS_MAX; i++)
		card->dns[card->dns_count++].s_addr = inet_addr(args[i]);
	card->lan = lan;
}

/* Takes what the definition names; nothing of the user who runs this. */
static void take_login(struct machine_plan *plan)
{
	const struct cloud_init *cloud_init = &plan->definition->cloud_init;

	plan->login.user = cloud_init->user ? strdup(cloud_init->user) : NULL;
	for (unsigned int i = 0; i < cloud_init->ssh_key_count; i++)
		plan->login.ssh_keys[i] = strdup(cloud_init->ssh_keys[i]);
	plan->login.ssh_key_count = cloud_init->ssh_key_count;
}

int main(int argc, char **argv)
{
	struct machine_plan plan;
	struct definition definition;
	static struct lan_place places[CARDS_MAX];
	struct error err = { 0 };
	cleanup_free char *user_data = NULL;
	cleanup_free char *report = NULL;
	size_t size = 0;
	char *text = NULL;

	if (argc < 3)
		fail("usage: seed_texts FILE DIRECTORY [ADDRESS PREFIX GATEWAY MTU [DNS...]]");
	if (load_definition(argv[1], NULL, 0, &definition, &report) < 0)
		fail(report ? report : "out of memory");
	machine_plan_init(&plan, &definition);
	take_login(&plan);
	if (nocloud_files_meta_data(&definition, &text, &err) < 0)
		fail(err.message);
	write_file(argv[2], "meta-data", text);
	free(take_ptr(&text));
	if (definition.cloud_init.user_data &&
	    file_read(definition.cloud_init.user_data, USER_DATA_SIZE_MAX, &user_data, &size, &err))
		fail(err.message);
	if (nocloud_files_vendor_data(&plan, user_data, size, &text, &err) < 0)
		fail(err.message);
	write_file(argv[2], "vendor-data", text);
	free(take_ptr(&text));
	if (argc > 3) {
		/* Each further card has the next address. */
		for (uint32_t i = 0; i < CARDS_MAX; i++) {
			read_place(argv + 3, argc - 3, &places[i], &plan.cards[i]);
			places[i].address.s_addr = htonl(ntohl(places[i].address.s_addr) + i);
		}
		if (nocloud_files_network_config(&plan, &text, &err) < 0)
			fail(err.message);
		write_file(argv[2], "network-config", text);
		free(take_ptr(&text));
	}
	machine_plan_done(&plan);
	definition_done(&definition);
	return 0;
}

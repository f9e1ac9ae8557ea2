// SPDX-License-Identifier: GPL-2.0-or-later
// Adds the guest's address to its kernel's command line.
#include "launcher/guest/kernel_cmdline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* CONF_NAMESERVERS_MAX of net/ipv4/ipconfig.c is 3, but the parameter has fields for two. */
#define IP_PARAMETER_DNS_MAX 2

/*
 * Finds the next word as the kernel's next_arg() (lib/cmdline.c) does: a double quote hides spaces.
 * Returns the word's length, or 0 at the end; moves @text to the word's begin.
 */
static size_t next_word(const char **text)
{
	bool quoted = false;
	size_t length;

	*text += strspn(*text, " \t");
	for (length = 0; (*text)[length]; length++) {
		if ((*text)[length] == '"')
			quoted = !quoted;
		else if (!quoted && strchr(" \t", (*text)[length]))
			break;
	}
	return length;
}

/* Returns the position for a word of the kernel's, or NULL if the user has a word `ip=`. */
static const char *insertion_point(const char *cmdline)
{
	const char *word = cmdline;
	size_t length;

	while ((length = next_word(&word))) {
		if (length == 2 && !strncmp(word, "--", 2))
			return word;
		if (!strncmp(word, "ip=", 3))
			return NULL;
		word += length;
	}
	return word;
}

static void write_address(FILE *out, struct in_addr address)
{
	char text[IPV4_TEXT_SIZE];

	if (!ipv4_unset(address))
		fputs(ipv4_text(address, text), out);
}

/*
 * A further card has its address only: the gateway and the DNS servers are those of the first. The
 * kernel (ip_auto_config_setup() of net/ipv4/ipconfig.c) keeps a field of an earlier parameter that
 * the last one leaves empty.
 */
static void write_further(FILE *out, const struct machine_plan *plan, unsigned int card)
{
	const struct lan_place *lan = plan->cards[card].lan;
	unsigned int index = 0;

	definition_lan(plan->definition, card, &index);
	fputs("ip=", out);
	if (lan) {
		write_address(out, lan->address);
		fputs(":::", out);
		write_address(out, ipv4_mask(lan->prefix_length));
	} else {
		fprintf(out, "ADDRESS%u:::NETMASK%u", card, card);
	}
	fprintf(out, ":%s:eth%u:off", plan->definition->name, index);
}

static void write_ip(FILE *out, const struct machine_plan *plan)
{
	const struct machine_card *card = &plan->cards[0];
	const struct lan_place *lan = card->lan;

	fputs("ip=", out);
	if (lan) {
		write_address(out, lan->address);
		fputs("::", out);
		write_address(out, lan->gateway);
		fputc(':', out);
		write_address(out, ipv4_mask(lan->prefix_length));
	} else {
		fputs("ADDRESS::GATEWAY:NETMASK", out);
	}
	/*
	 * With several cards the kernel needs the card's name, else it uses DHCP (ip_auto_config()
	 * of net/ipv4/ipconfig.c). It names the cards eth0, eth1 and so on in their order.
	 */
	if (plan->definition->other_count)
		fprintf(out, ":%s:eth%u:off", plan->definition->name,
			plan->definition->network_index);
	else
		fprintf(out, ":%s::off", plan->definition->name);

	for (unsigned int i = 0; i < card->dns_count && i < IP_PARAMETER_DNS_MAX; i++) {
		fputc(':', out);
		write_address(out, card->dns[i]);
	}
}

static bool card_wanted(const struct definition *definition, unsigned int card)
{
	const struct network *network = definition_lan(definition, card, NULL);

	return network && (network->configure & CONFIGURE_CMDLINE);
}

static bool any_wanted(const struct definition *definition)
{
	for (unsigned int card = 0; card < CARDS_MAX; card++)
		if (card_wanted(definition, card))
			return true;
	return false;
}

/*
 * The first card comes last: the kernel and initramfs-tools use the last parameter alone. Dracut
 * and systemd-network-generator(8) use all of them.
 */
static void write_cards(FILE *out, const struct machine_plan *plan)
{
	const char *separator = "";

	for (unsigned int card = CARDS_MAX; card-- > 0;) {
		if (!card_wanted(plan->definition, card))
			continue;
		fputs(separator, out);
		separator = " ";
		if (card)
			write_further(out, plan, card);
		else
			write_ip(out, plan);
	}
}

int kernel_cmdline_build(const struct machine_plan *plan, char **cmdline, struct error *err)
{
	const char *users = plan->definition->boot.cmdline ? plan->definition->boot.cmdline : "";
	const char *at = insertion_point(users);
	cleanup_free char *text = NULL;
	size_t size;
	cleanup_file FILE *out = open_memstream(&text, &size);
	size_t before;

	if (!out)
		return error_set_errno(err, errno, "cannot make the kernel's command line");

	if (at && any_wanted(plan->definition)) {
		before = at - users;
		fprintf(out, "%.*s", (int)before, users);
		if (before && !strchr(" \t", users[before - 1]))
			fputc(' ', out);
		write_cards(out, plan);
		fprintf(out, "%s%s", *at ? " " : "", at);
	} else {
		fputs(users, out);
	}

	if (ferror(out) || fflush(out))
		return error_set_errno(err, ENOMEM, "cannot make the kernel's command line");
	fclose(take_ptr(&out));
	*cmdline = take_ptr(&text);
	return 0;
}

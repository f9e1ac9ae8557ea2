// SPDX-License-Identifier: GPL-2.0-or-later
// Tells users what drops the guest's packets on this host, and what helps.
#include "launcher/lan/forwarding.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "netsetup/base/ifname.h"
#include "netsetup/base/printable.h"

#define KINDS_TEXT_SIZE 32

const char *forwarding_word(const struct verdict *verdict)
{
	switch ((enum verdict_forwarding)verdict->forwarding) {
	case FORWARDING_OPEN:
		return "open";
	case FORWARDING_PARTLY:
		return "partly";
	case FORWARDING_CLOSED:
		return "closed";
	case FORWARDING_UNKNOWN:
	case FORWARDING_ALL:
		break;
	}
	return "unknown";
}

const char *forwarding_fate(uint8_t fate)
{
	static const char *const words[VERDICT_FATES] = {
		[VERDICT_UNKNOWN] = "unknown",       [VERDICT_PASSES] = "passes",
		[VERDICT_DROPPED] = "dropped",       [VERDICT_VANISHED] = "vanished",
		[VERDICT_UNROUTED] = "unrouted",     [VERDICT_DIVERTED] = "diverted",
		[VERDICT_TRANSLATED] = "translated",
	};

	return words[fate < VERDICT_FATES ? fate : VERDICT_UNKNOWN];
}

const char *forwarding_owner(const struct verdict_culprit *culprit)
{
	static const char *const names[VERDICT_OWNERS] = {
		[VERDICT_DOCKER] = "Docker",   [VERDICT_UFW] = "ufw",
		[VERDICT_NORDVPN] = "NordVPN", [VERDICT_FIREWALLD] = "firewalld",
		[VERDICT_MULLVAD] = "Mullvad", [VERDICT_LIBVIRT] = "libvirt",
	};

	return names[culprit->owner < VERDICT_OWNERS ? culprit->owner : VERDICT_OTHER];
}

/* Writes the kinds of one direction that have a fate: "TCP, UDP". */
static const char *kinds_text(const uint8_t fates[VERDICT_KINDS], uint8_t fate,
			      char text[KINDS_TEXT_SIZE])
{
	static const char *const names[VERDICT_KINDS] = { "TCP", "UDP", "ping" };
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < VERDICT_KINDS; i++)
		if (fates[i] == fate)
			used += (size_t)snprintf(text + used, KINDS_TEXT_SIZE - used, "%s%s",
						 used ? ", " : "", names[i]);
	return text;
}

/* The fate to report: the first that is none of a packet which passes. */
static uint8_t worst_fate(const struct verdict *verdict)
{
	const uint8_t *fates = verdict->fates[0];
	uint8_t worst = VERDICT_PASSES;

	for (size_t i = 0; i < sizeof(verdict->fates); i++)
		if (fates[i] != VERDICT_PASSES && fates[i] != VERDICT_UNKNOWN &&
		    (worst == VERDICT_PASSES || worst == VERDICT_TRANSLATED))
			worst = fates[i];
	return worst;
}

/* Writes who does it, and what: "Docker drops". */
static void subject_text(const struct verdict *verdict, uint8_t fate, char *text, size_t size)
{
	const struct verdict_culprit *culprit = &verdict->culprits[0];
	const char *owner = verdict->culprit_count ? forwarding_owner(culprit) : NULL;

	switch ((enum verdict_fate)fate) {
	case VERDICT_DROPPED:
		snprintf(text, size, "%s drops", owner ? owner : "a firewall of this host");
		break;
	case VERDICT_VANISHED:
		snprintf(text, size, "iptables-legacy, or a filter like it, drops");
		break;
	case VERDICT_UNROUTED:
		snprintf(text, size, "this host does not route");
		break;
	case VERDICT_DIVERTED:
		snprintf(text, size, "this host sends by another interface");
		break;
	case VERDICT_TRANSLATED:
		snprintf(text, size, "this host gives its own address to");
		break;
	case VERDICT_UNKNOWN:
	case VERDICT_PASSES:
	case VERDICT_FATES:
		text[0] = '\0';
		break;
	}
}

/* Writes the chain: " (ip filter FORWARD, policy)". */
static void chain_text(const struct verdict *verdict, char *text, size_t size)
{
	const struct verdict_culprit *culprit = &verdict->culprits[0];
	char rule[32] = "policy";

	text[0] = '\0';
	if (!verdict->culprit_count)
		return;
	if (culprit->rule)
		snprintf(rule, sizeof(rule), "rule %llu", (unsigned long long)culprit->rule);
	snprintf(text, size, " (%s %s %s, %s%s)", verdict_family(culprit), culprit->table,
		 culprit->chain, rule, verdict->culprit_count > 1 ? ", and others" : "");
}

bool forwarding_text(const struct verdict *verdict, char text[FORWARDING_TEXT_SIZE])
{
	const uint8_t fate = worst_fate(verdict);
	char subject[64], out[KINDS_TEXT_SIZE], in[KINDS_TEXT_SIZE];
	char chain[3 * NFT_NAME_SIZE];

	text[0] = '\0';
	if (fate == VERDICT_PASSES)
		return false;
	subject_text(verdict, fate, subject, sizeof(subject));
	chain_text(verdict, chain, sizeof(chain));
	kinds_text(verdict->fates[VERDICT_OUT], fate, out);
	kinds_text(verdict->fates[VERDICT_IN], fate, in);
	if (!strcmp(out, in))
		snprintf(text, FORWARDING_TEXT_SIZE, "%s %s between the guest and the LAN%s",
			 subject, out, chain);
	else
		snprintf(text, FORWARDING_TEXT_SIZE, "%s %s%s%s%s%s%s", subject, out,
			 out[0] ? " from the guest" : "", out[0] && in[0] ? ", " : "", in,
			 in[0] ? " to the guest" : "", chain);
	return true;
}

/* Names in a shell's words. The names of all taps are another pattern for nft than for others. */
struct words {
	char tap[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	char nft_tap[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
	char uplink[PRINTABLE_WORD_SIZE(IFNAMSIZ)];
};

/* The chain DOCKER-USER is Docker's own for such rules; it keeps them when it starts again. */
static void docker_remedy(const struct words *words, struct error *finding)
{
	error_remedy(finding, "sudo iptables -I DOCKER-USER -i %s -o %s -j ACCEPT", words->tap,
		     words->uplink);
	error_remedy(finding, "sudo iptables -I DOCKER-USER -i %s -o %s -j ACCEPT", words->uplink,
		     words->tap);
}

static void ufw_remedy(const struct words *words, struct error *finding)
{
	error_remedy(finding, "sudo ufw route allow in on %s out on %s", words->tap, words->uplink);
	error_remedy(finding, "sudo ufw route allow in on %s out on %s", words->uplink, words->tap);
}

/* firewalld forwards within a zone between the interfaces that it has been told, and no others. */
static void firewalld_remedy(const struct words *words, struct error *finding)
{
	error_remedy(finding,
		     "zone=$(sudo firewall-cmd --get-zone-of-interface=%s || sudo firewall-cmd "
		     "--get-default-zone)",
		     words->uplink);
	error_remedy(finding, "sudo firewall-cmd --zone=$zone --change-interface=%s",
		     words->uplink);
	error_remedy(finding, "sudo firewall-cmd --zone=$zone --change-interface=%s", words->tap);
	error_remedy(finding, "sudo firewall-cmd --zone=$zone --add-forward");
}

/* A rule at the head of the chain that drops. */
static void nft_remedy(const struct verdict_culprit *culprit, const struct words *words,
		       struct error *finding)
{
	char table[PRINTABLE_WORD_SIZE(NFT_NAME_SIZE)];
	char chain[PRINTABLE_WORD_SIZE(NFT_NAME_SIZE)];

	if (!culprit->base[0])
		return;
	printable_word(culprit->table, table);
	printable_word(culprit->base, chain);
	error_remedy(finding, "sudo nft insert rule %s %s %s iifname %s oifname %s accept",
		     verdict_family(culprit), table, chain, words->nft_tap, words->uplink);
	error_remedy(finding, "sudo nft insert rule %s %s %s iifname %s oifname %s accept",
		     verdict_family(culprit), table, chain, words->uplink, words->nft_tap);
}

static void add_for(const struct verdict_culprit *culprit, const struct words *words,
		    struct error *finding)
{
	switch ((enum verdict_owner)culprit->owner) {
	case VERDICT_DOCKER:
		docker_remedy(words, finding);
		break;
	case VERDICT_UFW:
		ufw_remedy(words, finding);
		break;
	case VERDICT_FIREWALLD:
		firewalld_remedy(words, finding);
		break;
	case VERDICT_MULLVAD:
		error_remedy(finding, "mullvad lan set allow");
		break;
	case VERDICT_NORDVPN:
	case VERDICT_LIBVIRT:
	case VERDICT_OTHER:
	case VERDICT_OWNERS:
		nft_remedy(culprit, words, finding);
		break;
	}
}

static void legacy_remedy(const struct words *words, struct error *finding)
{
	error_remedy(finding, "sudo iptables-legacy -I FORWARD -i %s -o %s -j ACCEPT", words->tap,
		     words->uplink);
	error_remedy(finding, "sudo iptables-legacy -I FORWARD -i %s -o %s -j ACCEPT",
		     words->uplink, words->tap);
}

/* True if an earlier culprit has the same remedy. */
static bool is_repeated(const struct verdict *verdict, size_t number)
{
	const struct verdict_culprit *culprit = &verdict->culprits[number];

	for (size_t i = 0; i < number; i++) {
		const struct verdict_culprit *other = &verdict->culprits[i];

		if (culprit->owner == other->owner &&
		    (culprit->owner != VERDICT_OTHER || !strcmp(culprit->base, other->base)))
			return true;
	}
	return false;
}

/* True if rules of vmrun are not tried yet, and each chain can have them. */
static bool allow_helps(const struct verdict *verdict)
{
	if (verdict->culprit_count == 0 || verdict->allowed || verdict->refused)
		return false;
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (!verdict->culprits[i].base[0])
			return false;
	return true;
}

void forwarding_remedy(const struct verdict *verdict, const char *tap, const char *uplink,
		       struct error *finding)
{
	struct words words;

	printable_word(tap ? tap : TAP_PREFIX "+", words.tap);
	printable_word(tap ? tap : TAP_PREFIX "*", words.nft_tap);
	printable_word(uplink, words.uplink);
	if (worst_fate(verdict) == VERDICT_VANISHED)
		legacy_remedy(&words, finding);
	for (size_t i = 0; i < verdict->culprit_count; i++)
		if (!is_repeated(verdict, i))
			add_for(&verdict->culprits[i], &words, finding);
	if (allow_helps(verdict))
		error_remedy(finding, "or have vmrun add its rules: --set network.firewall=allow");
	if (worst_fate(verdict) != VERDICT_PASSES)
		error_remedy(finding, "%sstart %s, below all of this: --set network.path=bridged",
			     finding->remedy[0] ? "or " : "", tap ? "the VM anew" : "VMs");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the rules of iptables-legacy and follows a packet through them.
#include "launcher/doctor/iptables.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

/* A larger table is not read. */
#define TABLE_SIZE_MAX (64u << 20)

#define DEPTH_MAX 16

static int read_entries(int fd, const char *name, const struct ipt_getinfo *info,
			struct iptables *table)
{
	socklen_t size = (socklen_t)(sizeof(struct ipt_get_entries) + info->size);
	cleanup_free struct ipt_get_entries *entries = calloc(1, size);

	if (!entries)
		return -ENOMEM;
	snprintf(entries->name, sizeof(entries->name), "%s", name);
	entries->size = info->size;
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &size) < 0)
		return -errno;
	table->entries = malloc(info->size);
	if (!table->entries)
		return -ENOMEM;
	memcpy(table->entries, entries->entrytable, info->size);
	table->size = info->size;
	memcpy(table->first, info->hook_entry, sizeof(table->first));
	memcpy(table->policy, info->underflow, sizeof(table->policy));
	return 0;
}

int iptables_read(const char *name, struct iptables *table)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = "" };
	socklen_t size = sizeof(info);

	snprintf(info.name, sizeof(info.name), "%s", name);
	if (fd < 0 || getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) < 0)
		return -errno;
	return info.size > TABLE_SIZE_MAX ? -EFBIG : read_entries(fd, name, &info, table);
}

void iptables_done(struct iptables *table)
{
	free(table->entries);
	*table = (struct iptables){ 0 };
}

/* A rule for any tap is one for all taps, since it was made for VMs. */
static bool interface_fits(const char *name, const char *wanted, const unsigned char *mask)
{
	char own[IFNAMSIZ] = TAP_PREFIX;
	size_t size = IFNAMSIZ;

	if (name)
		snprintf(own, sizeof(own), "%s", name);
	else
		size = strlen(TAP_PREFIX);
	for (size_t i = 0; i < size; i++)
		if ((own[i] ^ wanted[i]) & mask[i])
			return false;
	return true;
}

static bool address_fits(struct in_addr address, struct in_addr wanted, struct in_addr mask)
{
	return (address.s_addr & mask.s_addr) == wanted.s_addr;
}

static bool fits(const struct ipt_ip *ip, const struct packet *packet)
{
	return interface_fits(packet->in, ip->iniface, ip->iniface_mask) ==
		       !(ip->invflags & IPT_INV_VIA_IN) &&
	       interface_fits(packet->out, ip->outiface, ip->outiface_mask) ==
		       !(ip->invflags & IPT_INV_VIA_OUT) &&
	       address_fits(packet->source, ip->src, ip->smsk) == !(ip->invflags & IPT_INV_SRCIP) &&
	       address_fits(packet->destination, ip->dst, ip->dmsk) ==
		       !(ip->invflags & IPT_INV_DSTIP);
}

/* Returns true if the rule has no conditions but those of struct ipt_ip, and no protocol. */
static bool is_plain(const struct ipt_entry *entry)
{
	size_t at = sizeof(*entry);

	while (at + sizeof(struct xt_entry_match) <= entry->target_offset) {
		const struct xt_entry_match *match = (const void *)((const uint8_t *)entry + at);

		if (strcmp(match->u.user.name, "comment") != 0 ||
		    match->u.match_size < sizeof(*match))
			return false;
		at += match->u.match_size;
	}
	return entry->ip.proto == 0 && !(entry->ip.flags & IPT_F_FRAG);
}

static const struct ipt_entry *entry_at(const struct iptables *table, size_t at)
{
	const struct ipt_entry *entry = (const void *)(table->entries + at);

	if (at + sizeof(*entry) > table->size || at % _Alignof(struct ipt_entry) ||
	    entry->next_offset < sizeof(*entry) + sizeof(struct xt_standard_target) ||
	    entry->next_offset > table->size - at ||
	    entry->target_offset > entry->next_offset - sizeof(struct xt_standard_target))
		return NULL;
	return entry;
}

static enum packet_outcome named_outcome(const char *name)
{
	if (!strcmp(name, "REJECT"))
		return PACKET_DROP;
	if (!strcmp(name, "MASQUERADE") || !strcmp(name, "SNAT"))
		return PACKET_TRANSLATE;
	return PACKET_CONTINUE;
}

static enum packet_outcome walk(const struct iptables *table, size_t at,
				const struct packet *packet, unsigned int depth);

/* A verdict is an offset to jump to, or a negative code (ipt_do_table() of the kernel). */
static enum packet_outcome standard_outcome(const struct iptables *table,
					    const struct ipt_entry *entry, size_t next, int verdict,
					    const struct packet *packet, unsigned int depth)
{
	enum packet_outcome outcome;

	if (verdict == XT_RETURN)
		return PACKET_RETURN;
	if (verdict < 0)
		return -verdict - 1 == NF_ACCEPT ? PACKET_ACCEPT
		       : -verdict - 1 == NF_DROP ? PACKET_DROP
						 : PACKET_CONTINUE;
	if ((size_t)verdict == next)
		return PACKET_CONTINUE;
	outcome = walk(table, (size_t)verdict, packet, depth + 1);
	if (outcome == PACKET_RETURN && !(entry->ip.flags & IPT_F_GOTO))
		return PACKET_CONTINUE;
	return outcome;
}

static enum packet_outcome walk(const struct iptables *table, size_t at,
				const struct packet *packet, unsigned int depth)
{
	const struct ipt_entry *entry;
	enum packet_outcome outcome = PACKET_CONTINUE;

	for (; depth < DEPTH_MAX && (entry = entry_at(table, at)); at += entry->next_offset) {
		const struct xt_standard_target *target = (const void *)((const uint8_t *)entry +
									 entry->target_offset);
		const char *name = target->target.u.user.name;

		/* The end of the table, or the head of the next chain. */
		if (!strcmp(name, XT_ERROR_TARGET))
			break;
		if (!is_plain(entry) || !fits(&entry->ip, packet))
			continue;
		outcome = name[0] ? named_outcome(name)
				  : standard_outcome(table, entry, at + entry->next_offset,
						     target->verdict, packet, depth);
		if (outcome != PACKET_CONTINUE)
			return outcome;
	}
	return PACKET_CONTINUE;
}

enum packet_outcome iptables_follow(const struct iptables *table, unsigned int hook,
				    const struct packet *packet)
{
	enum packet_outcome outcome = PACKET_CONTINUE;

	if (table->entries)
		outcome = walk(table, table->first[hook], packet, 0);
	return outcome == PACKET_RETURN ? walk(table, table->policy[hook], packet, 0) : outcome;
}

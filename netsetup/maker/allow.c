// SPDX-License-Identifier: GPL-2.0-or-later
// Adds rules for one guest to chains of a firewall, and removes them.
#include "netsetup/maker/allow.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <string.h>
#include <uuid/uuid.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/kernel/netlink.h"
#include "netsetup/table/rule.h"

#define COMMENT_SIZE (sizeof(ALLOW_COMMENT) + UUID_STR_LEN - 1)

/* Rules that are deleted at once. The loop comes back for more. */
#define FOUND_MAX 64

/* Attempts to delete rules while others change the tables. */
#define DELETE_TRIES 5

/* A rule of a VM; @stale: its tap is gone. */
struct found {
	uint8_t family;
	char table[NFT_NAME_MAXLEN];
	char chain[NFT_NAME_MAXLEN];
	uint64_t handle;
	uuid_t uuid;
	bool stale;
};

struct listing {
	struct found found[FOUND_MAX];
	size_t count;
};

/* Takes the comment out of the user data: fields of type, length, value (libnftnl's udata.h). */
static bool get_uuid(struct nlattr *attribute, uuid_t uuid)
{
	const uint8_t *data = attribute ? nla_data(attribute) : NULL;
	size_t left = attribute ? (size_t)nla_len(attribute) : 0;
	char text[COMMENT_SIZE];

	for (size_t size; left >= 2; data += size, left -= size) {
		size = 2 + (size_t)data[1];
		if (size > left)
			return false;
		if (data[0] != 0 || data[1] != COMMENT_SIZE)
			continue;
		memcpy(text, data + 2, sizeof(text));
		text[sizeof(text) - 1] = '\0';
		return !strncmp(text, ALLOW_COMMENT, strlen(ALLOW_COMMENT)) &&
		       uuid_parse(text + strlen(ALLOW_COMMENT), uuid) == 0;
	}
	return false;
}

static bool get_name(struct nlattr *attribute, char name[NFT_NAME_MAXLEN])
{
	if (!attribute)
		return false;
	nla_strlcpy(name, attribute, NFT_NAME_MAXLEN);
	return true;
}

/* Finds the tap in the rule: the expression that compares a name holds its plain text. */
static bool is_stale(struct nlmsghdr *message)
{
	const char *end = (const char *)nlmsg_data(message) + nlmsg_datalen(message);
	const char *name = memmem(nlmsg_data(message), (size_t)nlmsg_datalen(message), TAP_PREFIX,
				  strlen(TAP_PREFIX));
	char ifname[IFNAMSIZ] = "";

	for (size_t i = 0; name && i < IFNAMSIZ - 1 && name + i < end && name[i]; i++)
		ifname[i] = name[i];
	return if_nametoindex(ifname) == 0 && errno == ENODEV;
}

static int on_rule(struct nlmsghdr *message, void *context)
{
	struct nlattr *attributes[NFTA_RULE_MAX + 1];
	const struct nfgenmsg *header = nlmsg_data(message);
	struct listing *listing = context;
	struct found *found = &listing->found[listing->count];

	if (listing->count == FOUND_MAX || !nlmsg_valid_hdr(message, sizeof(*header)) ||
	    nlmsg_parse(message, sizeof(*header), attributes, NFTA_RULE_MAX, NULL) < 0 ||
	    !get_uuid(attributes[NFTA_RULE_USERDATA], found->uuid) ||
	    !get_name(attributes[NFTA_RULE_TABLE], found->table) ||
	    !get_name(attributes[NFTA_RULE_CHAIN], found->chain) || !attributes[NFTA_RULE_HANDLE] ||
	    nla_len(attributes[NFTA_RULE_HANDLE]) != sizeof(found->handle))
		return 0;
	memcpy(&found->handle, nla_data(attributes[NFTA_RULE_HANDLE]), sizeof(found->handle));
	found->handle = be64toh(found->handle);
	found->family = header->nfgen_family;
	found->stale = is_stale(message);
	listing->count++;
	return 0;
}

/* Lists rules of VMs in all tables. */
static int list_rules(struct listing *listing, struct error *err)
{
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC };
	cleanup_nl_msg *message = NULL;
	cleanup_nl_sock *sock = NULL;
	int ret;

	ret = netlink_open(NETLINK_NETFILTER, &sock, err);
	if (ret < 0)
		return ret == -EPROTONOSUPPORT ? 0 : ret;
	message = netlink_message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, &header,
				  sizeof(header));
	ret = message ? netlink_request(sock, message, on_rule, listing) : -ENOMEM;
	return ret < 0 ? error_set_errno(err, -ret, "cannot list the rules of nf_tables") : 0;
}

static bool is_in(const struct found *found, const struct allow_chain *chain)
{
	return !chain || (found->family == chain->family && !strcmp(found->table, chain->table) &&
			  !strcmp(found->chain, chain->name));
}

static bool is_wanted(const struct found *found, const uint8_t *uuid,
		      const struct allow_chain *chain)
{
	if (!uuid)
		return found->stale;
	return !memcmp(found->uuid, uuid, sizeof(uuid_t)) && is_in(found, chain);
}

/*
 * Adds the deletion of rules to a batch, and returns their number.
 * @uuid: of the VM; NULL: all whose taps are gone.
 * @chain: NULL: all chains.
 */
static unsigned int delete_listed(struct batch *batch, const struct listing *listing,
				  const uint8_t *uuid, const struct allow_chain *chain)
{
	unsigned int count = 0;

	for (size_t i = 0; i < listing->count; i++) {
		const struct found *found = &listing->found[i];

		if (!is_wanted(found, uuid, chain))
			continue;
		batch->family = found->family;
		batch->table = found->table;
		batch_rule_delete(batch, found->chain, found->handle);
		count++;
	}
	return count;
}

static void add_rule(struct batch *batch, const struct allow_chain *chain, const char *comment,
		     const char *input, const char *output, const struct field *field,
		     struct in_addr address)
{
	static const uint8_t ipv4 = NFPROTO_IPV4;
	char names[2][IFNAMSIZ] = { "", "" };

	memcpy(names[0], input, strlen(input));
	memcpy(names[1], output, strlen(output));
	rule_begin(batch, chain->name, comment);
	if (chain->family == NFPROTO_INET)
		rule_if_meta(batch, NFT_META_NFPROTO, &ipv4, sizeof(ipv4));
	rule_if_meta(batch, NFT_META_IIFNAME, names[0], sizeof(names[0]));
	rule_if_meta(batch, NFT_META_OIFNAME, names[1], sizeof(names[1]));
	rule_if(batch, field, &address);
	rule_accept(batch);
}

static int commit(struct batch *batch, struct error *err)
{
	cleanup_fd int fd = batch_open(err);

	return fd < 0 ? fd : batch_commit(batch, fd, err);
}

/*
 * Safe: whatever chain the service names, the rules accept packets between a tap of ours and an
 * uplink only, with one address.
 */
int allow_add(const struct allow_chain *chain, const uint8_t uuid[16], struct interface_id tap,
	      struct interface_id uplink, struct in_addr address, struct error *err)
{
	cleanup_free struct listing *listing = calloc(1, sizeof(*listing));
	cleanup_batch struct batch batch = { 0 };
	char comment[COMMENT_SIZE] = ALLOW_COMMENT;
	int ret;

	if (!listing)
		return error_set_errno(err, ENOMEM, "cannot add rules");
	ret = list_rules(listing, err);
	if (ret < 0)
		return ret;
	uuid_unparse_lower(uuid, comment + strlen(ALLOW_COMMENT));
	batch_begin(&batch, chain->table);
	delete_listed(&batch, listing, uuid, chain);
	batch.family = chain->family;
	batch.table = chain->table;
	batch.insert = true;
	add_rule(&batch, chain, comment, uplink.ifname, tap.ifname, &rule_ip_to, address);
	add_rule(&batch, chain, comment, tap.ifname, uplink.ifname, &rule_ip_from, address);
	return commit(&batch, err);
}

/* @uuid: NULL: all rules whose taps are gone. */
static int delete_once(const uint8_t *uuid, unsigned int *count, struct error *err)
{
	cleanup_free struct listing *listing = calloc(1, sizeof(*listing));
	cleanup_batch struct batch batch = { 0 };
	unsigned int deleted;
	int ret;

	if (!listing)
		return error_set_errno(err, ENOMEM, "cannot delete rules");
	ret = list_rules(listing, err);
	if (ret < 0)
		return ret;
	batch_begin(&batch, "");
	deleted = delete_listed(&batch, listing, uuid, NULL);
	*count += deleted;
	if (deleted == 0)
		return 0;
	ret = commit(&batch, err);
	return ret < 0 ? ret : -EAGAIN;
}

/* Lists again after each deletion: others may have deleted a rule meanwhile. */
static int delete_all(const uint8_t *uuid, unsigned int *count, struct error *err)
{
	int ret = -EAGAIN;

	for (int i = 0; ret < 0 && i < DELETE_TRIES; i++)
		ret = delete_once(uuid, count, err);
	return ret == -EAGAIN ? 0 : ret;
}

int allow_delete(const uint8_t uuid[16], struct error *err)
{
	unsigned int count = 0;

	return delete_all(uuid, &count, err);
}

int allow_sweep(bool remove, unsigned int *count, struct error *err)
{
	cleanup_free struct listing *listing = calloc(1, sizeof(*listing));
	int ret;

	*count = 0;
	if (remove)
		return delete_all(NULL, count, err);
	if (!listing)
		return error_set_errno(err, ENOMEM, "cannot list rules");
	ret = list_rules(listing, err);
	for (size_t i = 0; ret == 0 && i < listing->count; i++)
		*count += listing->found[i].stale;
	return ret;
}

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

/**
 * struct search - which rules are found.
 * @batch: gets their deletion; NULL: they are counted only.
 * @comment: begins their comment.
 * @chain: of this chain; NULL: of all.
 * @stale: only rules whose tap is gone.
 * @count: of rules found.
 */
struct search {
	struct batch *batch;
	const char *comment;
	const struct allow *chain;
	bool stale;
	unsigned int count;
};

/* Looks for the comment in the user data: fields of type, length, value (libnftnl's udata.h). */
static bool has_comment(struct nlattr *attribute, const char *comment)
{
	const uint8_t *data = attribute ? nla_data(attribute) : NULL;
	size_t left = attribute ? (size_t)nla_len(attribute) : 0;

	while (left >= 2 && left >= 2 + (size_t)data[1]) {
		if (data[0] == 0 && data[1] == COMMENT_SIZE)
			return !memcmp(data + 2, comment, strlen(comment));
		left -= 2 + (size_t)data[1];
		data += 2 + data[1];
	}
	return false;
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

static bool is_in(const struct allow *chain, uint8_t family, const char *table, const char *name)
{
	return family == chain->family && !strcmp(table, chain->table) &&
	       !strcmp(name, chain->chain);
}

static int on_rule(struct nlmsghdr *message, void *context)
{
	static struct nla_policy policy[NFTA_RULE_MAX + 1] = {
		[NFTA_RULE_TABLE] = { .type = NLA_STRING },
		[NFTA_RULE_CHAIN] = { .type = NLA_STRING },
		[NFTA_RULE_HANDLE] = { .type = NLA_U64 },
	};
	struct nlattr *attributes[NFTA_RULE_MAX + 1];
	const struct nfgenmsg *header = nlmsg_data(message);
	struct search *search = context;
	const char *table, *chain;

	if (nlmsg_parse(message, sizeof(*header), attributes, NFTA_RULE_MAX, policy) < 0 ||
	    !has_comment(attributes[NFTA_RULE_USERDATA], search->comment) ||
	    !attributes[NFTA_RULE_TABLE] || !attributes[NFTA_RULE_CHAIN] ||
	    !attributes[NFTA_RULE_HANDLE] || (search->stale && !is_stale(message)))
		return 0;
	table = nla_get_string(attributes[NFTA_RULE_TABLE]);
	chain = nla_get_string(attributes[NFTA_RULE_CHAIN]);
	if ((search->chain && !is_in(search->chain, header->nfgen_family, table, chain)) ||
	    (search->batch && search->batch->count == FOUND_MAX))
		return 0;
	if (search->batch) {
		search->batch->family = header->nfgen_family;
		search->batch->table = table;
		batch_rule_delete(search->batch, chain,
				  be64toh(nla_get_u64(attributes[NFTA_RULE_HANDLE])));
		/* The message's text is gone after this call. */
		search->batch->table = "";
	}
	search->count++;
	return 0;
}

static int find_rules(struct search *search, struct error *err)
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
	ret = message ? netlink_request(sock, message, on_rule, search) : -ENOMEM;
	return ret < 0 ? error_set_errno(err, -ret, "cannot list the rules of nf_tables") : 0;
}

static void add_rule(struct batch *batch, const struct allow *chain, const char *comment,
		     const char *input, const char *output, const struct field *field,
		     struct in_addr address)
{
	static const uint8_t ipv4 = NFPROTO_IPV4;
	char names[2][IFNAMSIZ] = { "", "" };

	memcpy(names[0], input, strlen(input));
	memcpy(names[1], output, strlen(output));
	rule_begin(batch, chain->chain, comment);
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
int allow_add(const struct allow *allow, struct interface_id tap, struct interface_id uplink,
	      struct in_addr address, struct error *err)
{
	char comment[COMMENT_SIZE] = ALLOW_COMMENT;
	cleanup_batch struct batch batch = { 0 };
	struct search search = { .batch = &batch, .comment = comment, .chain = allow };
	int ret;

	uuid_unparse_lower(allow->uuid, comment + strlen(ALLOW_COMMENT));
	batch_begin(&batch, allow->table);
	ret = find_rules(&search, err);
	if (ret < 0)
		return ret;
	batch.family = allow->family;
	batch.table = allow->table;
	batch.insert = true;
	add_rule(&batch, allow, comment, uplink.ifname, tap.ifname, &rule_ip_to, address);
	add_rule(&batch, allow, comment, tap.ifname, uplink.ifname, &rule_ip_from, address);
	return commit(&batch, err);
}

static int delete_once(struct search *search, struct error *err)
{
	cleanup_batch struct batch batch = { 0 };
	int ret;

	batch_begin(&batch, "");
	search->batch = &batch;
	ret = find_rules(search, err);
	search->batch = NULL;
	if (ret < 0 || (batch.count == 0 && batch.error == 0))
		return ret;
	ret = commit(&batch, err);
	return ret < 0 ? error_set_errno(err, -ret, "cannot delete the rules of a VM") : -EAGAIN;
}

/* Lists again after each deletion: others may have deleted a rule meanwhile. */
static int delete_all(struct search *search, struct error *err)
{
	int ret = -EAGAIN;

	for (int i = 0; ret < 0 && i < DELETE_TRIES; i++)
		ret = delete_once(search, err);
	return ret == -EAGAIN ? 0 : ret;
}

int allow_delete(const uint8_t uuid[16], struct error *err)
{
	char comment[COMMENT_SIZE] = ALLOW_COMMENT;
	struct search search = { .comment = comment };

	uuid_unparse_lower(uuid, comment + strlen(ALLOW_COMMENT));
	return delete_all(&search, err);
}

int allow_sweep(bool remove, unsigned int *count, struct error *err)
{
	struct search search = { .comment = ALLOW_COMMENT, .stale = true };
	const int ret = remove ? delete_all(&search, err) : find_rules(&search, err);

	*count = search.count;
	return ret;
}

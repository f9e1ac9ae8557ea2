// SPDX-License-Identifier: GPL-2.0-or-later
// Collects changes of one table, which the kernel makes as a whole or not at all.
#include "netsetup/table/batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"

/* Room for BATCH_MESSAGES; no message of this folder is larger than MESSAGE_SIZE. */
#define MESSAGE_SIZE 4096
#define BUFFER_SIZE  (1 << 20)

/* The kernel's largest buffer of a dump (netlink_recvmsg() in net/netlink/af_netlink.c). */
#define RECEIVE_SIZE 32768

/* Messages of an earlier call that nobody has read: more than the socket's buffer holds. */
#define STALE_MAX 4096

/* enum byteorder of nft's include/datatype.h */
#define HOST_ENDIAN 1
#define BIG_ENDIAN_ 2

/* An answer does not repeat the request, so that the answers to a large batch fit the buffer. */
int batch_open(struct error *err)
{
	const int on = 1;
	cleanup_fd int fd = -1;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0 && errno == EPROTONOSUPPORT)
		return error_setf(err, STATUS_NETWORK, errno, "the kernel lacks nfnetlink");
	if (fd < 0 || setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0)
		return error_set_errno(err, errno, "cannot open a socket for nf_tables");
	return take_fd(&fd);
}

void batch_begin(struct batch *batch, const char *table)
{
	*batch = (struct batch){ .family = NFPROTO_NETDEV, .table = table, .first = 1 };
	batch->buffer = malloc(BUFFER_SIZE);
	batch->parts = calloc(BATCH_MESSAGES, sizeof(*batch->parts));
	if (!batch->buffer || !batch->parts) {
		batch->error = -ENOMEM;
		return;
	}
	/* Sequence number 0 is the begin's, which a refusal of the whole batch has. */
	batch->used = nftnl_batch_begin(batch->buffer, 0)->nlmsg_len;
}

void batch_done(struct batch *batch)
{
	free(batch->buffer);
	free(batch->parts);
	if (batch->rule)
		nftnl_rule_free(batch->rule);
	*batch = (struct batch){ 0 };
}

struct nlmsghdr *batch_message(struct batch *batch, int type, int flags, const char *part)
{
	if (!batch->error &&
	    (batch->count >= BATCH_MESSAGES || BUFFER_SIZE - batch->used < 2 * MESSAGE_SIZE))
		batch->error = -E2BIG;
	if (batch->error)
		return NULL;
	batch->parts[batch->count] = part;
	/* The kernel gets the bytes between attributes, too. */
	memset(batch->buffer + batch->used, 0, MESSAGE_SIZE);
	return nftnl_nlmsg_build_hdr(batch->buffer + batch->used, (uint16_t)type, batch->family,
				     (uint16_t)(flags | (batch->count ? 0 : NLM_F_ACK)),
				     batch->first + batch->count);
}

void batch_add(struct batch *batch, const struct nlmsghdr *message)
{
	batch->used += MNL_ALIGN(message->nlmsg_len);
	batch->count++;
}

/* Returns an object that libnftnl has made, or keeps the error. */
static void *made(struct batch *batch, void *object)
{
	if (!object && !batch->error)
		batch->error = -ENOMEM;
	return object;
}

static void table(struct batch *batch, int type, int flags)
{
	struct nftnl_table *object = made(batch, nftnl_table_alloc());
	struct nlmsghdr *message;

	if (!object)
		return;
	nftnl_table_set_str(object, NFTNL_TABLE_NAME, batch->table);
	nftnl_table_set_u32(object, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	message = batch_message(batch, type, flags,
				batch->family == NFPROTO_NETDEV ? "nf_tables with netdev tables"
								: "nf_tables with IPv4 tables");
	if (message) {
		nftnl_table_nlmsg_build_payload(message, object);
		batch_add(batch, message);
	}
	nftnl_table_free(object);
}

void batch_table(struct batch *batch, bool fresh)
{
	table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE | (fresh ? NLM_F_EXCL : 0));
}

void batch_table_delete(struct batch *batch)
{
	table(batch, NFT_MSG_DELTABLE, 0);
}

static void chain(struct batch *batch, int type, int flags, const char *name,
		  const struct batch_hook *hook)
{
	const bool egress = hook && hook->ifname && hook->number == NF_NETDEV_EGRESS;
	struct nftnl_chain *object = made(batch, nftnl_chain_alloc());
	struct nlmsghdr *message;

	if (!object)
		return;
	nftnl_chain_set_str(object, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_str(object, NFTNL_CHAIN_NAME, name);
	if (hook) {
		nftnl_chain_set_u32(object, NFTNL_CHAIN_HOOKNUM, hook->number);
		nftnl_chain_set_s32(object, NFTNL_CHAIN_PRIO, batch->priority);
		nftnl_chain_set_u32(object, NFTNL_CHAIN_POLICY, NF_ACCEPT);
		nftnl_chain_set_str(object, NFTNL_CHAIN_TYPE, "filter");
		if (hook->ifname)
			nftnl_chain_set_str(object, NFTNL_CHAIN_DEV, hook->ifname);
	}
	message = batch_message(batch, type, flags,
				egress ? "netfilter's egress hook (Linux 5.16)" : NULL);
	if (message) {
		nftnl_chain_nlmsg_build_payload(message, object);
		batch_add(batch, message);
	}
	nftnl_chain_free(object);
}

void batch_chain(struct batch *batch, const char *name, const struct batch_hook *hook)
{
	chain(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, name, hook);
}

void batch_chain_delete(struct batch *batch, const char *name)
{
	chain(batch, NFT_MSG_DELCHAIN, 0, name, NULL);
}

void batch_rule_delete(struct batch *batch, const char *chain, uint64_t handle)
{
	struct nftnl_rule *rule = made(batch, nftnl_rule_alloc());
	struct nlmsghdr *message;

	if (!rule)
		return;
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, batch->table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	if (handle)
		nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
	message = batch_message(batch, NFT_MSG_DELRULE, 0, NULL);
	if (message) {
		nftnl_rule_nlmsg_build_payload(message, rule);
		batch_add(batch, message);
	}
	nftnl_rule_free(rule);
}

/* Without a handle, the request is for all rules. */
void batch_chain_flush(struct batch *batch, const char *name)
{
	batch_rule_delete(batch, name, 0);
}

/* The set's byte orders, without which nft prints an ifindex with its octets reversed. */
static void put_byte_orders(struct nftnl_set *object, const struct batch_set *set)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!data)
		return; /* nothing but nft's output needs it */
	nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER,
			    set->key == BATCH_MARK ? HOST_ENDIAN : BIG_ENDIAN_);
	if (set->value)
		nftnl_udata_put_u32(data, NFTNL_UDATA_SET_DATABYTEORDER,
				    set->value == BATCH_IFINDEX ? HOST_ENDIAN : BIG_ENDIAN_);
	nftnl_set_set_data(object, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

static struct nftnl_set *set_object(struct batch *batch, const struct batch_set *set)
{
	struct nftnl_set *object = made(batch, nftnl_set_alloc());

	if (!object)
		return NULL;
	nftnl_set_set_str(object, NFTNL_SET_TABLE, batch->table);
	nftnl_set_set_str(object, NFTNL_SET_NAME, set->name);
	return object;
}

void batch_set(struct batch *batch, const struct batch_set *set)
{
	struct nftnl_set *object = set_object(batch, set);
	struct nlmsghdr *message;

	if (!object)
		return;
	nftnl_set_set_u32(object, NFTNL_SET_ID, batch->count + 1);
	nftnl_set_set_u32(object, NFTNL_SET_KEY_TYPE, set->key);
	nftnl_set_set_u32(object, NFTNL_SET_KEY_LEN, set->key_size);
	nftnl_set_set_u32(object, NFTNL_SET_FLAGS, set->value ? NFT_SET_MAP : 0);
	if (set->value) {
		nftnl_set_set_u32(object, NFTNL_SET_DATA_TYPE, set->value);
		nftnl_set_set_u32(object, NFTNL_SET_DATA_LEN, set->value_size);
	}
	put_byte_orders(object, set);
	if (set->counted)
		nftnl_set_add_expr(object, made(batch, nftnl_expr_alloc("counter")));
	message = batch_message(batch, NFT_MSG_NEWSET, NLM_F_CREATE, NULL);
	if (message) {
		nftnl_set_nlmsg_build_payload(message, object);
		batch_add(batch, message);
	}
	nftnl_set_free(object);
}

/* @element: NULL: all of the set. */
static void change_element(struct batch *batch, int type, const struct batch_set *set,
			   const struct batch_element *element)
{
	struct nftnl_set *object = set_object(batch, set);
	struct nftnl_set_elem *one = NULL;
	struct nlmsghdr *message;

	if (object && element)
		one = made(batch, nftnl_set_elem_alloc());
	if (one) {
		nftnl_set_elem_set(one, NFTNL_SET_ELEM_KEY, element->key, set->key_size);
		if (element->value)
			nftnl_set_elem_set(one, NFTNL_SET_ELEM_DATA, element->value,
					   set->value_size);
		nftnl_set_elem_add(object, one);
	}
	message = batch_message(batch, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, NULL);
	if (message) {
		nftnl_set_elems_nlmsg_build_payload(message, object);
		batch_add(batch, message);
	}
	if (object)
		nftnl_set_free(object);
}

void batch_element_add(struct batch *batch, const struct batch_set *set,
		       struct batch_element element)
{
	change_element(batch, NFT_MSG_NEWSETELEM, set, &element);
}

void batch_element_delete(struct batch *batch, const struct batch_set *set, const void *key)
{
	change_element(batch, NFT_MSG_DELSETELEM, set, &(struct batch_element){ key, NULL });
}

void batch_set_flush(struct batch *batch, const struct batch_set *set)
{
	change_element(batch, NFT_MSG_DELSETELEM, set, NULL);
}

/* Forgets what an earlier call has left unread, as after the maker's death. */
static void drain(int owner)
{
	char octets[64];

	for (int i = 0; i < STALE_MAX; i++)
		if (recv(owner, octets, sizeof(octets), MSG_DONTWAIT) < 0 && errno != ENOBUFS)
			return;
}

static int send_all(int owner, const void *messages, size_t size)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	drain(owner);
	if (sendto(owner, messages, size, MSG_DONTWAIT, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* The kernel's answer to one batch. */
struct answer {
	bool done;
	int code;
	uint32_t sequence;
};

static void read_answer(const char *octets, int size, struct answer *answer)
{
	const struct nlmsghdr *header = (const void *)octets;

	for (; mnl_nlmsg_ok(header, size); header = mnl_nlmsg_next(header, &size)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

		if (header->nlmsg_type != NLMSG_ERROR ||
		    mnl_nlmsg_get_payload_len(header) < sizeof(*error))
			continue;
		answer->done = true;
		/* The first error is the cause of the others. */
		if (error->error && !answer->code) {
			answer->code = error->error;
			answer->sequence = header->nlmsg_seq;
		}
	}
}

/*
 * The kernel has answered when the batch is sent. Threat: the service, which has the same socket,
 * reads the answer. Check: this call does not wait for one. Test: test_table.c.
 */
static int receive_answer(int owner, struct answer *answer)
{
	cleanup_free char *octets = calloc(1, RECEIVE_SIZE);
	ssize_t size;

	if (!octets)
		return -ENOMEM;
	while ((size = recv(owner, octets, RECEIVE_SIZE, MSG_DONTWAIT)) > 0)
		read_answer(octets, (int)size, answer);
	if (size < 0 && errno != EAGAIN)
		return -errno;
	if (!answer->done)
		return -EPROTO;
	return answer->code;
}

static bool missing(int code)
{
	return code == -ENOENT || code == -EOPNOTSUPP || code == -EPROTONOSUPPORT ||
	       code == -EAFNOSUPPORT;
}

int batch_commit(struct batch *batch, int owner, struct error *err)
{
	struct answer answer = { 0 };
	const char *part = NULL;
	int ret = batch->error;

	if (ret == 0 && batch->count) {
		batch->used += nftnl_batch_end(batch->buffer + batch->used,
					       batch->first + batch->count)
				       ->nlmsg_len;
		ret = send_all(owner, batch->buffer, batch->used);
		if (ret == 0)
			ret = receive_answer(owner, &answer);
	}
	if (ret == 0)
		return 0;
	if (missing(ret) && answer.sequence < batch->first)
		part = "nf_tables";
	else if (missing(ret) && answer.sequence - batch->first < batch->count)
		part = batch->parts[answer.sequence - batch->first];
	if (!part)
		return error_set_errno(err, -ret, "cannot change table '%s'", batch->table);
	error_setf(err, STATUS_NETWORK, -ret, "the kernel lacks %s", part);
	error_remedy(err, "vmrun needs Linux 6.1 with NF_TABLES_NETDEV, NETFILTER_EGRESS, "
			  "NFT_FWD_NETDEV, NFT_DUP_NETDEV, NFT_LIMIT and NET_ACT_MIRRED");
	return ret;
}

/* One dump of a set. */
struct reading {
	const char *table;
	const struct batch_set *set;
	batch_element_fn *take;
	void *context;
	bool done;
};

/* Passes on the elements of one message. */
static int read_elements(const struct nlmsghdr *header, const struct reading *reading)
{
	struct nftnl_set *object = nftnl_set_alloc();
	struct nftnl_set_elems_iter *all = NULL;
	struct nftnl_set_elem *element;
	int ret = object ? 0 : -ENOMEM;

	if (ret == 0 && nftnl_set_elems_nlmsg_parse(header, object) < 0)
		ret = -EBADMSG;
	if (ret == 0 && !(all = nftnl_set_elems_iter_create(object)))
		ret = -ENOMEM;
	while (ret == 0 && (element = nftnl_set_elems_iter_next(all))) {
		uint32_t key_size = 0, value_size = 0;
		const void *key, *value;

		key = nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &key_size);
		value = nftnl_set_elem_get(element, NFTNL_SET_ELEM_DATA, &value_size);
		if (!key || key_size != reading->set->key_size ||
		    (reading->set->value && (!value || value_size != reading->set->value_size)))
			ret = -EBADMSG;
		else
			ret = reading->take(key, value, reading->context);
	}
	if (all)
		nftnl_set_elems_iter_destroy(all);
	if (object)
		nftnl_set_free(object);
	return ret;
}

static int read_messages(const char *octets, int size, struct reading *reading)
{
	const struct nlmsghdr *header = (const void *)octets;
	int ret = 0;

	for (; ret == 0 && mnl_nlmsg_ok(header, size); header = mnl_nlmsg_next(header, &size)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
		reading->done = header->nlmsg_type == NLMSG_DONE;
		if (header->nlmsg_type == NLMSG_ERROR)
			return mnl_nlmsg_get_payload_len(header) >= sizeof(*error) && error->error
				       ? error->error
				       : -EPROTO;
		if (!reading->done)
			ret = read_elements(header, reading);
	}
	return ret;
}

int batch_dump(int owner, uint8_t family, const char *table, const struct batch_set *set)
{
	cleanup_free char *octets = calloc(1, MESSAGE_SIZE);
	struct nftnl_set *object = nftnl_set_alloc();
	struct nlmsghdr *header;

	if (!octets || !object) {
		if (object)
			nftnl_set_free(object);
		return -ENOMEM;
	}
	nftnl_set_set_str(object, NFTNL_SET_TABLE, table);
	nftnl_set_set_str(object, NFTNL_SET_NAME, set->name);
	header = nftnl_nlmsg_build_hdr(octets, NFT_MSG_GETSETELEM, family, NLM_F_DUMP, 1);
	nftnl_set_elems_nlmsg_build_payload(header, object);
	nftnl_set_free(object);
	return send_all(owner, octets, header->nlmsg_len);
}

static int read_once(int owner, struct reading *reading)
{
	cleanup_free char *octets = calloc(1, RECEIVE_SIZE);
	int ret = octets ? 0 : -ENOMEM;

	if (ret == 0)
		ret = batch_dump(owner, NFPROTO_NETDEV, reading->table, reading->set);
	while (ret == 0 && !reading->done) {
		const ssize_t size = recv(owner, octets, RECEIVE_SIZE, MSG_DONTWAIT);

		ret = size < 0 ? -errno : read_messages(octets, (int)size, reading);
	}
	return ret == -EAGAIN ? -EPROTO : ret;
}

int batch_read(int owner, const char *table, const struct batch_set *set, batch_element_fn *take,
	       void *context)
{
	struct reading reading = { table, set, take, context, false };

	return read_once(owner, &reading);
}

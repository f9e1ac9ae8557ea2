// SPDX-License-Identifier: GPL-2.0-or-later
// Makes, checks, sends and receives the records between vmrun and vmrun-netsetup.
#include "netsetup/protocol/protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/fd_pass.h"
#include "netsetup/base/ipv4.h"

/* A text field of a record, which must contain its terminating NUL. */
struct text_field {
	size_t offset;
	size_t size;
};

#define TEXT(type, field)                                                          \
	{                                                                          \
		offsetof(struct type, field), sizeof(((struct type *)NULL)->field) \
	}

/* Size and texts of each record; a row's index is its type. */
static const struct record_kind {
	size_t size;
	struct text_field texts[3]; /* the last one has size 0 */
} kinds[] = {
	[RECORD_ATTACH] = { sizeof(struct attach_record), { TEXT(attach_record, name) } },
	[RECORD_MOVE] = { sizeof(struct attach_record), { TEXT(attach_record, name) } },
	[RECORD_WITHDRAW] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_CLEAN] = { sizeof(struct clean_record), { { 0 } } },
	[RECORD_CHANGE] = { sizeof(struct change_record), { TEXT(change_record, text) } },
	[RECORD_READY] = { sizeof(struct ready_record), { TEXT(ready_record, tap) } },
	[RECORD_FAILED] = { sizeof(struct failed_record),
			    { TEXT(failed_record, message), TEXT(failed_record, remedy) } },
	[RECORD_CONFLICT] = { sizeof(struct conflict_record), { { 0 } } },
	[RECORD_RENEWED] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_DONE] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_DHCP] = { sizeof(struct dhcp_record), { { 0 } } },
	[RECORD_CONNECT] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_CONNECTED] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_STRANGER] = { sizeof(struct conflict_record), { { 0 } } },
	[RECORD_VERDICT] = { sizeof(struct verdict_record), { { 0 } } },
	[RECORD_ACCESS] = { sizeof(struct access_record), { { 0 } } },
	[RECORD_COUNT] = { sizeof(struct record_header), { { 0 } } },
	[RECORD_COUNTS] = { sizeof(struct counts_record), { TEXT(counts_record, tap) } },
};

void protocol_record_init(void *record, enum record_type type)
{
	struct record_header *header = record;

	memset(record, 0, kinds[type].size);
	header->magic = PROTOCOL_MAGIC;
	header->version = PROTOCOL_VERSION;
	header->type = type;
	header->size = kinds[type].size;
}

static int malformed(struct error *err, const char *what)
{
	return error_setf(err, STATUS_FAILURE, EPROTO, "malformed record: %s", what);
}

int protocol_record_check(const void *record, size_t size, struct error *err)
{
	const struct record_kind *kind;
	struct record_header header;

	if (size < sizeof(header))
		return malformed(err, "shorter than its header");
	memcpy(&header, record, sizeof(header));
	if (header.magic != PROTOCOL_MAGIC)
		return malformed(err, "wrong magic");
	if (header.version != PROTOCOL_VERSION)
		return malformed(err, "wrong version");
	if (header.type == 0 || header.type >= ARRAY_SIZE(kinds))
		return malformed(err, "unknown type");

	kind = &kinds[header.type];
	if (size != kind->size || header.size != kind->size)
		return malformed(err, "wrong size");
	for (const struct text_field *text = kind->texts; text->size; text++)
		if (!memchr((const char *)record + text->offset, '\0', text->size))
			return malformed(err, "unterminated text");
	return 0;
}

static int bad_field(struct error *err, const char *field)
{
	return error_setf(err, STATUS_FAILURE, EINVAL, "request refused: invalid field '%s'",
			  field);
}

/* A range must have both bounds, in order, or none. */
static bool range_valid(const struct attach_record *attach)
{
	if (ipv4_unset(attach->range_first) && ipv4_unset(attach->range_last))
		return true;
	return ipv4_unicast(attach->range_first) && ipv4_unicast(attach->range_last) &&
	       ntohl(attach->range_first.s_addr) <= ntohl(attach->range_last.s_addr);
}

static bool addresses_valid(const struct in_addr *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!ipv4_unset(addresses[i]) && !ipv4_unicast(addresses[i]))
			return false;
	return true;
}

static bool flags_valid(const struct attach_record *attach)
{
	const uint8_t flags[] = { attach->offload,     attach->dhcp,    attach->named,
				  attach->announce,    attach->dry_run, attach->verbose,
				  attach->host_routes, attach->question };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i] > 1)
			return false;
	return true;
}

/*
 * Threat: by a question, whose address is not probed, a client chooses an address that is another
 * host's, gets a tap, or leaves a VM. Check: it can name nothing but the uplink and its own user.
 * Test: test_hostile_caller.py.
 */
static bool question_valid(const struct attach_record *attach)
{
	struct attach_record bare = { .header = attach->header,
				      .owner = attach->owner,
				      .ifindex = attach->ifindex,
				      .host = attach->host,
				      .mac = attach->mac,
				      .probe = PROBE_NONE,
				      .path = PATH_ROUTED,
				      .queues = 1,
				      .named = attach->named,
				      .question = 1 };

	memcpy(bare.name, attach->name, sizeof(bare.name));
	return !attach->question || !memcmp(&bare, attach, sizeof(bare));
}

/* A guest's own address is no group's (IEEE 802: lowest bit of the first octet), and not zero. */
static bool mac_valid(const struct ether_addr *mac)
{
	static const struct ether_addr zero;

	return !(mac->ether_addr_octet[0] & 1) && memcmp(mac, &zero, sizeof(zero)) != 0;
}

int protocol_attach_check(const struct attach_record *attach, struct error *err)
{
	if (!vm_name_valid(attach->name))
		return bad_field(err, "name");
	if (attach->ifindex == 0 || attach->ifindex > INT32_MAX)
		return bad_field(err, "ifindex");
	if (!ipv4_unicast(attach->host))
		return bad_field(err, "host");
	if (!addresses_valid(&attach->address, 1))
		return bad_field(err, "address");
	if (!addresses_valid(&attach->gateway, 1))
		return bad_field(err, "gateway");
	if (!range_valid(attach))
		return bad_field(err, "range");
	if (!addresses_valid(attach->remembered, REMEMBERED_MAX))
		return bad_field(err, "remembered");
	if (!addresses_valid(attach->avoided, AVOIDED_MAX))
		return bad_field(err, "avoided");
	if (attach->tap_ifindex > INT32_MAX)
		return bad_field(err, "tap_ifindex");
	if (attach->probe > PROBE_NONE)
		return bad_field(err, "probe");
	if (!mac_valid(&attach->mac))
		return bad_field(err, "mac");
	if (attach->promiscuous > PROMISCUOUS_OFF)
		return bad_field(err, "promiscuous");
	if (attach->path > PATH_BRIDGED)
		return bad_field(err, "path");
	if (attach->firewall > FIREWALL_OFF)
		return bad_field(err, "firewall");
	if (attach->queues < 1 || attach->queues > QUEUES_MAX)
		return bad_field(err, "queues");
	if (attach->card >= CARDS_MAX)
		return bad_field(err, "card");
	if (!flags_valid(attach))
		return bad_field(err, "flags");
	return question_valid(attach) ? 0 : bad_field(err, "question");
}

int protocol_clean_check(const struct clean_record *clean, struct error *err)
{
	if (clean->dry_run > 1 || clean->reserved[0] || clean->reserved[1] || clean->reserved[2])
		return bad_field(err, "flags");
	return 0;
}

int protocol_send(int socket, const void *record, const int *fds, size_t fd_count,
		  struct error *err)
{
	const struct record_header *header = record;
	int ret;

	assert(fd_count <= FDS_MAX);

	ret = fd_pass_send(socket, record, header->size, fds, fd_count, MSG_DONTWAIT);
	return ret < 0 ? error_set_errno(err, -ret,
					 "cannot send a record to or from 'vmrun-netsetup'")
		       : 0;
}

/* Copies the descriptors of a message to @fds and closes those that do not fit. */
static size_t take_descriptors(struct msghdr *message, int fds[FDS_MAX])
{
	size_t count = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		size_t length;

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		length = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < length; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			if (count < FDS_MAX)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

static void close_descriptors(int fds[FDS_MAX])
{
	for (size_t i = 0; i < FDS_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/*
 * A peer that closes its end before it has read everything, as a service that refuses a client, is
 * reported once before what it has sent (unix_release_sock() in net/unix/af_unix.c).
 */
static ssize_t receive(int socket, struct msghdr *message)
{
	bool reset = false;
	ssize_t size;

	for (;;) {
		size = recvmsg(socket, message, MSG_CMSG_CLOEXEC);
		if (size >= 0 || (errno != EINTR && (errno != ECONNRESET || reset)))
			return size;
		reset = reset || errno == ECONNRESET;
	}
}

int protocol_receive(int socket, union record *record, int fds[FDS_MAX], struct error *err)
{
	struct iovec data = { .iov_base = record, .iov_len = sizeof(*record) };
	union {
		char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	/* Threat: a hostile peer sends descriptors. Without a buffer the kernel drops them. */
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = fds ? control.space : NULL,
				  .msg_controllen = fds ? CMSG_LEN(sizeof(int) * FDS_MAX) : 0 };
	int received[FDS_MAX];
	ssize_t size;
	int ret;

	memset(received, -1, sizeof(received));
	if (fds)
		memset(fds, -1, sizeof(received));
	size = receive(socket, &message);
	if (size < 0)
		return error_set_errno(err, errno,
				       "cannot receive a record to or from 'vmrun-netsetup'");
	take_descriptors(&message, received);
	if (size == 0)
		ret = error_set_errno(err, ECONNRESET, "the peer has closed the socket");
	else if (message.msg_flags & MSG_TRUNC)
		ret = malformed(err, "larger than any record");
	else if (message.msg_flags & MSG_CTRUNC)
		ret = malformed(err, "unexpected descriptors");
	else
		ret = protocol_record_check(record, (size_t)size, err);
	if (ret < 0) {
		close_descriptors(received);
		return ret;
	}
	if (fds)
		memcpy(fds, received, sizeof(received));
	return 0;
}

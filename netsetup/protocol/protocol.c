// SPDX-License-Identifier: GPL-2.0-or-later
// Makes, checks, sends and receives the records between vmrun and vmrun-netsetup.
#include "netsetup/protocol/protocol.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netsetup/base/cleanup.h"
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
	struct text_field texts[5]; /* the last one has size 0 */
} kinds[] = {
	[RECORD_SETUP] = { sizeof(struct setup_record),
			   { TEXT(setup_record, name), TEXT(setup_record, uplink) } },
	[RECORD_CHANGE] = { sizeof(struct change_record), { TEXT(change_record, text) } },
	[RECORD_READY] = { sizeof(struct ready_record),
			   { TEXT(ready_record, uplink), TEXT(ready_record, ssid),
			     TEXT(ready_record, tap), TEXT(ready_record, reason) } },
	[RECORD_ADOPT] = { sizeof(struct setup_record),
			   { TEXT(setup_record, name), TEXT(setup_record, uplink) } },
	[RECORD_MOVED] = { sizeof(struct ready_record),
			   { TEXT(ready_record, uplink), TEXT(ready_record, ssid),
			     TEXT(ready_record, tap), TEXT(ready_record, reason) } },
	[RECORD_DHCP] = { sizeof(struct dhcp_record), { { 0 } } },
	[RECORD_CLEAN] = { sizeof(struct clean_record), { { 0 } } },
	[RECORD_FAILED] = { sizeof(struct failed_record),
			    { TEXT(failed_record, message), TEXT(failed_record, remedy) } },
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
static bool range_valid(const struct setup_record *setup)
{
	if (ipv4_unset(setup->range_first) && ipv4_unset(setup->range_last))
		return true;
	return ipv4_unicast(setup->range_first) && ipv4_unicast(setup->range_last) &&
	       ntohl(setup->range_first.s_addr) <= ntohl(setup->range_last.s_addr);
}

static bool address_valid(struct in_addr address)
{
	return ipv4_unset(address) || ipv4_unicast(address);
}

static bool gateway_valid(const struct setup_record *setup)
{
	if (setup->gateway_mode == GATEWAY_ADDRESS)
		return ipv4_unicast(setup->gateway);
	return setup->gateway_mode < GATEWAY_ADDRESS && ipv4_unset(setup->gateway);
}

int protocol_setup_check(const struct setup_record *setup, struct error *err)
{
	if (!vm_name_valid(setup->name))
		return bad_field(err, "name");
	if (setup->uplink[0] && !ifname_valid(setup->uplink))
		return bad_field(err, "uplink");
	if (!address_valid(setup->address))
		return bad_field(err, "address");
	if (!range_valid(setup))
		return bad_field(err, "range");
	for (size_t i = 0; i < REMEMBERED_MAX; i++)
		if (!address_valid(setup->remembered[i]))
			return bad_field(err, "remembered");
	if (!gateway_valid(setup))
		return bad_field(err, "gateway");
	if (setup->dns_count > DNS_MAX)
		return bad_field(err, "dns_count");
	for (size_t i = 0; i < setup->dns_count; i++)
		if (!ipv4_unicast(setup->dns[i]))
			return bad_field(err, "dns");
	if (setup->probe > PROBE_NONE)
		return bad_field(err, "probe");
	if (setup->promiscuous > PROMISCUOUS_OFF)
		return bad_field(err, "promiscuous");
	if (setup->queues < 1 || setup->queues > QUEUES_MAX)
		return bad_field(err, "queues");
	if (setup->offload > 1 || setup->roam > 1 || setup->dhcp > 1 || setup->dry_run > 1 ||
	    setup->verbose > 1 || setup->reserved[0] || setup->reserved[1])
		return bad_field(err, "flags");
	return 0;
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
	struct iovec data = { .iov_base = (void *)record, .iov_len = header->size };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	union {
		char space[CMSG_SPACE(sizeof(int) * QUEUES_MAX)];
		struct cmsghdr align;
	} control = { 0 };
	ssize_t sent;

	assert(fd_count <= QUEUES_MAX);

	if (fd_count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * fd_count);
	}
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return error_set_errno(err, errno,
				       "cannot send a record to or from 'vmrun-netsetup'");
	return 0;
}

/* Copies the descriptors of a message to @fds and closes those that do not fit. */
static size_t take_descriptors(struct msghdr *message, int fds[QUEUES_MAX])
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
			if (count < QUEUES_MAX)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

static void close_descriptors(int fds[QUEUES_MAX])
{
	for (size_t i = 0; i < QUEUES_MAX; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int protocol_receive(int socket, union record *record, int fds[QUEUES_MAX], struct error *err)
{
	struct iovec data = { .iov_base = record, .iov_len = sizeof(*record) };
	union {
		char space[CMSG_SPACE(sizeof(int) * QUEUES_MAX)];
		struct cmsghdr align;
	} control;
	/* Threat: a hostile peer sends descriptors. Without a buffer the kernel drops them. */
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = fds ? control.space : NULL,
				  .msg_controllen = fds ? sizeof(control.space) : 0 };
	int received[QUEUES_MAX];
	ssize_t size;
	int ret;

	memset(received, -1, sizeof(received));
	if (fds)
		memset(fds, -1, sizeof(received));
	do {
		size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
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

// SPDX-License-Identifier: GPL-2.0-or-later
// Has the state of a service in this process, its clients' ends and a fake worker.
#ifndef TESTS_UNIT_SUPPORT_SERVICE_H
#define TESTS_UNIT_SUPPORT_SERVICE_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/service/state.h"
#include "tests/unit/support/namespace.h"

static struct state service = { .dir = -1 };

/* The fake worker's end of its socket. */
static int worker = -1;

static inline struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static inline void assert_address(struct in_addr is, const char *text)
{
	char buffer[IPV4_TEXT_SIZE];

	assert_string_equal(ipv4_text(is, buffer), text);
}

static inline void make_pair(int *ours, int *theirs)
{
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	*ours = sockets[0];
	*theirs = sockets[1];
}

static inline int service_save(void *context, struct error *err)
{
	return state_save(context, err);
}

/* Begins a service of this network namespace, with what the state file has. */
static inline void service_open(void)
{
	struct error err = { 0 };

	service = (struct state){ .dir = -1, .keeper.socket = -1, .swept = true };
	service.uplinks.save = service_save;
	service.uplinks.context = &service;
	make_pair(&service.worker.socket, &worker);
	assert_int_equal(state_open(&service, NULL, &err), 0);
	assert_int_equal(state_load(&service, &err), 0);
}

static inline void service_close(void)
{
	state_close(&service);
	close(service.worker.socket);
	close(worker);
}

/* Does what a kill does, and begins the next service. Its VMs have no client yet. */
static inline void service_restart(void)
{
	while (service.vms) {
		struct vm *vm = service.vms;

		state_remove(&service, vm);
		vm_free(vm);
	}
	/* Nothing of @service's VMs is in use any more: the tables have no keeper. */
	tables_release(&service);
	close(service.dir);
	close(service.worker.socket);
	close(worker);
	service_open();
}

/* Names the VM of a request, whose guest gets a hardware address of its own. */
static inline void attach_name(struct attach_record *attach, const char *name, uint32_t owner)
{
	snprintf(attach->name, sizeof(attach->name), "%s", name);
	attach->owner = owner;
	memcpy(&attach->mac, owner ? "RU" : "RT", 2);
	memset((char *)&attach->mac + 2, 0, 4);
	memcpy((char *)&attach->mac + 2, name, strnlen(name, 4));
}

/* A request of user 0 without probes. */
static inline struct attach_record attach_for(const char *name)
{
	struct attach_record attach;

	protocol_record_init(&attach, RECORD_ATTACH);
	attach_name(&attach, name, 0);
	memset(attach.uuid, name[0], sizeof(attach.uuid));
	attach.ifindex = if_nametoindex("e0");
	attach.host = address("192.168.7.5");
	attach.queues = 1;
	attach.probe = PROBE_NONE;
	return attach;
}

static inline struct attach_record attach_at(const char *name, const char *text)
{
	struct attach_record attach = attach_for(name);

	attach.address = address(text);
	return attach;
}

/* Makes a client's connection as this user; only user 0 may call it. */
static inline void connect_as(uid_t uid, int *ours, int *theirs)
{
	assert_int_equal(setegid(uid), 0);
	assert_int_equal(seteuid(uid), 0);
	make_pair(ours, theirs);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(fcntl(*theirs, F_SETFL, O_NONBLOCK), 0);
}

/* Adds a VM of this user; @client is its client's end. */
static inline struct vm *service_vm_of(uid_t uid, const struct attach_record *attach, int *client)
{
	struct vm *vm = vm_new();

	assert_non_null(vm);
	vm->record.attach = *attach;
	vm->record.uid = uid;
	vm->record.launcher = 4711;
	connect_as(uid, client, &vm->client);
	state_add(&service, vm);
	return vm;
}

static inline struct vm *service_vm(const struct attach_record *attach, int *client)
{
	return service_vm_of(0, attach, client);
}

/* Receives the next message to the fake worker, and closes its descriptors. */
static inline struct worker_message worker_next(size_t *fd_count)
{
	struct worker_message message = { 0 };
	union {
		char space[CMSG_SPACE(sizeof(int) * 8)];
		struct cmsghdr align;
	} control;
	struct iovec data = { &message, sizeof(message) };
	struct msghdr header = { .msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space) };
	struct cmsghdr *part;
	size_t count = 0;

	if (recvmsg(worker, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(message))
		fail_msg("there is no message to the worker");
	part = CMSG_FIRSTHDR(&header);
	if (part)
		count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
		close(fd);
	}
	if (fd_count)
		*fd_count = count;
	return message;
}

/* Skips messages until one of this type. */
static inline struct worker_message worker_expect(enum worker_type type)
{
	for (;;) {
		const struct worker_message message = worker_next(NULL);

		if (message.type == type)
			return message;
	}
}

/* Returns the number of messages of this type among all that wait, and drops them. */
static inline unsigned int worker_count(enum worker_type type)
{
	struct pollfd poller = { .fd = worker, .events = POLLIN };
	unsigned int count = 0;

	while (poll(&poller, 1, 0) == 1)
		count += worker_next(NULL).type == type;
	return count;
}

/* Makes the answer to WORKER_PROBE: @taken addresses are in use by another host. */
static inline struct worker_message worker_probed(const struct worker_message *probe, size_t taken)
{
	struct worker_message answer = *probe;

	assert_int_equal(probe->type, WORKER_PROBE);
	answer.type = WORKER_PROBED;
	for (size_t i = 0; i < taken && i < probe->count; i++) {
		answer.probes[i].taken = 1;
		answer.probes[i].mac = (struct ether_addr){ { 2, 0, 0, 0, 0, 0x77 } };
	}
	return answer;
}

/*
 * Receives a record that is there already; returns the result of protocol_receive(). Without @fds
 * it closes the descriptors.
 */
static inline int client_receive(int client, union record *record, int fds[FDS_MAX])
{
	struct pollfd poller = { .fd = client, .events = POLLIN };
	int received[FDS_MAX];
	struct error err;
	int ret;

	if (poll(&poller, 1, 0) != 1)
		fail_msg("there is no record for the client");
	ret = protocol_receive(client, record, fds ? fds : received, &err);
	for (size_t i = 0; !fds && i < FDS_MAX; i++)
		if (received[i] >= 0)
			close(received[i]);
	return ret;
}

static inline bool client_silent(int client)
{
	struct pollfd poller = { .fd = client, .events = POLLIN };

	return poll(&poller, 1, 0) == 0;
}

/* Checks the type of the next record but RECORD_CHANGE. */
static inline union record client_expect(int client, enum record_type type, int fds[FDS_MAX])
{
	union record record;

	do {
		assert_int_equal(client_receive(client, &record, fds), 0);
	} while (record.header.type == RECORD_CHANGE && type != RECORD_CHANGE);
	if (record.header.type == RECORD_FAILED && type != RECORD_FAILED)
		fail_msg("%s", record.failed.message);
	assert_int_equal(record.header.type, type);
	return record;
}

/* Puts a policy, users and groups in place of those of the machine. */
static inline void policy_write(const char *text)
{
	FILE *file;

	assert_int_equal(
		namespace_run("mountpoint -q /etc || mount -t tmpfs -o mode=755 tmpfs /etc;"
			      "mkdir -p /etc/vmrun; echo root:x:0:0::/: >/etc/passwd; "
			      "echo alice:x:4242:4242::/: >>/etc/passwd; "
			      "echo root:x:0: >/etc/group"),
		0);
	file = fopen(NETSETUP_CONF, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#endif

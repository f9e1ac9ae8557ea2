// SPDX-License-Identifier: GPL-2.0-or-later
// Sends the service's records to a client, without waiting.
#include "netsetup/service/answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void answer_change(const char *command, void *context)
{
	const int *client = context;
	struct change_record change;
	struct error ignored;

	protocol_record_init(&change, RECORD_CHANGE);
	snprintf(change.text, sizeof(change.text), "%s", command);
	protocol_send(*client, &change, NULL, 0, &ignored);
}

void answer_failed(int client, const struct error *error, int other)
{
	struct failed_record failed;
	struct error ignored;

	protocol_record_init(&failed, RECORD_FAILED);
	failed.code = error->code;
	failed.status = (int32_t)error->status;
	memcpy(failed.message, error->message, sizeof(failed.message));
	memcpy(failed.remedy, error->remedy, sizeof(failed.remedy));
	protocol_send(client, &failed, &other, other >= 0, &ignored);
}

void answer_header(int client, enum record_type type, int fd)
{
	struct record_header header;
	struct error ignored;

	protocol_record_init(&header, type);
	protocol_send(client, &header, &fd, fd >= 0, &ignored);
}

void answer_conflict(int client, enum record_type type, struct in_addr address,
		     const struct ether_addr *mac)
{
	struct conflict_record conflict;
	struct error ignored;

	protocol_record_init(&conflict, type);
	conflict.address = address;
	conflict.mac = *mac;
	protocol_send(client, &conflict, NULL, 0, &ignored);
}

void answer_verdict(int client, const struct verdict *verdict)
{
	struct verdict_record record;
	struct error ignored;

	protocol_record_init(&record, RECORD_VERDICT);
	record.verdict = *verdict;
	protocol_send(client, &record, NULL, 0, &ignored);
}

void answer_access(int client, enum access_result access)
{
	struct access_record record;
	struct error ignored;

	protocol_record_init(&record, RECORD_ACCESS);
	record.access = (uint8_t)access;
	protocol_send(client, &record, NULL, 0, &ignored);
}

int answer_ready(struct vm *vm, struct error *err)
{
	struct ready_record ready;
	int fds[FDS_MAX] = { 0 };
	int ret;

	protocol_record_init(&ready, RECORD_READY);
	memcpy(ready.tap, vm->record.tap, sizeof(ready.tap));
	ready.tap_ifindex = vm->record.tap_ifindex;
	ready.address = vm->record.address;
	ready.path = vm->record.path;
	ready.verdict = vm->ask.verdict;
	for (; ready.queues < QUEUES_MAX && vm->tap_fds[ready.queues] >= 0; ready.queues++)
		fds[ready.queues] = vm->tap_fds[ready.queues];
	ready.dhcp = vm->dhcp >= 0;
	ready.router_mac = vm->record.proof.router_mac;
	/* A later version, whose state file this is, may know more results. */
	if (vm->record.access < ACCESS_RESULTS)
		ready.access = (uint8_t)vm->record.access;
	if (ready.dhcp)
		fds[ready.queues] = vm->dhcp;
	ret = protocol_send(vm->client, &ready, fds, ready.queues + ready.dhcp, err);
	for (uint32_t i = 0; i < ready.queues + ready.dhcp; i++)
		close(fds[i]);
	memset(vm->tap_fds, -1, sizeof(vm->tap_fds));
	vm->dhcp = -1;
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the conversation with one client: order, owners, ends and errors.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netsetup/service/client.h"
#include "tests/unit/support/service.h"

/* A connection of this user; the test's end is @end. */
static struct client connect_client(uid_t uid, int *end)
{
	struct client client = { .further = -1 };

	connect_as(uid, end, &client.socket);
	return client;
}

static void send_record(int end, const void *record)
{
	struct error err = { 0 };

	assert_int_equal(protocol_send(end, record, NULL, 0, &err), 0);
}

/* Sends a request; its VM is then the first of the list. */
static struct vm *request(const struct attach_record *attach, int *end)
{
	struct client client = connect_client(0, end);
	struct error err = { 0 };

	send_record(*end, attach);
	if (client_first(&service, &client, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(client.socket, -1);
	return service.vms;
}

/* Checks that the service has closed the connection, after @type if that is not 0. */
static void assert_end(int end, unsigned int type)
{
	union record record;

	if (type)
		client_expect(end, (enum record_type)type, NULL);
	assert_int_equal(client_receive(end, &record, NULL), -ECONNRESET);
	close(end);
}

static bool looks_like_a_command(const char *text)
{
	return !strncmp(text, "ip ", 3) || !strncmp(text, "sysctl -w net.ipv", 17) ||
	       !strncmp(text, "# nft", 5) || !strncmp(text, "# gratuitous ARP: ", 18);
}

/* Of the last count_changes(). */
static char first_change[CHANGE_TEXT_SIZE], last_change[CHANGE_TEXT_SIZE];

static unsigned int count_changes(int end)
{
	unsigned int changes = 0;
	union record record;
	int fds[FDS_MAX];

	while (recv(end, &record, sizeof(record), MSG_PEEK | MSG_DONTWAIT) > 0 &&
	       record.header.type == RECORD_CHANGE) {
		assert_int_equal(client_receive(end, &record, fds), 0);
		assert_int_equal(fds[0], -1);
		if (!looks_like_a_command(record.change.text))
			fail_msg("%s", record.change.text);
		strcpy(changes ? last_change : first_change, record.change.text);
		changes++;
	}
	return changes;
}

static void whole(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	const unsigned int open = namespace_count_fds();
	struct record_header withdraw;
	union record record;
	int fds[FDS_MAX], end;
	struct vm *vm;

	service_open();
	attach.queues = 3;
	attach.dhcp = 1;
	attach.verbose = 1;
	vm = request(&attach, &end);
	assert_true(count_changes(end) >= 8);
	record = client_expect(end, RECORD_READY, fds);
	assert_string_equal(record.ready.tap, "vmr-web");
	assert_int_equal(record.ready.tap_ifindex, if_nametoindex("vmr-web"));
	assert_address(record.ready.address, "192.168.7.9");
	assert_int_equal(record.ready.queues, 3);
	assert_int_equal(record.ready.dhcp, 1);
	for (size_t i = 0; i < FDS_MAX; i++)
		assert_int_equal(fds[i] >= 0, i < 4);
	/* The service keeps none of them. */
	assert_int_equal(vm->tap_fds[0], -1);
	assert_int_equal(vm->dhcp, -1);
	assert_int_equal(vm->record.launcher, getpid());
	assert_true(client_silent(end));

	/* A move has one answer, without descriptors. Nothing changes, so nothing is reported. */
	attach.header.type = RECORD_MOVE;
	send_record(end, &attach);
	assert_int_equal(client_event(&service, vm), 0);
	assert_int_equal(count_changes(end), 0);
	record = client_expect(end, RECORD_READY, NULL);
	assert_int_equal(record.ready.queues, 0);
	assert_int_equal(record.ready.dhcp, 0);
	protocol_record_init(&withdraw, RECORD_WITHDRAW);
	send_record(end, &withdraw);
	assert_int_equal(client_event(&service, vm), 0);
	/*
	 * The route, the proxy entry, two values, the route of the tap's table, two to the guest,
	 * the rule to guests, the uplink's.
	 */
	assert_int_equal(count_changes(end), 9);
	assert_true(client_silent(end));
	assert_int_equal(client_event(&service, vm), 0);

	/* End-of-file undoes all while we hold the tap, and the changes are still reported. */
	assert_int_equal(shutdown(end, SHUT_WR), 0);
	assert_int_equal(client_event(&service, vm), 1);
	assert_null(service.vms);
	/* The tap is down, the table goes, two rules, and the tap. */
	assert_int_equal(count_changes(end), 5);
	assert_string_equal(first_change, "ip link set dev vmr-web down");
	assert_string_equal(last_change, "ip link delete dev vmr-web");
	assert_end(end, RECORD_DONE);
	service_close();
	assert_true(namespace_unchanged(before));
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
	assert_int_equal(namespace_count_fds(), open);
}

static void test_whole(void **state)
{
	namespace_test(whole);
}

/* The launcher is killed at each moment of the conversation, which closes all at once. */
static void launcher_killed(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	struct client client;
	struct error err;
	struct vm *vm;
	int end;

	service_open();
	/* With the answer unread: the descriptors in flight hold the tap. */
	vm = request(&attach, &end);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);
	/* While the worker probes; its answer comes later. */
	attach.probe = PROBE_NORMAL;
	vm = request(&attach, &end);
	{
		struct worker_message probe = worker_expect(WORKER_PROBE);
		struct worker_message answer = worker_probed(&probe, 0);

		close(end);
		assert_int_equal(client_event(&service, vm), 1);
		assert_int_equal(send(worker, &answer, sizeof(answer), 0), sizeof(answer));
		assert_int_equal(client_worker(&service, &err), 0);
	}
	/* After the request, before it is read, and without one. */
	attach.probe = PROBE_NONE;
	client = connect_client(0, &end);
	send_record(end, &attach);
	close(end);
	assert_int_equal(client_first(&service, &client, &err), 0);
	assert_null(service.vms);
	client = connect_client(0, &end);
	close(end);
	assert_int_equal(client_first(&service, &client, &err), -ECONNRESET);
	close(client.socket);
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_launcher_killed(void **state)
{
	namespace_test(launcher_killed);
}

/* The router answers the free address. */
static void router_answers(void)
{
	struct worker_message found = worker_expect(WORKER_FIND);

	found.type = WORKER_FOUND;
	found.mac = (struct ether_addr){ { 2, 0, 0, 0, 0, 1 } };
	assert_int_equal(send(worker, &found, sizeof(found), 0), sizeof(found));
	assert_int_equal(client_worker(&service, &(struct error){ 0 }), 0);
}

/* The answer comes when the worker has probed. */
static void pending(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct worker_message probe, answer;
	struct error err = { 0 };
	struct vm *vm;
	int end, fds[FDS_MAX];

	service_open();
	attach.probe = PROBE_STRICT;
	vm = request(&attach, &end);
	assert_true(client_silent(end));
	probe = worker_expect(WORKER_PROBE);
	assert_int_equal(probe.kind, PROBE_OF_STRICT);
	answer = worker_probed(&probe, 0);
	assert_int_equal(send(worker, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(client_worker(&service, &err), 0);
	router_answers();
	client_expect(end, RECORD_READY, fds);

	/* A second move takes the place of the first one, which has no answer. */
	vm->record.proof.prefix.length = 0;
	attach.header.type = RECORD_MOVE;
	send_record(end, &attach);
	assert_int_equal(client_event(&service, vm), 0);
	probe = worker_expect(WORKER_PROBE);
	send_record(end, &attach);
	assert_int_equal(client_event(&service, vm), 0);
	answer = worker_probed(&probe, 0);
	assert_int_equal(send(worker, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(client_worker(&service, &err), 0);
	assert_true(client_silent(end));
	probe = worker_expect(WORKER_PROBE);
	answer = worker_probed(&probe, 1);
	assert_int_equal(send(worker, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(client_worker(&service, &err), 0);
	/* A failed move leaves the VM its tap. */
	assert_int_equal(client_expect(end, RECORD_FAILED, NULL).failed.code, EADDRINUSE);
	assert_true(client_silent(end));
	assert_int_equal(if_nametoindex("vmr-web"), vm->record.tap_ifindex);
	close(fds[0]);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);
	service_close();
}

static void test_pending(void **state)
{
	namespace_test(pending);
}

/* A request that the host makes impossible: the status is reported, and nothing is left of it. */
static void refused(void)
{
	const struct attach_record attach = attach_at("web", "10.0.0.1");
	cleanup_free char *before = namespace_state();
	union record record;
	int end;

	service_open();
	assert_null(request(&attach, &end));
	record = client_expect(end, RECORD_FAILED, NULL);
	assert_int_equal(record.failed.code, EADDRNOTAVAIL);
	assert_int_equal(record.failed.status, STATUS_NETWORK);
	assert_non_null(strstr(record.failed.remedy, "address: auto"));
	assert_end(end, RECORD_DONE);
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_refused(void **state)
{
	namespace_test(refused);
}

/* The first record is refused: the service reports that, and changes nothing. */
static void refuse(const void *data, size_t size, int code, const char *message)
{
	struct error err = { 0 };
	union record record;
	int end, fds[FDS_MAX];
	struct client client = connect_client(0, &end);

	assert_int_equal(send(end, data, size, 0), size);
	assert_int_equal(client_first(&service, &client, &err), -code);
	record = client_expect(end, RECORD_FAILED, fds);
	if (!strstr(record.failed.message, message))
		fail_msg("'%s' is not '%s'", record.failed.message, message);
	assert_int_equal(record.failed.code, code);
	assert_int_equal(fds[0], -1);
	assert_null(service.vms);
	close(client.socket);
	close(end);
}

static void garbage(void)
{
	static const enum record_type types[] = { RECORD_MOVE,    RECORD_WITHDRAW, RECORD_CHANGE,
						  RECORD_READY,   RECORD_FAILED,   RECORD_CONFLICT,
						  RECORD_RENEWED, RECORD_DONE,     RECORD_DHCP };
	const struct attach_record good = attach_at("web", "192.168.7.9");
	struct attach_record attach;
	struct clean_record clean;
	char bytes[sizeof(union record) + 100];
	cleanup_free char *before = NULL;
	union record record;

	service_open();
	before = namespace_state();
	memset(bytes, 0x41, sizeof(bytes));
	refuse(bytes, 1, EPROTO, "shorter than its header");
	refuse(bytes, 500, EPROTO, "wrong magic");
	refuse(bytes, sizeof(bytes), EPROTO, "larger than any record");
	refuse(&good, sizeof(good) - 1, EPROTO, "wrong size");
	attach = good;
	attach.header.version++;
	refuse(&attach, sizeof(attach), EPROTO, "wrong version");
	attach = good;
	attach.header.type = 99;
	refuse(&attach, sizeof(attach), EPROTO, "unknown type");
	attach = good;
	memset(attach.name, 'a', sizeof(attach.name));
	refuse(&attach, sizeof(attach), EPROTO, "unterminated text");
	attach = good;
	attach_name(&attach, "../../x", attach.owner);
	refuse(&attach, sizeof(attach), EINVAL, "invalid field 'name'");
	attach = good;
	attach.ifindex = 0;
	refuse(&attach, sizeof(attach), EINVAL, "invalid field 'ifindex'");
	attach = good;
	attach.queues = QUEUES_MAX + 1;
	refuse(&attach, sizeof(attach), EINVAL, "invalid field 'queues'");
	protocol_record_init(&clean, RECORD_CLEAN);
	clean.dry_run = 2;
	refuse(&clean, sizeof(clean), EINVAL, "invalid field 'flags'");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		memset(&record, 0, sizeof(record));
		protocol_record_init(&record, types[i]);
		refuse(&record, record.header.size, EPROTO, "the first record is not a request");
	}
	assert_true(namespace_unchanged(before));
	service_close();
}

static void test_garbage(void **state)
{
	namespace_test(garbage);
}

static void surplus_descriptor(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct error err = { 0 };
	struct client client;
	unsigned int fds;
	int end;

	service_open();
	client = connect_client(0, &end);
	fds = namespace_count_fds();
	assert_int_equal(protocol_send(end, &attach, &null, 1, &err), 0);
	assert_int_equal(client_first(&service, &client, &err), -EPROTO);
	assert_string_equal(err.message, "malformed record: unexpected descriptors");
	assert_int_equal(namespace_count_fds(), fds);
	client_expect(end, RECORD_FAILED, NULL);
	close(client.socket);
	close(end);
	close(null);
	service_close();
}

static void test_surplus_descriptor(void **state)
{
	namespace_test(surplus_descriptor);
}

static void rename_vm(struct attach_record *attach)
{
	strcpy(attach->name, "other");
}

static void other_uuid(struct attach_record *attach)
{
	attach->uuid[15]++;
}

static void other_owner(struct attach_record *attach)
{
	attach->owner = 4242;
}

static void more_queues(struct attach_record *attach)
{
	attach->queues = 2;
}

static void more_dhcp(struct attach_record *attach)
{
	attach->dhcp = 1;
}

static void now_dry(struct attach_record *attach)
{
	attach->dry_run = 1;
}

static void bad_field(struct attach_record *attach)
{
	attach->probe = PROBE_NONE + 1;
}

static void again(struct attach_record *attach)
{
	attach->header.type = RECORD_ATTACH;
}

/* A record that does not fit ends the VM, and the host is as before. */
static void unexpected(void)
{
	static void (*const changes[])(struct attach_record *) = {
		rename_vm, other_uuid, other_owner, more_queues,
		more_dhcp, now_dry,    bad_field,   again,
	};
	static const enum record_type types[] = { RECORD_CLEAN,  RECORD_CHANGE,   RECORD_READY,
						  RECORD_FAILED, RECORD_CONFLICT, RECORD_RENEWED,
						  RECORD_DONE,   RECORD_DHCP };
	const struct attach_record good = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();

	service_open();
	for (size_t i = 0; i <= ARRAY_SIZE(changes) + ARRAY_SIZE(types); i++) {
		union record record = { .attach = good };
		struct vm *vm;
		int end;

		vm = request(&good, &end);
		client_expect(end, RECORD_READY, NULL);
		record.header.type = RECORD_MOVE;
		if (i < ARRAY_SIZE(changes))
			changes[i](&record.attach);
		else if (i < ARRAY_SIZE(changes) + ARRAY_SIZE(types))
			protocol_record_init(&record, types[i - ARRAY_SIZE(changes)]);
		else
			record.header.magic = 0;
		send_record(end, &record);
		assert_int_equal(client_event(&service, vm), 1);
		assert_null(service.vms);
		assert_int_equal(client_expect(end, RECORD_FAILED, NULL).failed.code,
				 i < ARRAY_SIZE(changes) && changes[i] == bad_field ? EINVAL
										    : EPROTO);
		assert_end(end, RECORD_DONE);
		worker_count(WORKER_FORGET);
	}
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_unexpected(void **state)
{
	namespace_test(unexpected);
}

/* A move or a withdrawal before the first answer does not fit. */
static void too_early(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct record_header withdraw;

	service_open();
	attach.probe = PROBE_NORMAL;
	protocol_record_init(&withdraw, RECORD_WITHDRAW);
	for (int i = 0; i < 2; i++) {
		struct attach_record move = attach;
		struct vm *vm;
		int end;

		vm = request(&attach, &end);
		move.header.type = RECORD_MOVE;
		send_record(end, i ? (void *)&withdraw : (void *)&move);
		assert_int_equal(client_event(&service, vm), 1);
		assert_int_equal(client_expect(end, RECORD_FAILED, NULL).failed.code, EPROTO);
		assert_end(end, RECORD_DONE);
	}
	service_close();
}

static void test_too_early(void **state)
{
	namespace_test(too_early);
}

/* Only user 0 may act for another user. */
static void owner(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct client client;
	struct error err = { 0 };
	struct vm *vm;
	int end;

	policy_write("allow user alice unprobed\n");
	service_open();
	client = connect_client(4242, &end);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), -EPERM);
	assert_string_equal(err.message, "request refused: invalid field 'owner'");
	assert_null(service.vms);
	client_expect(end, RECORD_FAILED, NULL);
	close(client.socket);
	close(end);

	attach.owner = 4242;
	client = connect_client(4242, &end);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	client_expect(end, RECORD_READY, NULL);
	vm = service.vms;
	assert_int_equal(vm->record.uid, 4242);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);
	vm = request(&attach, &end);
	client_expect(end, RECORD_READY, NULL);
	assert_int_equal(vm->record.uid, 0);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);

	/* A user without a rule learns nothing about the host. */
	attach.owner = 4243;
	attach.ifindex = 4711;
	client = connect_client(4243, &end);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	assert_int_equal(client_expect(end, RECORD_FAILED, NULL).failed.code, EACCES);
	assert_end(end, RECORD_DONE);
	service_close();
}

static void test_owner(void **state)
{
	namespace_test(owner);
}

/* The second VM of a name gets an error that names the first one, which stays. */
static void twice(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	char expected[128];
	struct vm *vm;
	int first, second;

	service_open();
	vm = request(&attach, &first);
	client_expect(first, RECORD_READY, NULL);
	assert_ptr_equal(request(&attach, &second), vm);
	snprintf(expected, sizeof(expected), "VM 'web' is already running: pid %d, 192.168.7.9",
		 (int)getpid());
	assert_string_equal(client_expect(second, RECORD_FAILED, NULL).failed.message, expected);
	assert_end(second, RECORD_DONE);
	assert_true(client_silent(first));
	close(first);
	assert_int_equal(client_event(&service, vm), 1);
	service_close();
}

static void test_twice(void **state)
{
	namespace_test(twice);
}

/* The cards of a VM are no second VM of its name: each has a tap, an address and a route. */
static void two_cards(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	struct vm *first, *second;
	union record record;
	int fds[2][FDS_MAX], ends[2];

	service_open();
	first = request(&attach, &ends[0]);
	client_expect(ends[0], RECORD_READY, fds[0]);
	attach.card = 1;
	attach.mac.ether_addr_octet[5] = 1;
	attach.address = address("192.168.7.10");
	second = request(&attach, &ends[1]);
	record = client_expect(ends[1], RECORD_READY, fds[1]);
	assert_ptr_not_equal(first, second);
	assert_string_not_equal(record.ready.tap, first->record.tap);
	assert_address(record.ready.address, "192.168.7.10");
	assert_int_equal(if_nametoindex(record.ready.tap), second->record.tap_ifindex);

	/* A move of one card cannot become one of the other. */
	attach.header.type = RECORD_MOVE;
	attach.card = 0;
	send_record(ends[1], &attach);
	assert_int_equal(client_event(&service, second), 1);
	assert_string_equal(client_expect(ends[1], RECORD_FAILED, NULL).failed.message,
			    "unexpected record");
	assert_end(ends[1], RECORD_DONE);
	assert_ptr_equal(service.vms, first);
	assert_int_equal(if_nametoindex("vmr-web"), first->record.tap_ifindex);
	close(ends[0]);
	close(fds[0][0]);
	close(fds[1][0]);
	assert_int_equal(client_event(&service, first), 1);
	service_close();
	assert_true(namespace_unchanged(before));
}

static void test_two_cards(void **state)
{
	namespace_test(two_cards);
}

/* A user has one VM with as many cards as VMs. */
static void cards_permitted(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct client client;
	struct error err;
	int ends[2];

	policy_write("allow user alice unprobed vms 1\n");
	service_open();
	attach.owner = 4242;
	client = connect_client(4242, &ends[0]);
	send_record(ends[0], &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	client_expect(ends[0], RECORD_READY, NULL);
	attach.card = 1;
	attach.mac.ether_addr_octet[5] = 1;
	attach.address = address("192.168.7.10");
	client = connect_client(4242, &ends[1]);
	send_record(ends[1], &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	assert_string_equal(client_expect(ends[1], RECORD_FAILED, NULL).failed.message,
			    "user 'alice' is not permitted to run more than 1 VM; each card on the "
			    "LAN counts as a VM");
	assert_end(ends[1], RECORD_DONE);
	close(ends[0]);
	assert_int_equal(client_event(&service, service.vms), 1);
	service_close();
}

static void test_cards_permitted(void **state)
{
	namespace_test(cards_permitted);
}

/* Only who has the service's own user ID gets a connection that has it. */
static void further(void)
{
	struct record_header connect;
	struct client client;
	struct error err;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fds[FDS_MAX], end;

	protocol_record_init(&connect, RECORD_CONNECT);
	service_open();
	client = connect_client(0, &end);
	client.pid = 4711;
	send_record(end, &connect);
	assert_int_equal(client_first(&service, &client, &err), 0);
	client_expect(end, RECORD_CONNECTED, fds);
	assert_true(client.socket >= 0 && client.further >= 0 && fds[0] >= 0);
	assert_int_equal(fds[1], -1);
	assert_int_equal(getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
	assert_int_equal(peer.uid, 0);
	assert_int_equal(client_pid(&client), 4711);
	close(fds[0]);
	close(client.further);
	close(client.socket);
	close(end);

	client = connect_client(4242, &end);
	send_record(end, &connect);
	assert_int_equal(client_first(&service, &client, &err), -EPERM);
	assert_int_equal(client.further, -1);
	client_expect(end, RECORD_FAILED, fds);
	assert_int_equal(fds[0], -1);
	close(client.socket);
	close(end);
	service_close();
}

static void test_further(void **state)
{
	namespace_test(further);
}

/* A client that never reads does not block the service, for any number of reports. */
static void not_reading(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = namespace_state();
	const int small = 1;
	struct error err = { 0 };
	struct client client;
	int end;

	service_open();
	attach.verbose = 1;
	client = connect_client(0, &end);
	assert_int_equal(setsockopt(client.socket, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
			 0);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	/* It is none: its buffer is full, so that it cannot have the tap. */
	assert_null(service.vms);
	service_close();
	assert_true(namespace_unchanged(before));
	close(end);
}

static void test_not_reading(void **state)
{
	namespace_test(not_reading);
}

static int clean_as(uid_t uid, uint8_t dry_run, int *end)
{
	struct client client = connect_client(uid, end);
	struct clean_record clean;
	struct error err = { 0 };
	int ret;

	protocol_record_init(&clean, RECORD_CLEAN);
	clean.dry_run = dry_run;
	send_record(*end, &clean);
	ret = client_first(&service, &client, &err);
	/* The caller closes the connection then. */
	assert_true(ret < 0);
	close(client.socket);
	return ret;
}

/* Any client whom the policy permits something can have stale state removed. */
static void clean(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int live, end;

	policy_write("allow user alice\n");
	service_open();
	vm = request(&attach, &live);
	client_expect(live, RECORD_READY, NULL);
	for (uid_t uid = 0; uid <= 4242; uid += 4242) {
		assert_int_equal(namespace_run("ip neigh add proxy 192.168.7.11 dev e0 proto 118"),
				 0);
		assert_int_equal(clean_as(uid, 1, &end), -ECONNRESET);
		assert_int_equal(count_changes(end), 1);
		assert_end(end, RECORD_DONE);
		assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 2 ]"), 0);
		assert_int_equal(clean_as(4243, 0, &end), -EACCES);
		assert_end(end, RECORD_FAILED);
		assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 2 ]"), 0);
		assert_int_equal(clean_as(uid, 0, &end), -ECONNRESET);
		assert_int_equal(count_changes(end), 1);
		assert_end(end, RECORD_DONE);
		assert_int_equal(namespace_run("ip neigh show proxy | grep -q '^192.168.7.9 ' && "
					       "[ $(ip neigh show proxy | wc -l) = 1 ]"),
				 0);
	}
	close(live);
	assert_int_equal(client_event(&service, vm), 1);
	service_close();
}

static void test_clean(void **state)
{
	namespace_test(clean);
}

/* The first VM of a service sees what was left by those before it. */
static void swept(void)
{
	const struct attach_record attach = attach_at("web", "192.168.7.9");
	struct vm *vm;
	int end;

	service_open();
	service.swept = false;
	assert_int_equal(namespace_run("ip neigh add proxy 192.168.7.9 dev e0 proto 118; "
				       "ip neigh add proxy 192.168.7.11 dev e0 proto 118"),
			 0);
	vm = request(&attach, &end);
	client_expect(end, RECORD_READY, NULL);
	assert_int_equal(namespace_run("[ $(ip neigh show proxy | wc -l) = 1 ]"), 0);
	assert_true(service.swept);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);
	service_close();
}

static void test_swept(void **state)
{
	namespace_test(swept);
}

/* A restart gives the client a new DHCP socket; a VM that was not answered yet begins anew. */
static void renewed(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	int end, fds[FDS_MAX], renewed_fds[FDS_MAX];
	struct vm *vm;

	service_open();
	attach.dhcp = 1;
	request(&attach, &end);
	client_expect(end, RECORD_READY, fds);
	close(end);
	service_restart();
	vm = service.vms;
	assert_int_equal(vm->record.answered, 1);
	connect_as(0, &end, &vm->client);
	client_restore(&service, vm);
	client_expect(end, RECORD_RENEWED, renewed_fds);
	assert_true(renewed_fds[0] >= 0 && renewed_fds[1] < 0);
	assert_int_equal(client_expect(end, RECORD_READY, NULL).ready.queues, 0);
	assert_true(client_silent(end));

	/* The client does not come back. */
	close(end);
	service_restart();
	client_lost(&service, service.vms);
	assert_null(service.vms);
	assert_int_equal(if_nametoindex("vmr-web"), 0);
	close(fds[0]);
	close(fds[1]);
	close(renewed_fds[0]);

	/* Killed between the tap and the answer. */
	attach.probe = PROBE_NORMAL;
	request(&attach, &end);
	assert_int_equal(state_save(&service, &(struct error){ 0 }), 0);
	close(end);
	service_restart();
	vm = service.vms;
	connect_as(0, &end, &vm->client);
	client_restore(&service, vm);
	assert_true(client_silent(end));
	{
		struct worker_message probe = worker_expect(WORKER_PROBE);
		struct worker_message answer = worker_probed(&probe, 0);

		assert_int_equal(send(worker, &answer, sizeof(answer), 0), sizeof(answer));
		assert_int_equal(client_worker(&service, &(struct error){ 0 }), 0);
		router_answers();
	}
	assert_int_equal(client_expect(end, RECORD_READY, NULL).ready.queues, 1);
	close(end);
	assert_int_equal(client_event(&service, vm), 1);
	service_close();
}

static void test_renewed(void **state)
{
	namespace_test(renewed);
}

/* No more VMs than the worker knows. */
static void too_many(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	struct client client;
	struct error err = { 0 };
	int end;

	service_open();
	for (int i = 0; i < WORKER_VMS_MAX; i++)
		state_add(&service, vm_new());
	client = connect_client(0, &end);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), -EUSERS);
	client_expect(end, RECORD_FAILED, NULL);
	close(client.socket);
	close(end);
	service_close();
	namespace_run("rm -r /run/vmrun");
}

static void test_too_many(void **state)
{
	namespace_test(too_many);
}

/* Clients of this network namespace may connect, and of each user a few without a VM. */
static void accepted(void)
{
	struct client root, user;
	struct error err = { 0 };
	int ends[2];

	root = connect_client(0, &ends[0]);
	user = connect_client(4242, &ends[1]);
	assert_int_equal(client_uid(root.socket), 0);
	assert_int_equal(client_uid(user.socket), 4242);
	assert_true(client_uid(-1) == (uid_t)-1);
	assert_int_equal(client_accept(root.socket, 1000, &err), 0);
	assert_int_equal(client_accept(user.socket, 7, &err), 0);
	assert_int_equal(client_accept(user.socket, 8, &err), -EMFILE);
	/* A namespace that cannot be read is not another one. */
	assert_int_equal(client_accept(-1, 0, &err), -EBADF);
	assert_non_null(strstr(err.message, "cannot read the client's network namespace"));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(client_accept(root.socket, 0, &err), -EXDEV);
	assert_int_equal(client_accept(user.socket, 0, &err), -EXDEV);
}

static void test_accepted(void **state)
{
	namespace_test(accepted);
}

/* Without rights the service can do dry runs, for its own user. */
static void without_rights(void)
{
	struct attach_record attach = attach_at("web", "192.168.7.9");
	cleanup_free char *before = NULL;
	struct client client = { 0 };
	struct error err = { 0 };
	int end;

	service = (struct state){ .dir = -1, .keeper.socket = -1, .worker.socket = -1 };
	service.uplinks.save = service_save;
	service.uplinks.context = &service;
	assert_int_equal(namespace_drop_rights(), 0);
	before = namespace_state();
	attach.owner = 65534;
	make_pair(&end, &client.socket);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), -EPERM);
	assert_int_equal(client_expect(end, RECORD_FAILED, NULL).failed.status, STATUS_PERMISSION);
	close(client.socket);
	close(end);

	attach.dry_run = 1;
	make_pair(&end, &client.socket);
	send_record(end, &attach);
	assert_int_equal(client_first(&service, &client, &err), 0);
	assert_int_equal(client_expect(end, RECORD_READY, NULL).ready.queues, 0);
	close(end);
	assert_int_equal(client_event(&service, service.vms), 1);
	state_close(&service);
	assert_true(namespace_unchanged(before));
}

static void test_without_rights(void **state)
{
	namespace_test(without_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),      cmocka_unit_test(test_launcher_killed),
		cmocka_unit_test(test_pending),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_garbage),    cmocka_unit_test(test_surplus_descriptor),
		cmocka_unit_test(test_unexpected), cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_owner),      cmocka_unit_test(test_twice),
		cmocka_unit_test(test_two_cards),  cmocka_unit_test(test_cards_permitted),
		cmocka_unit_test(test_further),    cmocka_unit_test(test_not_reading),
		cmocka_unit_test(test_clean),      cmocka_unit_test(test_swept),
		cmocka_unit_test(test_renewed),    cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_accepted),   cmocka_unit_test(test_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

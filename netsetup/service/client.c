// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the records of one client.
#include "netsetup/service/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/stall.h"
#include "netsetup/service/access.h"
#include "netsetup/service/answer.h"
#include "netsetup/service/ask.h"
#include "netsetup/service/attach.h"
#include "netsetup/service/counts.h"
#include "netsetup/service/stale.h"
#include "netsetup/service/task.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

/* Connections of one user without a VM: more are a mistake or an attack. */
#define CLIENTS_MAX 8

/* "vm-4294967295" */
#define VM_NAME_FORMAT "vm-%u"

uid_t client_uid(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? (uid_t)-1 : peer.uid;
}

int32_t client_pid(const struct client *client)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (client->pid)
		return client->pid;
	return getsockopt(client->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : peer.pid;
}

/* Reads the number of a socket's network namespace; returns 0 or a negative errno. */
static int cookie_of(int socket, uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);

	return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0 ? -errno : 0;
}

/*
 * Threat: a container has the service's socket, and asks for changes of the host. The kernel gives
 * the accepted socket the network namespace of the socket that connected (unix_stream_connect() in
 * net/unix/af_unix.c). Test: test_other_namespace in tests/lab/security/test_hostile_caller.py.
 */
static int check_namespace(int client, struct error *err)
{
	cleanup_fd int own = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t ours = 0, theirs = 0;
	int ret = own < 0 ? -errno : 0;

	if (ret == 0)
		ret = cookie_of(own, &ours);
	if (ret == 0)
		ret = cookie_of(client, &theirs);
	if (ret < 0)
		return error_set_errno(err, -ret, "cannot read the client's network namespace");
	if (ours == theirs)
		return 0;
	return error_setf(err, STATUS_FAILURE, EXDEV,
			  "this vmrun-netsetup serves another network namespace");
}

int client_accept(int socket, unsigned int count, struct error *err)
{
	const int off = 0;
	int ret;

	/* Linux 6.16: the client cannot even send descriptors. Others have stall_begin(). */
	(void)setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	ret = check_namespace(socket, err);
	if (ret < 0)
		return ret;
	if (client_uid(socket) != 0 && count >= CLIENTS_MAX)
		return error_setf(err, STATUS_FAILURE, EMFILE, "too many connections of one user");
	return 0;
}

static void keep(const struct state *state, const struct vm *vm)
{
	char name[KEEPER_NAME_SIZE];
	struct error ignored;

	snprintf(name, sizeof(name), VM_NAME_FORMAT, vm->record.id);
	/* Without the copy, the client connects again after a restart. */
	if (!vm->record.attach.dry_run)
		keeper_store(&state->keeper, name, vm->client, &ignored);
}

static void forget(const struct state *state, const struct vm *vm)
{
	char name[KEEPER_NAME_SIZE];

	snprintf(name, sizeof(name), VM_NAME_FORMAT, vm->record.id);
	if (!vm->record.attach.dry_run)
		keeper_remove(&state->keeper, name);
}

/* Removes all that no VM of the state has. Changes are reported to @vm's client. */
static int sweep(struct state *state, const struct vm *vm, struct error *err)
{
	cleanup_task task = { 0 };
	const int ret = task_host(&task, state, vm, err);

	return ret < 0 ? ret : stale_undo(state, &task.host, err);
}

void client_sweep(struct state *state)
{
	struct error ignored;

	state->swept = true;
	/* A failure does not stop the service; 'vmrun clean' reports it. */
	sweep(state, NULL, &ignored);
}

/* Undoes all that a VM has, reports it to its client, and frees the VM. */
static void end_vm(struct state *state, struct vm *vm, const struct error *reason)
{
	struct error err;
	int ret;

	ret = attach_end(state, vm, &err);
	/* The error may have passed. */
	if (ret < 0)
		ret = sweep(state, vm, &err);
	state->unclean = state->unclean || ret < 0;
	forget(state, vm);
	/* The client waits for the end of its child only if no other client can find it. */
	if (state->once)
		state_clear(state);
	if (vm->client >= 0 && (reason || ret < 0))
		answer_failed(vm->client, reason ? reason : &err, -1);
	if (vm->client >= 0 && ret == 0)
		answer_header(vm->client, RECORD_DONE, -1);
	/* The keeper may have another copy: only this is the end of the connection. */
	if (vm->client >= 0)
		shutdown(vm->client, SHUT_RDWR);
	vm_free(vm);
}

/*
 * Sends the answer to a request that is complete. The record in the file comes first: a service
 * that is killed in between makes the tap anew. Returns false if the VM has ended.
 */
static bool finish(struct state *state, struct vm *vm, int ret, struct error *err)
{
	if (ret == ATTACH_PENDING)
		return true;
	if (ret == ATTACH_DONE && vm->record.attach.question) {
		answer_verdict(vm->client, &vm->ask.verdict);
		end_vm(state, vm, NULL);
		return false;
	}
	if (ret == ATTACH_DONE && !vm->record.answered) {
		vm->record.answered = 1;
		ret = vm->record.attach.dry_run ? 0 : state_save(state, err);
		/* A failed answer to RECORD_ATTACH undoes the attachment. */
		vm->record.answered = ret == 0;
	}
	/* A client that reads nothing, so that its buffer is full, is none. */
	if (ret >= 0 && answer_ready(vm, err) == 0)
		return true;
	if (ret >= 0 || !vm->record.answered) {
		end_vm(state, vm, err);
		return false;
	}
	if (ret == -EACCES)
		attach_withdraw(state, vm);
	answer_failed(vm->client, err, -1);
	return true;
}

static unsigned int count_vms(const struct state *state)
{
	unsigned int count = 0;

	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		count++;
	return count;
}

/* Security: only user 0 may act for another user. */
static int check_attach(const struct state *state, const struct attach_record *attach, uid_t uid,
			struct error *err)
{
	int ret;

	ret = protocol_attach_check(attach, err);
	if (ret < 0)
		return ret;
	if (uid != 0 && attach->owner != uid)
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "request refused: invalid field 'owner'");
	if (!attach->dry_run && state->dir < 0)
		return error_setf(
			err, STATUS_PERMISSION, EPERM,
			"cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	return 0;
}

/* The first client of a service that changes the host has removed what was left before it. */
static void sweep_first(struct state *state, const struct vm *vm)
{
	struct error ignored;

	if (state->swept || vm->record.attach.dry_run || vm->record.attach.question)
		return;
	state->swept = true;
	/* A failure does not stop this VM; 'vmrun clean' reports it. */
	sweep(state, vm, &ignored);
}

static int first_attach(struct state *state, struct client *client,
			const struct attach_record *attach, struct error *err)
{
	struct vm *vm;
	int ret;

	ret = check_attach(state, attach, client_uid(client->socket), err);
	if (ret == 0 && attach->question)
		ret = ask_client(state, attach, &client->socket, err);
	if (ret < 0)
		return ret;
	if (client->socket < 0) {
		state->waiting--;
		return 0;
	}
	if (count_vms(state) >= WORKER_VMS_MAX)
		return error_setf(err, STATUS_FAILURE, EUSERS,
				  "cannot attach more than %d VMs of this host", WORKER_VMS_MAX);
	vm = vm_new();
	if (!vm)
		return error_set_errno(err, ENOMEM, "cannot attach VM '%s'", attach->name);
	vm->record.attach = *attach;
	vm->record.uid = client_uid(client->socket);
	vm->record.launcher = client_pid(client);
	vm->client = client->socket;
	client->socket = -1;
	state->waiting--;
	state_add(state, vm);
	keep(state, vm);
	sweep_first(state, vm);
	finish(state, vm, attach_begin(state, vm, err), err);
	return 0;
}

/*
 * Safe against a hostile client: the request does not choose what is removed, and only what no VM
 * needs is. A user whom the policy permits nothing may not even ask.
 */
static int first_clean(struct state *state, struct client *client, const struct clean_record *clean,
		       struct error *err)
{
	struct vm asker = { .client = client->socket,
			    .record.attach = { .verbose = 1, .dry_run = clean->dry_run } };
	cleanup_task task = { 0 };
	int ret;

	ret = protocol_clean_check(clean, err);
	if (ret == 0 && !clean->dry_run && state->dir < 0)
		ret = error_setf(err, STATUS_PERMISSION, EPERM,
				 "cannot change the network without CAP_NET_ADMIN and CAP_NET_RAW");
	if (ret == 0)
		ret = task_host(&task, state, &asker, err);
	if (ret == 0)
		ret = task_permitted(state, client->socket, err);
	if (ret == 0)
		ret = stale_undo(state, &task.host, err);
	state->swept = state->swept || !clean->dry_run;
	if (ret == 0)
		answer_header(client->socket, RECORD_DONE, -1);
	return ret;
}

/*
 * Threat: a user learns when and how much others' VMs send. Check: the VM is the client's user's,
 * unless that is root. Test: test_counts_of_others in
 * tests/lab/security/test_hostile_caller.py.
 */
static int first_count(struct state *state, const struct client *client, struct error *err)
{
	const uid_t uid = client_uid(client->socket);
	struct counts_record record;
	cleanup_task task = { 0 };
	struct error ignored;
	int ret;

	ret = task_host(&task, state, NULL, err);
	for (const struct vm *vm = state->vms; ret == 0 && vm; vm = vm->next) {
		if (!vm->record.answered || vm->record.attach.dry_run ||
		    (uid != 0 && vm->record.attach.owner != uid))
			continue;
		counts_read(state, &task.host, vm, &record);
		protocol_send(client->socket, &record, NULL, 0, &ignored);
	}
	if (ret == 0)
		answer_header(client->socket, RECORD_DONE, -1);
	return ret;
}

/*
 * Makes another connection for a client that has the user ID of this process: it may have dropped
 * root's rights since it connected.
 *
 * Threat: the kernel reports this process as the other end of the new connection, so another user
 * would have root's permission by it. Test: test_further_connection in
 * tests/lab/security/test_hostile_caller.py.
 */
static int first_connect(struct client *client, struct error *err)
{
	const int off = 0;
	int sockets[2];

	if (client_uid(client->socket) != geteuid())
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "request refused: connect to this vmrun-netsetup yourself");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, errno, "cannot make a connection");
	(void)setsockopt(sockets[0], SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	answer_header(client->socket, RECORD_CONNECTED, sockets[1]);
	close(sockets[1]);
	client->further = sockets[0];
	return 0;
}

/* Receives from a client that may pass descriptors, for which it gives the kernel no room. */
static int receive(int client, union record *record, struct error *err)
{
	int ret;

	stall_begin();
	ret = protocol_receive(client, record, NULL, err);
	stall_end();
	return ret;
}

static int serve_first(struct state *state, struct client *client, struct error *err)
{
	union record record;
	int ret;

	ret = receive(client->socket, &record, err);
	if (ret < 0)
		return ret == -EAGAIN ? 0 : ret;
	if (record.header.type == RECORD_ATTACH)
		return first_attach(state, client, &record.attach, err);
	if (record.header.type == RECORD_CONNECT)
		return first_connect(client, err);
	if (record.header.type == RECORD_CLEAN)
		ret = first_clean(state, client, &record.clean, err);
	else if (record.header.type == RECORD_COUNT)
		ret = first_count(state, client, err);
	else
		ret = error_setf(err, STATUS_FAILURE, EPROTO, "the first record is not a request");
	/* The connection ends with its answer. */
	return ret < 0 ? ret : -ECONNRESET;
}

int client_first(struct state *state, struct client *client, struct error *err)
{
	const int ret = serve_first(state, client, err);

	if (ret < 0 && ret != -ECONNRESET)
		answer_failed(client->socket, err, -1);
	return ret;
}

/* True if the request is for the same VM as the one before. */
static bool same_vm(const struct attach_record *a, const struct attach_record *b)
{
	return a->owner == b->owner && a->card == b->card && !strcmp(a->name, b->name) &&
	       !memcmp(a->uuid, b->uuid, sizeof(a->uuid)) && a->queues == b->queues &&
	       a->dhcp == b->dhcp && a->dry_run == b->dry_run &&
	       !memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

/* A VM is never switched to another path: the user has been told which firewall it passes. */
static bool same_path(const struct attach_record *attach, const struct vm *vm)
{
	return attach->path == PATH_AUTO || attach->path == vm->record.path;
}

/* Returns false if the record does not fit here; the VM then ends. */
static bool serve_record(struct state *state, struct vm *vm, const union record *record,
			 bool *ended, struct error *err)
{
	/*
	 * Threat: the moves of a dry run, which has one answer only, open sockets that nothing
	 * closes. Test: test_dry_run in tests/lab/security/test_attacks.py.
	 */
	const bool runs = vm->record.answered && !vm->record.attach.dry_run;

	if (record->header.type == RECORD_WITHDRAW && runs) {
		attach_withdraw(state, vm);
		return true;
	}
	/*
	 * A request takes the place of one that is pending: after a restart the client sends it
	 * again.
	 */
	if (record->header.type != RECORD_MOVE || !runs ||
	    !same_vm(&record->attach, &vm->record.attach) || !same_path(&record->attach, vm))
		return error_setf(err, STATUS_FAILURE, EPROTO, "unexpected record") == 0;
	if (protocol_attach_check(&record->attach, err) < 0)
		return false;
	vm->record.attach = record->attach;
	*ended = !finish(state, vm, attach_move(state, vm, err), err);
	return true;
}

int client_event(struct state *state, struct vm *vm)
{
	union record record;
	struct error err;
	bool ended = false;
	int ret;

	ret = receive(vm->client, &record, &err);
	if (ret == -EAGAIN)
		return 0;
	if (ret == 0 && serve_record(state, vm, &record, &ended, &err))
		return ended;
	end_vm(state, vm, ret == -ECONNRESET ? NULL : &err);
	return 1;
}

static bool is_answer_for(enum vm_phase phase, uint32_t type)
{
	switch (phase) {
	case VM_FINDING:
	case VM_ASKING:
		return type == WORKER_FOUND;
	case VM_PROBING:
		return type == WORKER_PROBED;
	case VM_SAMPLING:
		return type == WORKER_ASKED;
	case VM_IDLE:
		break;
	}
	return false;
}

/* Ends the request of a new VM; a client that has its answer is sent the verdict. */
static void on_verdict(struct state *state, struct vm *vm, const struct worker_message *message,
		       struct error *err)
{
	if (!ask_answered(state, vm, message))
		return;
	if (!vm->record.answered)
		finish(state, vm, attach_asked(state, vm, err), err);
	else if (vm->client >= 0)
		answer_verdict(vm->client, &vm->ask.verdict);
}

int client_worker(struct state *state, struct error *err)
{
	struct worker_message message;
	struct vm *vm;
	int ret;

	ret = worker_link_receive(&state->worker, &message, err);
	vm = ret < 0 ? NULL : state_find(state, message.vm);
	if (!vm)
		return ret;
	if (message.type == WORKER_CONFLICT || message.type == WORKER_STRANGER) {
		if (vm->client >= 0)
			answer_conflict(vm->client,
					message.type == WORKER_CONFLICT ? RECORD_CONFLICT
									: RECORD_STRANGER,
					message.address, &message.mac);
		return 0;
	}
	if (message.type == WORKER_ACCESSED) {
		if (access_answered(state, vm, &message) && vm->record.answered && vm->client >= 0)
			answer_access(vm->client, (enum access_result)vm->record.access);
		return 0;
	}
	/* An answer to a question that was withdrawn meanwhile. */
	if (message.job != vm->job || !is_answer_for(vm->phase, message.type))
		return 0;
	if (message.type == WORKER_ASKED) {
		on_verdict(state, vm, &message, err);
		return 0;
	}
	finish(state, vm, attach_answered(state, vm, &message, err), err);
	return 0;
}

/*
 * The client sends a pending request again after RECORD_RENEWED. So a VM that is off the LAN stays
 * so until then.
 */
void client_restore(struct state *state, struct vm *vm)
{
	const bool off = vm->record.answered && !vm->record.published_on;
	struct error err;
	int ret;

	ret = attach_restore(state, vm, off, &err);
	if (!vm->record.answered) {
		finish(state, vm, ret, &err);
		return;
	}
	answer_header(vm->client, RECORD_RENEWED, vm->dhcp);
	if (vm->dhcp >= 0)
		close(vm->dhcp);
	vm->dhcp = -1;
	/* A VM whose uplink is away is moved by its client's next request. */
	if (ret == ATTACH_DONE && !off)
		finish(state, vm, ret, &err);
}

void client_lost(struct state *state, struct vm *vm)
{
	end_vm(state, vm, NULL);
}

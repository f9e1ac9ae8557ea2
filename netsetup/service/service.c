// SPDX-License-Identifier: GPL-2.0-or-later
// Serves all clients of this network namespace.
#include "netsetup/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/base/netns.h"
#include "netsetup/base/stall.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/keeper/child.h"
#include "netsetup/maker/maker_call.h"
#include "netsetup/service/answer.h"
#include "netsetup/service/ask.h"
#include "netsetup/service/attach.h"
#include "netsetup/service/client.h"
#include "netsetup/service/stale.h"
#include "netsetup/service/task.h"

/* Connections with and without a VM, of all users. */
#define CONNECTIONS_MAX 1000

#define BACKLOG 64

/* Interval of attach_check() while there are VMs, in ms. */
#define CHECK_MS 60000

/**
 * struct service - the running service.
 * @listener: listening socket, or -1.
 * @signals: signalfd of SIGTERM.
 * @clients: connections without a VM.
 * @idle_since: monotonic_ms() since when there is no client.
 * @checked: monotonic_ms() of the last attach_check().
 * @stopping: SIGTERM has come.
 */
struct service {
	struct state state;
	enum service_mode mode;
	int listener;
	int signals;
	struct client *clients;
	uint64_t idle_since;
	uint64_t checked;
	bool stopping;
};

/* The descriptors of one wait, in an order that dispatch() repeats. */
enum {
	SLOT_LISTENER,
	SLOT_SIGNALS,
	SLOT_WORKER,
	SLOT_MAKER,
	SLOT_RULESET,
	SLOTS,
};

/*
 * Returns true if a VM without a client is undone when its time is over. A dead one is left to a
 * sweep for as long as the clients of a service that runs once only ask for dry runs.
 */
static bool is_expiring(const struct service *service, const struct vm *vm)
{
	return vm->client < 0 &&
	       (service->state.swept || service->mode != SERVICE_ONCE || !vm_dead(vm));
}

static size_t count_connections(const struct service *service)
{
	size_t count = 0;

	for (const struct client *client = service->clients; client; client = client->next)
		count++;
	for (const struct vm *vm = service->state.vms; vm; vm = vm->next)
		count += vm->client >= 0 || is_expiring(service, vm);
	return count;
}

/*
 * Threat: one user has all VMs that there may be. The policy does not count dry runs. Test:
 * test_dry_runs in tests/lab/security/test_attacks.py.
 */
static unsigned int count_clients(const struct service *service, uid_t uid)
{
	unsigned int count = 0;

	for (const struct client *client = service->clients; client; client = client->next)
		count += client_uid(client->socket) == uid;
	for (const struct vm *vm = service->state.vms; vm; vm = vm->next)
		count += vm->record.attach.dry_run && vm->record.uid == uid;
	return count;
}

/* Takes a connection over, or refuses it. @pid: as in struct client. */
static void add_client(struct service *service, int socket, int32_t pid)
{
	const unsigned int count = count_clients(service, client_uid(socket));
	struct client *client = NULL;
	struct error err;

	if (client_accept(socket, count, &err) < 0)
		answer_failed(socket, &err, -1);
	else
		client = calloc(1, sizeof(*client));
	if (!client) {
		stall_close(socket);
		return;
	}
	fcntl(socket, F_SETFL, O_NONBLOCK);
	client->socket = socket;
	client->pid = pid;
	client->further = -1;
	/* A vmrun of root connects before it downloads an image, and cannot connect again after. */
	client->deadline = client_uid(socket) == 0 ? UINT64_MAX
						   : monotonic_ms() + CLIENT_REQUEST_MS;
	client->next = service->clients;
	service->clients = client;
	service->state.waiting++;
}

static void remove_client(struct service *service, struct client *client)
{
	struct client **at = &service->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	if (client->socket >= 0) {
		service->state.waiting--;
		stall_close(client->socket);
	}
	free(client);
}

static void on_listener(struct service *service)
{
	const int socket = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC);

	if (socket >= 0)
		add_client(service, socket, 0);
}

/* Takes the new connection over that a client has requested. The client may do so again. */
static void add_further(struct service *service, struct client *client)
{
	const int socket = take_fd(&client->further);

	if (socket >= 0 && count_connections(service) >= CONNECTIONS_MAX)
		close(socket);
	else if (socket >= 0)
		add_client(service, socket, client_pid(client));
}

/* A clean request, a failure, and a VM each take the connection out of the list. */
static void on_client(struct service *service, struct client *client)
{
	struct error err;
	const int ret = client_first(&service->state, client, &err);

	add_further(service, client);

	if (ret < 0 || client->socket < 0)
		remove_client(service, client);
}

static void expire(struct service *service, uint64_t now)
{
	for (struct client *client = service->clients, *next; client; client = next) {
		next = client->next;
		if (now >= client->deadline)
			remove_client(service, client);
	}
	for (struct vm *vm = service->state.vms, *next; vm; vm = next) {
		next = vm->next;
		if (is_expiring(service, vm) && now >= vm->lost_until)
			client_lost(&service->state, vm);
	}
	if (now >= service->checked + CHECK_MS) {
		service->checked = now;
		attach_check(&service->state);
	}
}

/* Returns the time until the next deadline in ms, -1 if there is none. */
static int time_left(const struct service *service, uint64_t now)
{
	uint64_t next = ask_due(&service->state);

	for (const struct client *client = service->clients; client; client = client->next)
		next = client->deadline < next ? client->deadline : next;
	for (const struct vm *vm = service->state.vms; vm; vm = vm->next)
		if (is_expiring(service, vm) && vm->lost_until < next)
			next = vm->lost_until;
	if (service->mode == SERVICE_ACTIVATED && count_connections(service) == 0)
		next = service->idle_since + SERVICE_IDLE_MS;
	if (service->state.vms && service->checked + CHECK_MS < next)
		next = service->checked + CHECK_MS;
	if (next == UINT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

static bool is_over(struct service *service, uint64_t now)
{
	if (service->stopping)
		return true;
	if (count_connections(service) > 0) {
		service->idle_since = now;
		return false;
	}
	return service->mode == SERVICE_ONCE ||
	       (service->mode == SERVICE_ACTIVATED && now >= service->idle_since + SERVICE_IDLE_MS);
}

/* Fills in what to wait for: the fixed slots, the clients, the VMs' clients. */
static size_t fill_pollers(const struct service *service, struct pollfd *pollers)
{
	const bool full = count_connections(service) >= CONNECTIONS_MAX;
	size_t count = SLOTS;

	pollers[SLOT_LISTENER].fd = full ? -1 : service->listener;
	pollers[SLOT_SIGNALS].fd = service->signals;
	pollers[SLOT_WORKER].fd = service->state.worker.socket;
	pollers[SLOT_MAKER].fd = service->state.maker > 0 ? service->state.maker : -1;
	pollers[SLOT_RULESET].fd = service->state.ruleset > 0 ? service->state.ruleset : -1;
	for (const struct client *client = service->clients; client; client = client->next)
		pollers[count++].fd = client->socket;
	for (const struct vm *vm = service->state.vms; vm; vm = vm->next)
		pollers[count++].fd = vm->client;
	for (size_t i = 0; i < count; i++)
		pollers[i].events = POLLIN;
	return count;
}

static bool is_ready(const struct pollfd *pollers, size_t count, int socket)
{
	for (size_t i = SLOTS; i < count; i++)
		if (pollers[i].fd == socket)
			return socket >= 0 && pollers[i].revents;
	return false;
}

/*
 * Serves one record of each client that has one, so that a client that sends without end has its
 * turn only. The lists change meanwhile: a client becomes a VM, a VM ends.
 */
static void serve_clients(struct service *service, const struct pollfd *pollers, size_t count)
{
	for (struct vm *vm = service->state.vms, *next; vm; vm = next) {
		next = vm->next;
		if (is_ready(pollers, count, vm->client))
			client_event(&service->state, vm);
	}
	for (struct client *client = service->clients, *next; client; client = next) {
		next = client->next;
		if (is_ready(pollers, count, client->socket))
			on_client(service, client);
	}
}

static int turn(struct service *service, struct error *err)
{
	static struct pollfd pollers[SLOTS + CONNECTIONS_MAX + 1];
	const size_t count = fill_pollers(service, pollers);
	int ret = 0;

	if (poll(pollers, count, time_left(service, monotonic_ms())) < 0 && errno != EINTR)
		return error_set_errno(err, errno, "cannot wait for clients");
	/* The maker sends answers only, and most are read at once. */
	if (pollers[SLOT_MAKER].revents && maker_call_due() == 0)
		return error_set_errno(err, ECONNRESET, "the maker has ended");
	if (pollers[SLOT_MAKER].revents &&
	    maker_call_settle(service->state.maker, err) == -ECONNRESET)
		return -ECONNRESET;
	if (pollers[SLOT_WORKER].revents)
		ret = client_worker(&service->state, err);
	if (ret < 0 && ret != -EAGAIN)
		return ret;
	/* First, because the end of the last VM removes the directory, unless a client is there. */
	if (pollers[SLOT_LISTENER].revents)
		on_listener(service);
	if (pollers[SLOT_RULESET].revents)
		ask_event(&service->state);
	serve_clients(service, pollers, count);
	ask_step(&service->state, monotonic_ms());
	service->stopping = pollers[SLOT_SIGNALS].revents != 0;
	expire(service, monotonic_ms());
	return 0;
}

/* Makes the socket below the directory of this network namespace. Its group is the process's. */
static int make_listener(struct service *service, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char dir[NETNS_DIR_SIZE];
	cleanup_fd int fd = -1;
	struct error ignored;
	mode_t mask;
	int ret;

	ret = netns_dir(dir, err);
	if (ret < 0)
		return ret;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" PROTOCOL_SOCKET_NAME, dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	unlinkat(service->state.dir, PROTOCOL_SOCKET_NAME, 0);
	mask = umask(0117);
	ret = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (ret < 0 || listen(fd, BACKLOG) < 0)
		return error_set_errno(err, errno, "cannot listen at '%s'", address.sun_path);
	service->listener = take_fd(&fd);
	/* Without the copy, the next service makes another one. */
	keeper_store(&service->state.keeper, KEEPER_LISTEN, service->listener, &ignored);
	return 0;
}

/* Finds the VM whose client's descriptor has this name; no VM has the number 0. */
static struct vm *find_named(const struct state *state, const char *name)
{
	return strncmp(name, "vm-", 3) ? NULL
				       : state_find(state, (uint32_t)strtoul(name + 3, NULL, 10));
}

/* Gives each descriptor of the keeper its place: listener, first client, client of a VM. */
static void place_descriptors(struct service *service, struct kept_fd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vm *vm = find_named(&service->state, fds[i].name);

		if (!strcmp(fds[i].name, KEEPER_LISTEN) && service->listener < 0) {
			service->listener = fds[i].fd;
		} else if (!strcmp(fds[i].name, KEEPER_FIRST)) {
			add_client(service, fds[i].fd, 0);
		} else if (vm && vm->client < 0) {
			fcntl(fds[i].fd, F_SETFL, O_NONBLOCK);
			vm->client = fds[i].fd;
		} else if (!tables_place(&service->state.tables, fds[i].name, fds[i].fd)) {
			keeper_remove(&service->state.keeper, fds[i].name);
			close(fds[i].fd);
		}
	}
}

/*
 * Refuses the first client, and those that were handed over. Each is sent a connection to the other
 * service, if there is one. The client reports the error, so this process does not.
 */
static void refuse_first(const struct kept_fd *fds, size_t count, int other, struct error *err)
{
	bool reported = false;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(fds[i].name, KEEPER_FIRST) != 0)
			continue;
		/* A client has its connection for itself. */
		answer_failed(fds[i].fd, err, reported && other >= 0 ? state_connect() : other);
		reported = true;
	}
	if (reported)
		err->message[0] = '\0';
}

/* Refuses the clients that have a place already. They report the error. */
static void refuse_clients(struct service *service, struct error *err)
{
	const bool any = service->clients;

	while (service->clients) {
		answer_failed(service->clients->socket, err, -1);
		remove_client(service, service->clients);
	}
	if (any)
		err->message[0] = '\0';
}

/* Makes what the state file has whole. */
static void restore(struct service *service)
{
	for (struct vm *vm = service->state.vms, *next; vm; vm = next) {
		next = vm->next;
		vm->lost_until = monotonic_ms() + SERVICE_LOST_MS;
		if (vm->client >= 0)
			client_restore(&service->state, vm);
	}
	tables_release(&service->state);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int save_uplinks(void *context, struct error *err)
{
	return state_save(context, err);
}

/* The supervisor has started a maker; systemd has not. */
static int open_maker(const struct kept_fd *fds, size_t count, struct error *err)
{
	int socket;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(fds[i].name, KEEPER_MAKER) != 0)
			continue;
		/* The other copy is closed with what has no place. */
		socket = fcntl(fds[i].fd, F_DUPFD_CLOEXEC, 0);
		return socket < 0 ? error_set_errno(err, errno, "cannot reach the maker") : socket;
	}
	return child_start("--maker", err);
}

/* Starts the worker, and the maker if it must, if this process has the capabilities. */
static int start_children(struct service *service, const struct kept_fd *fds, size_t count,
			  struct error *err)
{
	int ret;

	if (!capabilities_sufficient())
		return 0;
	ret = open_maker(fds, count, err);
	if (ret < 0)
		return ret;
	service->state.maker = ret;
	service->state.worker.socket = child_start("--worker", err);
	return service->state.worker.socket < 0 ? service->state.worker.socket : 0;
}

/* Opens all that takes more rights than the service has later. */
static int open_all(struct service *service, const struct kept_fd *fds, size_t count, int *other,
		    struct error *err)
{
	int ret;

	service->signals = open_signals();
	if (service->signals < 0)
		return error_set_errno(err, errno, "cannot receive signals");
	ret = start_children(service, fds, count, err);
	if (ret == 0 && service->state.maker > 0)
		ret = state_open(&service->state, other, err);
	if (ret == 0 && service->state.maker > 0)
		ret = state_load(&service->state, err);
	return ret < 0 ? ret : capabilities_drop_all(err);
}

static int start(struct service *service, struct kept_fd *fds, size_t count, struct error *err)
{
	int other = -1;
	int ret;

	ret = open_all(service, fds, count, &other, err);
	if (ret == 0)
		ret = landlock_confine(err);
	if (ret == 0)
		ret = seccomp_confine(err);
	if (ret < 0) {
		refuse_first(fds, count, other, err);
		return ret;
	}
	place_descriptors(service, fds, count);
	if (service->listener < 0 && service->mode != SERVICE_ACTIVATED && service->state.maker > 0)
		ret = make_listener(service, err);
	if (ret < 0 || service->state.maker <= 0)
		return ret;
	restore(service);
	/* A first client may ask for a dry run; else its VM has the sweep done. */
	if (!service->clients)
		client_sweep(&service->state);
	return 0;
}

/*
 * SIGTERM of systemd is followed by the next service, which goes on; any other end is the last one.
 */
static void undo_all(struct service *service)
{
	for (struct vm *vm = service->state.vms, *next; vm; vm = next) {
		next = vm->next;
		if (vm->client >= 0 || is_expiring(service, vm))
			client_lost(&service->state, vm);
	}
}

/*
 * Stores clients for the next service: they connected while this one ended, whose directory and
 * socket are gone. Returns true if there is one.
 */
static bool hand_over(const struct service *service)
{
	const struct keeper *keeper = &service->state.keeper;
	struct pollfd poller = { .fd = service->listener, .events = POLLIN };
	struct error ignored;
	bool any = false;

	while (poll(&poller, 1, 0) > 0) {
		const int socket = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC);

		if (socket < 0 || keeper_store(keeper, KEEPER_FIRST, socket, &ignored) < 0)
			break;
		close(socket);
		any = true;
	}
	if (any)
		keeper_remove(keeper, KEEPER_LISTEN);
	return any;
}

enum exit_status service_run(enum service_mode mode, struct error *err)
{
	static struct kept_fd fds[KEEPER_FDS_MAX];
	static struct service service;
	enum exit_status status = STATUS_OK;
	size_t count = 0;
	int ret;

	service = (struct service){
		.mode = mode,
		.listener = -1,
		.state = { .dir = -1, .worker.socket = -1, .once = mode == SERVICE_ONCE }
	};
	service.state.uplinks.save = save_uplinks;
	service.state.uplinks.context = &service.state;
	ret = keeper_open(&service.state.keeper, fds, ARRAY_SIZE(fds), &count, err);
	if (ret == 0)
		ret = start(&service, fds, count, err);
	if (ret < 0) {
		refuse_clients(&service, err);
		state_close(&service.state);
		return err->status;
	}
	keeper_ready(&service.state.keeper);
	service.idle_since = monotonic_ms();
	service.checked = service.idle_since;
	while (ret == 0 && !is_over(&service, monotonic_ms()))
		ret = turn(&service, err);
	if (ret < 0 || service.state.unclean)
		status = SERVICE_AGAIN;
	else if (mode != SERVICE_ACTIVATED)
		undo_all(&service);
	/* Others have copies of the listener, and may close a table first, which takes a while. */
	if (status == STATUS_OK && mode != SERVICE_ACTIVATED)
		shutdown(service.listener, SHUT_RDWR);
	state_close(&service.state);
	if (status == STATUS_OK && mode == SERVICE_ONCE && hand_over(&service))
		status = SERVICE_AGAIN;
	return status;
}

int service_clean(struct error *err)
{
	static struct state state;
	cleanup_task task = { 0 };
	int ret;

	state = (struct state){ .dir = -1, .worker.socket = -1 };
	state.uplinks.save = save_uplinks;
	state.uplinks.context = &state;
	ret = state_open(&state, NULL, err);
	if (ret == 0)
		ret = state_load(&state, err);
	while (ret == 0 && state.vms) {
		struct vm *vm = state.vms;

		state_remove(&state, vm);
		vm_free(vm);
	}
	if (ret == 0)
		ret = task_host(&task, &state, NULL, err);
	if (ret == 0)
		ret = stale_undo(&state, &task.host, err);
	state_close(&state);
	return ret;
}

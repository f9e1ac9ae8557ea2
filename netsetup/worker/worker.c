// SPDX-License-Identifier: GPL-2.0-or-later
// Serves the bound sockets of all VMs, without any capability.
#include "netsetup/worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/clock.h"
#include "netsetup/confine/capabilities.h"
#include "netsetup/confine/landlock.h"
#include "netsetup/confine/seccomp.h"
#include "netsetup/worker/worker_message.h"
#include "netsetup/worker/worker_vm.h"

/* Most descriptors of a message: those of WORKER_DHCP and WORKER_ASK. */
#define MESSAGE_FDS_MAX 2

/**
 * struct worker - the worker's state.
 * @socket: to the service; stays the caller's.
 * @vms: NULL where there is none.
 */
struct worker {
	int socket;
	struct worker_vm *vms[WORKER_VMS_MAX];
};

/* The places in the array for poll(): the service's socket, then these for each VM. */
enum place {
	PLACE_ARP,
	PLACE_TAP,
	PLACE_CLIENT,
	PLACE_SOURCES,
	PLACE_TRACE,
	PLACE_ACCESS,
	PLACES
};

#define POLLERS_MAX (1 + PLACES * WORKER_VMS_MAX)

int worker_confine(struct error *err)
{
	int ret;

	ret = capabilities_drop_all(err);
	if (ret == 0)
		ret = landlock_confine_worker(err);
	return ret < 0 ? ret : seccomp_confine_worker(err);
}

/* Returns the place of a VM, that of a VM that the worker does not know yet, or NULL. */
static struct worker_vm **find_vm(struct worker *worker, uint32_t number)
{
	struct worker_vm **unused = NULL;

	for (size_t i = 0; i < WORKER_VMS_MAX; i++) {
		struct worker_vm **vm = &worker->vms[i];

		if (*vm && (*vm)->number == number)
			return vm;
		if (!*vm && !unused)
			unused = vm;
	}
	return unused;
}

static unsigned int count_needed(uint32_t type)
{
	switch (type) {
	case WORKER_OPEN:
	case WORKER_SOURCES:
	case WORKER_ACCESS:
		return 1;
	case WORKER_DHCP:
	case WORKER_ASK:
		return 2;
	default:
		return 0;
	}
}

/* Acts on a message; the descriptors of a message that was accepted are the VM's. */
static int act(struct worker *worker, const struct worker_message *message,
	       const int fds[MESSAGE_FDS_MAX], struct error *err)
{
	struct worker_vm **vm = find_vm(worker, message->vm);

	if (message->type == WORKER_FORGET) {
		if (vm)
			worker_vm_free(take_ptr(vm));
		return 0;
	}
	if (!vm)
		return error_setf(err, STATUS_FAILURE, EPROTO, "more than %d VMs", WORKER_VMS_MAX);
	if (!*vm && count_needed(message->type) == 0)
		return error_setf(err, STATUS_FAILURE, EPROTO, "unknown VM %u", message->vm);
	if (!*vm)
		*vm = worker_vm_new(message->vm, worker->socket);
	return *vm ? worker_vm_act(*vm, message, fds, err)
		   : error_set_errno(err, ENOMEM, "cannot serve VM %u", message->vm);
}

/* Returns the number of a message's descriptors. The kernel has dropped surplus ones. */
static unsigned int take_descriptors(struct msghdr *message, int fds[MESSAGE_FDS_MAX])
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	size_t size;

	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
		return 0;
	size = part->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(part), size);
	return (unsigned int)(size / sizeof(int));
}

/*
 * Receives one message and acts on it. A malformed one is a mistake of our own, so the process ends
 * without closing its descriptors.
 */
static int on_service(struct worker *worker, struct error *err)
{
	struct worker_message message;
	struct iovec data = { .iov_base = &message, .iov_len = sizeof(message) };
	union {
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr received = { .msg_iov = &data,
				   .msg_iovlen = 1,
				   .msg_control = control.space,
				   .msg_controllen = sizeof(control.space) };
	int fds[MESSAGE_FDS_MAX] = { -1, -1 };
	unsigned int count;
	ssize_t size;

	size = recvmsg(worker->socket, &received, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (size <= 0)
		return -ECONNRESET;
	count = take_descriptors(&received, fds);
	if (size != sizeof(message) || received.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return error_setf(err, STATUS_FAILURE, EPROTO, "malformed message of the service");
	if (count != count_needed(message.type))
		return error_setf(err, STATUS_FAILURE, EPROTO, "message %u with %u descriptors",
				  message.type, count);
	return act(worker, &message, fds, err);
}

static struct pollfd poll_input(int fd)
{
	return (struct pollfd){ .fd = fd, .events = POLLIN };
}

/*
 * Returns the number of places up to the last VM's; more than RLIMIT_NOFILE are an error of poll().
 * A VM without a socket has -1, which poll() ignores.
 */
static nfds_t set_pollers(const struct worker *worker, struct pollfd pollers[POLLERS_MAX])
{
	nfds_t count = 1;

	pollers[0] = poll_input(worker->socket);
	for (size_t i = 0; i < WORKER_VMS_MAX; i++) {
		const struct worker_vm *vm = worker->vms[i];
		struct pollfd *polled = &pollers[1 + PLACES * i];

		polled[PLACE_ARP] = poll_input(vm && !vm->deaf ? vm->arp : -1);
		polled[PLACE_TAP] = poll_input(vm ? vm->relay.tap : -1);
		polled[PLACE_CLIENT] = poll_input(vm ? vm->relay.client : -1);
		polled[PLACE_SOURCES] = poll_input(vm ? vm->stranger.socket : -1);
		polled[PLACE_TRACE] = poll_input(vm ? vm->question.trace : -1);
		polled[PLACE_ACCESS] = poll_input(vm ? vm->access.socket : -1);
		if (vm)
			count = 1 + PLACES * (i + 1);
	}
	return count;
}

/* Returns the time until the next step of a VM, for poll(). */
static int time_left(const struct worker *worker)
{
	uint64_t next = UINT64_MAX;
	uint64_t now;

	for (size_t i = 0; i < WORKER_VMS_MAX; i++) {
		const uint64_t deadline = worker->vms[i] ? worker_vm_deadline(worker->vms[i])
							 : UINT64_MAX;

		if (deadline < next)
			next = deadline;
	}
	if (next == UINT64_MAX)
		return -1;
	now = monotonic_ms();
	return next > now ? (int)(next - now) : 0;
}

static void serve_vm(struct worker_vm *vm, const struct pollfd polled[PLACES])
{
	if (polled[PLACE_ARP].revents)
		worker_vm_receive(vm);
	if (polled[PLACE_TAP].revents)
		dhcp_relay_from_guest(&vm->relay);
	/* The guest's side may have closed the relay. */
	if (polled[PLACE_CLIENT].revents && vm->relay.client >= 0)
		dhcp_relay_from_client(&vm->relay);
	if (polled[PLACE_SOURCES].revents)
		worker_vm_receive_source(vm);
	if (polled[PLACE_ACCESS].revents)
		access_probe_receive(&vm->access, monotonic_ms());
	worker_vm_step(vm);
}

/* Each socket has its turn: none can starve another, nor the service. */
static int take_turn(struct worker *worker, struct error *err)
{
	struct pollfd pollers[POLLERS_MAX];
	const nfds_t count = set_pollers(worker, pollers);

	if (poll(pollers, count, time_left(worker)) < 0)
		return errno == EINTR ? 0 : error_set_errno(err, errno, "cannot wait for packets");
	for (size_t i = 0; i < WORKER_VMS_MAX; i++)
		if (worker->vms[i])
			serve_vm(worker->vms[i], &pollers[1 + PLACES * i]);
	return pollers[0].revents ? on_service(worker, err) : 0;
}

int worker_run(int socket, struct error *err)
{
	struct worker worker = { .socket = socket };
	int ret;

	do {
		ret = take_turn(&worker, err);
	} while (ret == 0);
	for (size_t i = 0; i < WORKER_VMS_MAX; i++)
		worker_vm_free(worker.vms[i]);
	return ret == -ECONNRESET ? 0 : ret;
}

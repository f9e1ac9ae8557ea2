// SPDX-License-Identifier: GPL-2.0-or-later
// Connects cards of VMs to private networks between the VMs of one user.
#include "launcher/devices/private_network.h"

#include <dirent.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/vm_name.h"

/*
 * Theory of operation: a network is a directory of the user's, in which each VM has a datagram
 * socket of its name. A datagram is an Ethernet frame behind the name of the VM that sends it.
 * vmrun passes frames between this socket and QEMU's card, and works as a switch: it learns the VM
 * behind an address from the frames of that VM. A frame for such an address goes to one VM, every
 * other frame to all VMs of the directory. The directory is read each time, so that a VM which has
 * just come receives the frame. Nothing waits for a slow receiver: the frame is dropped.
 *
 * Threat: another user joins the network. Check: the directory is for the user alone, see
 * xdg_make() (test: test_private_network.c). Threat: a guest has taken over QEMU. It can send
 * frames with a false source to the VMs of its networks, as every station of an Ethernet can.
 */

/* Not the name of a VM, whose runtime directory is beside it. */
#define DIRECTORY ".private"

/* Frames for each event, so that other descriptors have their turn. */
#define BURST_MAX 64

/* Addresses that are known at one time, by their last byte. */
#define STATIONS_MAX 64

/* Tries to make the directory again after a VM that leaves has removed it. */
#define TRIES 100

struct station {
	struct ether_addr mac;
	char vm[VM_NAME_SIZE]; /* empty: unused */
};

/* struct message - a datagram; the frame has room to notice one that is too long. */
struct message {
	char vm[VM_NAME_SIZE];
	uint8_t frame[PRIVATE_NETWORK_FRAME_MAX + 1];
};

/**
 * struct private_network - a VM's card on a private network.
 * @vm: the VM's name.
 * @directory: the network's; its entries are the VMs.
 * @socket: the VM's socket in it.
 * @card: vmrun's end of QEMU's card.
 * @message: the message at hand.
 */
struct private_network {
	char vm[VM_NAME_SIZE];
	struct loop *loop;
	DIR *directory;
	int socket;
	int card;
	struct station stations[STATIONS_MAX];
	struct message message;
};

/* Returns an address that is short enough for names of any length, since it has no path. */
static struct sockaddr_un address_of(const struct private_network *network, const char *vm)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%.*s",
		 dirfd(network->directory), VM_NAME_SIZE - 1, vm);
	return address;
}

static struct station *station_of(struct private_network *network, const uint8_t *mac)
{
	return &network->stations[mac[ETH_ALEN - 1] % STATIONS_MAX];
}

/* Learns which VM the source of a message's frame is behind; a group is no source. */
static void learn(struct private_network *network)
{
	const uint8_t *source = network->message.frame + ETH_ALEN;
	struct station *station = station_of(network, source);

	if ((source[0] & 1) || !vm_name_valid(network->message.vm))
		return;
	memcpy(&station->mac, source, ETH_ALEN);
	memcpy(station->vm, network->message.vm, VM_NAME_SIZE);
}

/* Returns false if the VM has left the network. A VM whose queue is full misses the message. */
static bool send_to(const struct private_network *network, int fd, const char *vm, size_t size)
{
	const struct sockaddr_un address = address_of(network, vm);

	return sendto(fd, &network->message, size, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&address, sizeof(address)) >= 0 ||
	       (errno != ECONNREFUSED && errno != ENOENT);
}

static void send_to_all(const struct private_network *network, int fd, size_t size)
{
	const struct dirent *entry;

	rewinddir(network->directory);
	while ((entry = readdir(network->directory)))
		if (vm_name_valid(entry->d_name) && strcmp(entry->d_name, network->vm) != 0)
			send_to(network, fd, entry->d_name, size);
}

/*
 * Sends the frame at hand by a socket of its own: the messages that wait for a vmrun which is
 * stopped (Ctrl-Z) count against the buffer of the socket that sent them.
 */
static void forward(struct private_network *network, size_t frame_size)
{
	const size_t size = offsetof(struct message, frame) + frame_size;
	struct station *station = station_of(network, network->message.frame);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(network->message.vm, network->vm, VM_NAME_SIZE);
	if (station->vm[0] && !memcmp(&station->mac, network->message.frame, ETH_ALEN)) {
		if (send_to(network, fd, station->vm, size))
			return;
		station->vm[0] = '\0';
	}
	send_to_all(network, fd, size);
}

/* True if a card can send a frame of this size. */
static bool frame_valid(ssize_t size)
{
	return size >= ETH_HLEN && size <= PRIVATE_NETWORK_FRAME_MAX;
}

static void card_ready(int fd, uint32_t events, void *context)
{
	struct private_network *network = context;
	struct message *message = &network->message;

	for (int i = 0; i < BURST_MAX; i++) {
		const ssize_t size = recv(fd, message->frame, sizeof(message->frame), MSG_DONTWAIT);

		if (size < 0)
			return;
		if (frame_valid(size))
			forward(network, (size_t)size);
	}
}

static void socket_ready(int fd, uint32_t events, void *context)
{
	struct private_network *network = context;
	struct message *message = &network->message;

	for (int i = 0; i < BURST_MAX; i++) {
		const ssize_t got = recv(fd, message, sizeof(*message), MSG_DONTWAIT);
		const ssize_t size = got - (ssize_t)offsetof(struct message, frame);

		if (got < 0)
			return;
		if (!frame_valid(size))
			continue;
		learn(network);
		send(network->card, message->frame, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Makes the VM's socket; -ENOENT if a VM that left has removed the directory. */
static int bind_in(struct private_network *network, const char *path)
{
	struct sockaddr_un address;
	int ret = 0;

	network->directory = opendir(path);
	if (!network->directory)
		return -errno;
	address = address_of(network, network->vm);
	/* A run that was killed has left one: the caller holds the VM's lock. */
	unlink(address.sun_path);
	if (bind(network->socket, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		ret = -errno;
		closedir(take_ptr(&network->directory));
	}
	return ret;
}

/* Returns the path of a network's directory, allocated, or NULL. */
static char *directory_of(const char *name)
{
	cleanup_free char *top = NULL;
	struct error ignored;

	if (xdg_dir(XDG_RUNTIME, DIRECTORY, &top, &ignored) < 0)
		return NULL;
	return text_format("%s/%s", top, name);
}

static int join(struct private_network *network, const char *name, struct error *err)
{
	cleanup_free char *path = directory_of(name);
	int ret = -ENOENT;

	if (!path)
		return error_set_errno(err, ENOMEM, "cannot make a path");
	for (int i = 0; i < TRIES && ret == -ENOENT; i++) {
		ret = xdg_make(path, err);
		if (ret && ret != -ENOENT)
			return ret;
		if (!ret)
			ret = bind_in(network, path);
	}
	return ret ? error_set_errno(err, -ret, "cannot make a socket in '%s'", path) : 0;
}

static int watch(struct private_network *network, struct error *err)
{
	int ret = loop_add(network->loop, network->socket, EPOLLIN, socket_ready, network, err);

	if (!ret)
		ret = loop_add(network->loop, network->card, EPOLLIN, card_ready, network, err);
	return ret;
}

struct private_network *private_network_open(const char *name, const char *vm, struct loop *loop,
					     int *card, struct error *err)
{
	struct private_network *network = calloc(1, sizeof(*network));
	int cards[2] = { -1, -1 };
	int ret;

	if (!network) {
		error_set_errno(err, ENOMEM, "cannot join private network '%s'", name);
		return NULL;
	}
	network->loop = loop;
	snprintf(network->vm, sizeof(network->vm), "%s", vm);
	network->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (network->socket < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, cards) < 0)
		ret = error_set_errno(err, errno, "cannot make a socket");
	else
		ret = join(network, name, err);
	network->card = cards[0];
	if (!ret)
		ret = watch(network, err);
	if (!ret) {
		*card = cards[1];
		return network;
	}
	error_context(err, "cannot join private network '%s'", name);
	cleanup_fd_done(&cards[1]);
	private_network_close(network);
	return NULL;
}

void private_network_close(struct private_network *network)
{
	if (!network)
		return;
	loop_remove(network->loop, network->socket);
	loop_remove(network->loop, network->card);
	cleanup_fd_done(&network->socket);
	cleanup_fd_done(&network->card);
	if (network->directory)
		closedir(network->directory);
	free(network);
}

void private_network_remove(const char *vm, const struct removal *removal)
{
	cleanup_free char *top = directory_of("");
	DIR *stream = top ? opendir(top) : NULL;
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		cleanup_free char *path = directory_of(entry->d_name);

		if (!path || !vm_name_valid(entry->d_name))
			continue;
		remove_matching(removal, path, vm, NULL);
		if (!removal->dry_run)
			rmdir(path);
	}
	if (stream)
		closedir(stream);
	if (top && !removal->dry_run)
		rmdir(top);
}

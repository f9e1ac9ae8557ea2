// SPDX-License-Identifier: GPL-2.0-or-later
// Any records to netsetup, which has no rights here and a network of its own: none is obeyed.
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/protocol/protocol.h"
#include "netsetup/session/dhcp_relay.h"
#include "netsetup/session/session.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 }, { 0 } };

	must(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ||
	     unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0);
	must(syscall(SYS_capset, &header, none) == 0);
	return 0;
}

static void check(const uint8_t *data, size_t size)
{
	union record record = { 0 };
	struct error err;

	if (size > sizeof(record) || protocol_record_check(data, size, &err) < 0)
		return;
	memcpy(&record, data, size);
	if (record.header.type == RECORD_SETUP || record.header.type == RECORD_ADOPT)
		protocol_setup_check(&record.setup, &err);
	else if (record.header.type == RECORD_DHCP)
		dhcp_relay_check(&record.dhcp);
	else if (record.header.type == RECORD_CLEAN)
		protocol_clean_check(&record.clean, &err);
}

/* One record of the input, its length before it; sent with descriptors when that is odd. */
static size_t send_one(int socket, const uint8_t *data, size_t size)
{
	size_t length = size < 2 ? size : (size_t)(data[0] | data[1] << 8);
	struct iovec part = { (void *)(data + 2), 0 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))]; /* descriptor 0 */
	} rights = { { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights };

	if (size < 2)
		return size;
	part.iov_len = length / 2 < size - 2 ? length / 2 : size - 2;
	message.msg_controllen = length & 1 ? sizeof(rights) : 0;
	check(part.iov_base, part.iov_len);
	sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return part.iov_len + 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = { 0 };
	int sockets[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	for (size_t at = 0; at < size;)
		at += send_one(sockets[0], data + at, size - at);
	shutdown(sockets[0], SHUT_WR);
	session_run(sockets[1], NULL, &err);
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Names the directory of this network namespace below /run/vmrun.
#include "netsetup/base/netns.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "netsetup/base/cleanup.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

int netns_dir(char path[NETNS_DIR_SIZE], struct error *err)
{
	cleanup_fd int fd = -1;
	uint64_t cookie;
	socklen_t size = sizeof(cookie);
	struct stat status;

	/* A lack of descriptors must fail: only a kernel without cookies gets the other name. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set_errno(err, errno, "cannot identify the network namespace");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0) {
		snprintf(path, NETNS_DIR_SIZE, NETNS_RUN_DIR "/net-%" PRIu64, cookie);
		return 0;
	}
	if (errno != ENOPROTOOPT || stat("/proc/self/ns/net", &status) < 0)
		return error_set_errno(err, errno, "cannot identify the network namespace");
	snprintf(path, NETNS_DIR_SIZE, NETNS_RUN_DIR "/netns-%ju", (uintmax_t)status.st_ino);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Creates and verifies taps, which vanish with their last descriptor.
#include "netsetup/kernel/tap.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

#define TUN_DEVICE "/dev/net/tun"

static int tap_open_queue(const char *ifname, int flags, struct error *err)
{
	struct ifreq ifr = { .ifr_flags = (short)flags };
	cleanup_fd int fd = -1;

	fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		error_set_errno(err, errno, "cannot open '" TUN_DEVICE "'");
		if (err->code == ENOENT || err->code == ENODEV)
			error_remedy(err, "load the driver: modprobe tun");
		return -err->code;
	}
	memcpy(ifr.ifr_name, ifname, strlen(ifname) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		error_set_errno(err, errno, "cannot create tap '%s'", ifname);
		if (err->code == EBUSY)
			error_remedy(
				err,
				"an interface of this name exists; remove it: ip link delete %s",
				ifname);
		return -err->code;
	}
	return take_fd(&fd);
}

/*
 * Threat: a user who may open /dev/net/tun adds a queue of his own to another's tap with several,
 * and reads and sends as the guest: a tap without an owner is everybody's (tun_not_capable() in
 * drivers/net/tun.c). Test: test_nobody_adds_a_queue in tests/lab/security/test_attacks.py.
 */
static int tap_own(int fd, const char *ifname, struct error *err)
{
	return ioctl(fd, TUNSETOWNER, 0) < 0
		       ? error_set_errno(err, errno, "cannot make tap '%s' root's", ifname)
		       : 0;
}

int tap_open(const char *ifname, unsigned int queues, bool offload, int *fds, struct error *err)
{
	int flags = IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0) |
		    (queues > 1 ? IFF_MULTI_QUEUE : 0);

	assert(ifname_valid(ifname));

	for (unsigned int queue = 0; queue < queues; queue++) {
		/* The first call must create the tap, not open a persistent one that exists. */
		int fd = tap_open_queue(ifname, queue == 0 ? flags | IFF_TUN_EXCL : flags, err);

		if (fd >= 0) {
			fds[queue] = fd;
			if (queue > 0 || tap_own(fd, ifname, err) == 0)
				continue;
			queue++;
		}
		while (queue-- > 0) {
			close(fds[queue]);
			fds[queue] = -1;
		}
		return -err->code;
	}
	return 0;
}

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
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

#define TUN_DEVICE "/dev/net/tun"

/* Documentation/admin-guide/devices.txt: 10 misc, 200 /dev/net/tun. */
#define TUN_MAJOR 10
#define TUN_MINOR 200

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
			continue;
		}
		while (queue-- > 0) {
			close(fds[queue]);
			fds[queue] = -1;
		}
		return -err->code;
	}
	return 0;
}

/*
 * True if a tap is in this network namespace. Threat: a user passes a tap of a namespace of their
 * own, where it can have any name, and the helper takes the tap of another user's VM for it.
 */
static bool in_this_namespace(int fd)
{
	struct stat its, own;
	cleanup_fd int namespace = ioctl(fd, TUNGETDEVNETNS);

	return namespace >= 0 && fstat(namespace, &its) == 0 &&
	       stat("/proc/self/ns/net", &own) == 0 && its.st_dev == own.st_dev &&
	       its.st_ino == own.st_ino;
}

bool tap_is(int fd, const char *ifname)
{
	struct ifreq ifr = { 0 };
	struct stat status;

	/* Check the device first: another device may interpret the ioctl's number differently. */
	if (fstat(fd, &status) < 0 || !S_ISCHR(status.st_mode) ||
	    status.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
		return false;
	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return false;
	return (ifr.ifr_flags & IFF_TAP) && !(ifr.ifr_flags & IFF_PERSIST) &&
	       !strncmp(ifr.ifr_name, ifname, sizeof(ifr.ifr_name)) && in_this_namespace(fd);
}

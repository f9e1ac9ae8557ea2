// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets between the host and a guest without a network: vsock(7).
#include "launcher/devices/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "netsetup/base/cleanup.h"

/* The number is QEMU's to set, too; that it is the same device's already is no error then. */
int vsock_open(const struct definition *definition, const char *device, struct error *err)
{
	const uint64_t cid = definition->vsock.cid;
	cleanup_fd int fd = open(device, O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0) {
		ret = error_set_errno(err, errno, "cannot open '%s'", device);
		if (ret == -ENOENT)
			error_remedy(err, "the kernel's module has it: sudo modprobe vhost_vsock");
		else if (ret == -EACCES)
			error_remedy(err, "its group is kvm: sudo usermod -aG kvm $USER, "
					  "and log in again");
		return ret;
	}
	if (ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0) {
		ret = error_set_errno(err, errno, "cannot have vsock number %u",
				      definition->vsock.cid);
		if (ret == -EADDRINUSE)
			error_remedy(err, "another VM of this host has it; choose one: "
					  "vsock: NUMBER");
		return ret;
	}
	return take_fd(&fd);
}

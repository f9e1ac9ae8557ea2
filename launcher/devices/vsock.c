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
	int rc;

	if (fd < 0) {
		rc = error_set(err, errno, "cannot open '%s'", device);
		if (rc == -ENOENT)
			error_remedy(err, "the kernel's module has it: sudo modprobe vhost_vsock");
		else if (rc == -EACCES)
			error_remedy(err, "its group is kvm: sudo usermod -aG kvm $USER, "
					  "and log in again");
		return rc;
	}
	if (ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0) {
		rc = error_set(err, errno, "cannot have vsock number %u", definition->vsock.cid);
		if (rc == -EADDRINUSE)
			error_remedy(err, "another VM of this host has it; choose one: "
					  "vsock: NUMBER");
		return rc;
	}
	return take_fd(&fd);
}

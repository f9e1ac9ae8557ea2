// SPDX-License-Identifier: GPL-2.0-or-later
// Opens vhost-vsock, the host's side of a guest's vsock(7) sockets.
#include "launcher/devices/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "netsetup/base/cleanup.h"

/* QEMU sets the number again; the kernel accepts that, since the same descriptor has it. */
int vsock_open(const struct definition *definition, const char *device, struct error *err)
{
	const uint64_t cid = definition->vsock.cid;
	cleanup_fd int fd = open(device, O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0) {
		ret = error_set_errno(err, errno, "cannot open '%s'", device);
		if (ret == -ENOENT)
			error_remedy(err, "load the kernel's module: sudo modprobe vhost_vsock");
		else if (ret == -EACCES)
			error_remedy(err, "add yourself to group 'kvm' and log in again: "
					  "sudo usermod -aG kvm $USER");
		return ret;
	}
	if (ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0) {
		ret = error_set_errno(err, errno, "cannot take vsock number %u",
				      definition->vsock.cid);
		if (ret == -EADDRINUSE)
			error_remedy(err, "choose one that no other VM of this host has: "
					  "vsock: NUMBER");
		return ret;
	}
	return take_fd(&fd);
}

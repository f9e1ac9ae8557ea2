// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets between the host and a guest without a network: vsock(7).
#include "launcher/devices/vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

struct vsock_key {
	enum vsock_mode mode;
	unsigned int cid;
};

_Static_assert(sizeof(struct vsock_key) == sizeof(((struct definition *)NULL)->vsock),
	       "the key's target");

static void expect_vsock(const struct key *key, char text[EXPECTED_SIZE])
{
	snprintf(text, EXPECTED_SIZE, "none, auto or a whole number from %u to %u", CID_MIN,
		 CID_MAX);
}

static void read_vsock(struct walk *walk, const struct key *key, const struct node *node,
		       void *target)
{
	struct vsock_key *vsock = target;
	uint64_t cid;

	if (!strcmp(node->text, "none"))
		vsock->mode = VSOCK_NONE;
	else if (!strcmp(node->text, "auto"))
		vsock->mode = VSOCK_AUTO;
	else if (scalar_count(node->text, &cid) && cid >= CID_MIN && cid <= CID_MAX)
		*vsock = (struct vsock_key){ VSOCK_GIVEN, (unsigned int)cid };
	else
		walk_mismatch(walk, key, node);
}

static struct json_object *write_vsock(const struct key *key, const void *target)
{
	const struct vsock_key *vsock = target;

	switch (vsock->mode) {
	case VSOCK_NONE:
		return json_object_new_string("none");
	case VSOCK_AUTO:
		return json_object_new_string("auto");
	case VSOCK_GIVEN:
		return json_object_new_int64(vsock->cid);
	}
	return NULL;
}

const struct type type_vsock = { NODE_SCALAR, NULL, expect_vsock, read_vsock, write_vsock };

void vsock_resolve(struct definition *definition)
{
	static const char purpose[] = "vsock";
	uuid_t hash;

	if (definition->vsock.mode != VSOCK_AUTO)
		return;
	uuid_generate_sha1(hash, definition->uuid, purpose, strlen(purpose));
	definition->vsock.cid = 0;
	for (size_t i = 0; i < sizeof(definition->vsock.cid); i++)
		definition->vsock.cid = definition->vsock.cid << 8 | hash[i];
	/* Small numbers are what people and other programs choose. */
	definition->vsock.cid |= UINT32_C(1) << 31;
	if (definition->vsock.cid > CID_MAX)
		definition->vsock.cid = CID_MAX;
}

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

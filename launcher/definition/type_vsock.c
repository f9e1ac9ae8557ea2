// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the value of 'vsock'.
#include "launcher/definition/type_vsock.h"

#include <stdio.h>
#include <string.h>

#include "launcher/definition/definition.h"
#include "launcher/yaml/scalar.h"

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

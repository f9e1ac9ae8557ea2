// SPDX-License-Identifier: GPL-2.0-or-later
// Directories of the host that the guest can mount.
#include "launcher/share.h"

#include <string.h>

#include "launcher/scalar.h"

/* One less than 9p's own limit (MAX_TAG_LEN of QEMU's hw/9pfs/9p.h), since some count a NUL. */
#define TAG_MAX 31

static void read_tag(struct walk *walk, const struct key *key, const struct node *node,
		     void *target)
{
	if (scalar_model(node->text) && strlen(node->text) <= TAG_MAX)
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

static struct json_object *write_tag(const struct key *key, const void *target)
{
	const char *tag = *(char *const *)target;

	return tag ? json_object_new_string(tag) : WRITE_NOTHING;
}

const struct type type_tag = {
	NODE_SCALAR, "a name of 1 to 31 letters, digits, '.', '_', '+' and '-'", NULL, read_tag,
	write_tag,
};

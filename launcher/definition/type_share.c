// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the values of 'shares'.
#include "launcher/definition/type_share.h"

#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"

/* Far below PATH_MAX of any guest. */
#define MOUNT_MAX 255

static void read_mount(struct walk *walk, const struct key *key, const struct node *node,
		       void *target)
{
	const char *path = node->text;

	if (path[0] == '/' && path[1] && strlen(path) <= MOUNT_MAX && text_clean(path, ""))
		value_keep(walk, path, target);
	else
		walk_mismatch(walk, key, node);
}

static void read_tag(struct walk *walk, const struct key *key, const struct node *node,
		     void *target)
{
	if (scalar_model(node->text) && strlen(node->text) <= TYPE_SHARE_TAG_MAX)
		value_keep(walk, node->text, target);
	else
		walk_mismatch(walk, key, node);
}

const struct type type_share_tag = {
	NODE_SCALAR, "a name of 1 to 31 letters, digits, '.', '_', '+' and '-'", NULL, read_tag,
	value_write,
};

const struct type type_share_mount = {
	NODE_SCALAR, "an absolute path in the guest such as /srv/src", NULL, read_mount,
	value_write,
};

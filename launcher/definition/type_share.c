// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the values of 'shares'.
#include "launcher/definition/type_share.h"

#include <string.h>

#include "launcher/common/text.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"

/* Bytes; below PATH_MAX of any guest. */
#define MOUNT_MAX 255

static void read_mount(struct loader *loader, const struct key *key, const struct node *node,
		       void *target)
{
	const char *path = node->text;

	type_text_keep_valid(loader, key, node,
			     path[0] == '/' && path[1] && strlen(path) <= MOUNT_MAX &&
				     text_clean(path, ""),
			     target);
}

static void read_tag(struct loader *loader, const struct key *key, const struct node *node,
		     void *target)
{
	type_text_keep_valid(loader, key, node,
			     scalar_model(node->text) && strlen(node->text) <= TYPE_SHARE_TAG_MAX,
			     target);
}

const struct type type_share_tag = {
	NODE_SCALAR,     "a name of 1 to 31 letters, digits, '.', '_', '+' and '-'", NULL, read_tag,
	type_text_write,
};

const struct type type_share_mount = {
	NODE_SCALAR,     "an absolute path in the guest such as /srv/src", NULL, read_mount,
	type_text_write,
};

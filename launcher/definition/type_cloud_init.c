// SPDX-License-Identifier: GPL-2.0-or-later
// Reads what the guest is given: its user, credentials, packages and commands.
#include "launcher/definition/type_cloud_init.h"

#include <string.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void read_user(struct walk *walk, const struct key *key, const struct node *node,
		      void *target)
{
	if (strcmp(node->text, "auto") != 0)
		value_keep_valid(walk, key, node, scalar_user(node->text), target);
}

const struct type type_user = { NODE_SCALAR, "auto, default or a login name such as debian", NULL,
				read_user, value_write_or_auto };

static void read_ssh_keys(struct walk *walk, const struct key *key, const struct node *node,
			  void *target)
{
	struct cloud_init *cloud_init = target;

	cloud_init->ssh_keys_auto = node->kind == NODE_SCALAR && !strcmp(node->text, "auto");
	if (cloud_init->ssh_keys_auto)
		return;
	if (node->kind == NODE_LIST)
		type_list.read(walk, key, node, cloud_init->ssh_keys);
	else
		walk_mismatch(walk, key, node);
}

static struct json_object *write_ssh_keys(const struct key *key, const void *target)
{
	const struct cloud_init *cloud_init = target;

	if (cloud_init->ssh_keys_auto)
		return json_object_new_string("auto");
	return type_list.write(key, cloud_init->ssh_keys);
}

const struct type type_ssh_keys = { NODE_SCALAR | NODE_LIST, "auto or a list of public key files",
				    NULL, read_ssh_keys, write_ssh_keys };

/* systemd(1) takes a name as that of a file. */
static bool credential_name_valid(const char *text)
{
	size_t length = strnlen(text, 129);

	return length > 0 && length < 129 && strcmp(text, ".") && strcmp(text, "..") &&
	       strspn(text, LETTERS "0123456789._@~+-") == length;
}

static void read_credential_name(struct walk *walk, const struct key *key, const struct node *node,
				 void *target)
{
	value_keep_valid(walk, key, node, credential_name_valid(node->text), target);
}

const struct type type_credential_name = {
	NODE_SCALAR, "a credential's name such as passwd.hashed-password.root",
	NULL,        read_credential_name,
	value_write,
};

/* A name, with what package managers take after it: a version, a release, an architecture. */
static bool package_valid(const char *text)
{
	size_t length = strnlen(text, 256);

	return length > 0 && length < 256 && !strchr("+._:~=/-", text[0]) &&
	       strspn(text, LETTERS "0123456789+._:~=/@-") == length;
}

static void read_package(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	value_keep_valid(walk, key, node, package_valid(node->text), target);
}

const struct type type_package = { NODE_SCALAR, "the name of a package such as nginx", NULL,
				   read_package, value_write };

/* A line for a shell, or a command's arguments, which no shell sees. */
static void read_command(struct walk *walk, const struct key *key, const struct node *node,
			 void *target)
{
	const struct list *arguments = key->detail;
	const struct key text = { .name = key->name,
				  .type = arguments->item,
				  .detail = arguments->detail };
	struct guest_command *command = target;

	command->shell = node->kind == NODE_SCALAR;
	if (command->shell) {
		command->arg_count = 1;
		walk_value(walk, &text, node, command->args);
	} else {
		type_list.read(walk, key, node, command->args);
	}
	if (node->kind == NODE_LIST ? !node->count : !node->text[0])
		report_add(walk->report, &node->place, "'%s' must not be empty", key->name);
}

static struct json_object *write_command(const struct key *key, const void *target)
{
	const struct guest_command *command = target;

	if (command->shell)
		return json_object_new_string(command->args[0]);
	return type_list.write(key, command->args);
}

const struct type type_command = { NODE_SCALAR | NODE_LIST,
				   "a line for a shell or a list of arguments", NULL, read_command,
				   write_command };

static void read_cloud_init(struct walk *walk, const struct key *key, const struct node *node,
			    void *target)
{
	*(bool *)target = true;
	walk_mapping(walk, node, key->detail, target);
}

static struct json_object *write_cloud_init(const struct key *key, const void *target)
{
	return *(const bool *)target ? walk_write(key->detail, target) : WRITE_NOTHING;
}

const struct type type_cloud_init = { NODE_MAPPING, "a mapping of keys", NULL, read_cloud_init,
				      write_cloud_init };

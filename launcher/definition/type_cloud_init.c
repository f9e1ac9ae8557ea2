// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the guest's user, password, SSH keys, credentials, packages and commands.
#include "launcher/definition/type_cloud_init.h"

#include <string.h>

#include "launcher/definition/definition.h"
#include "launcher/definition/type_text.h"
#include "launcher/yaml/scalar.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static void read_user(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	if (strcmp(node->text, "auto") != 0)
		type_text_keep_valid(loader, key, node, scalar_user(node->text), target);
}

const struct type type_cloud_init_user = { NODE_SCALAR,
					   "auto, default or a login name such as debian", NULL,
					   read_user, type_text_write_or_auto };

/* Threat: every user of this host can read the arguments of vmrun (sample: password-set.yaml). */
static void read_password(struct loader *loader, const struct key *key, const struct node *node,
			  void *target)
{
	if (node->location.source->option)
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must not be on the command line, which all users can read",
				key->name);
	else
		type_text.read(loader, key, node, target);
}

const struct type type_cloud_init_password = { NODE_SCALAR, "a password or its hash", NULL,
					       read_password, type_text_write };

static void read_ssh_keys(struct loader *loader, const struct key *key, const struct node *node,
			  void *target)
{
	struct cloud_init *cloud_init = target;

	cloud_init->ssh_keys_auto = node->kind == NODE_SCALAR && !strcmp(node->text, "auto");
	if (cloud_init->ssh_keys_auto)
		return;
	if (node->kind == NODE_LIST)
		schema_type_list.read(loader, key, node, cloud_init->ssh_keys);
	else
		schema_refuse(loader, key, node);
}

static struct json_object *write_ssh_keys(const struct key *key, const void *target)
{
	const struct cloud_init *cloud_init = target;

	if (cloud_init->ssh_keys_auto)
		return json_object_new_string("auto");
	return schema_type_list.write(key, cloud_init->ssh_keys);
}

const struct type type_cloud_init_ssh_keys = { NODE_SCALAR | NODE_LIST,
					       "auto or a list of public key files", NULL,
					       read_ssh_keys, write_ssh_keys };

/* systemd(1) uses the name of a credential as a file name. */
static bool credential_name_valid(const char *text)
{
	size_t length = strnlen(text, 129);

	return length > 0 && length < 129 && strcmp(text, ".") && strcmp(text, "..") &&
	       strspn(text, LETTERS "0123456789._@~+-") == length;
}

static void read_credential_name(struct loader *loader, const struct key *key,
				 const struct node *node, void *target)
{
	type_text_keep_valid(loader, key, node, credential_name_valid(node->text), target);
}

const struct type type_cloud_init_credential_name = {
	NODE_SCALAR,
	"a credential's name such as passwd.hashed-password.root",
	NULL,
	read_credential_name,
	type_text_write,
};

/* Package managers accept a version, release or architecture after the name. */
static bool package_valid(const char *text)
{
	size_t length = strnlen(text, 256);

	return length > 0 && length < 256 && !strchr("+._:~=/-", text[0]) &&
	       strspn(text, LETTERS "0123456789+._:~=/@-") == length;
}

static void read_package(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	type_text_keep_valid(loader, key, node, package_valid(node->text), target);
}

const struct type type_cloud_init_package = { NODE_SCALAR, "the name of a package such as nginx",
					      NULL, read_package, type_text_write };

/* Reads a line for a shell, or a list of arguments for execve(2). */
static void read_command(struct loader *loader, const struct key *key, const struct node *node,
			 void *target)
{
	const struct list *arguments = key->constraint;
	const struct key text = { .name = key->name,
				  .type = arguments->item,
				  .constraint = arguments->constraint };
	struct guest_command *command = target;

	command->shell = node->kind == NODE_SCALAR;
	if (command->shell) {
		command->arg_count = 1;
		schema_read_value(loader, &text, node, command->args);
	} else {
		schema_type_list.read(loader, key, node, command->args);
	}
	if (node->kind == NODE_LIST ? !node->count : !node->text[0])
		diagnostics_add(loader->diagnostics, &node->location, "'%s' must not be empty",
				key->name);
}

static struct json_object *write_command(const struct key *key, const void *target)
{
	const struct guest_command *command = target;

	if (command->shell)
		return json_object_new_string(command->args[0]);
	return schema_type_list.write(key, command->args);
}

const struct type type_cloud_init_command = { NODE_SCALAR | NODE_LIST,
					      "a line for a shell or a list of arguments", NULL,
					      read_command, write_command };

static void read_cloud_init(struct loader *loader, const struct key *key, const struct node *node,
			    void *target)
{
	*(bool *)target = true;
	schema_read_mapping(loader, node, key->constraint, target);
}

static struct json_object *write_cloud_init(const struct key *key, const void *target)
{
	return *(const bool *)target ? schema_write(key->constraint, target) : SCHEMA_WRITE_NOTHING;
}

const struct type type_cloud_init = { NODE_MAPPING, "a mapping of keys", NULL, read_cloud_init,
				      write_cloud_init };

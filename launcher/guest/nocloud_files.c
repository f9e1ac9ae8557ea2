// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the texts of a NoCloud seed, except the user's user-data.
#include "launcher/guest/nocloud_files.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "launcher/definition/machine.h"
#include "launcher/guest/nocloud.h"
#include "launcher/guest/ssh_key.h"
#include "launcher/yaml/cloud_config.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

/* Higher than the default of any network manager; for Wi-Fi that is 600. */
#define USER_ROUTE_METRIC 2000

/*
 * A tree under construction. It owns each node as soon as the node is made, so one put() of the
 * root frees all. @failed is set if memory runs out, and finish() returns the error.
 */
struct tree {
	struct json_object *root;
	bool failed;
};

/* Adds a node to an object, or to an array if @key is NULL; returns the node. */
static struct json_object *add(struct tree *tree, struct json_object *parent, const char *key,
			       struct json_object *node)
{
	int ret = -1;

	if (node && parent)
		ret = key ? json_object_object_add(parent, key, node)
			  : json_object_array_add(parent, node);
	if (ret) {
		json_object_put(node);
		tree->failed = true;
		return NULL;
	}
	return node;
}

static void add_text(struct tree *tree, struct json_object *parent, const char *key,
		     const char *value)
{
	add(tree, parent, key, json_object_new_string(value));
}

static struct json_object *add_object(struct tree *tree, struct json_object *parent,
				      const char *key)
{
	return add(tree, parent, key, json_object_new_object());
}

static struct json_object *add_array(struct tree *tree, struct json_object *parent, const char *key)
{
	return add(tree, parent, key, json_object_new_array());
}

/* Frees a tree and returns its text after @heading, unless @ret or the tree has an error. */
static int finish(struct tree *tree, const char *heading, int ret, char **text, struct error *err)
{
	const char *json = NULL;

	if (!ret && !tree->failed && tree->root)
		json = json_object_to_json_string_ext(
			tree->root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!ret) {
		*text = json ? text_format("%s%s\n", heading, json) : NULL;
		ret = *text ? 0 : error_set_errno(err, ENOMEM, "cannot make the cloud-init seed");
	}
	json_object_put(tree->root);
	return ret;
}

int nocloud_files_meta_data(const struct definition *definition, char **text, struct error *err)
{
	struct tree tree = { .root = json_object_new_object() };
	char instance[4 + UUID_STR_LEN] = "iid-";

	uuid_unparse_lower(definition->uuid, instance + strlen("iid-"));
	add_text(&tree, tree.root, "instance-id", instance);
	add_text(&tree, tree.root, "local-hostname", definition->name);
	return finish(&tree, "", 0, text, err);
}

struct key_list {
	struct tree *tree;
	struct json_object *array;
};

static int add_key(const char *key, void *context)
{
	struct key_list *list = context;

	add_text(list->tree, list->array, NULL, key);
	return list->tree->failed ? -ENOMEM : 0;
}

static int add_keys(struct tree *tree, struct json_object *parent,
		    const struct machine_login *login, struct error *err)
{
	struct key_list list = { .tree = tree };
	int ret = 0;

	if (!login->ssh_key_count)
		return 0;
	list.array = add_array(tree, parent, "ssh_authorized_keys");
	for (unsigned int i = 0; i < login->ssh_key_count && !ret; i++)
		ret = ssh_key_read(login->ssh_keys[i], add_key, &list, err);
	return ret;
}

/* crypt(5): a '$' is before the method, the salt and the hash, of these characters only. */
static bool is_hash(const char *password)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789./$=,";
	const char *salt = password[0] == '$' ? strchr(password + 1, '$') : NULL;

	return salt && strchr(salt + 1, '$') && strspn(password, characters) == strlen(password);
}

/* Adds the password in the two forms that cloud-init also sets for a user that exists. */
static void add_password(struct tree *tree, struct json_object *user, const char *password)
{
	add(tree, user, "lock_passwd", json_object_new_boolean(!password));
	if (password)
		add_text(tree, user, is_hash(password) ? "hashed_passwd" : "plain_text_passwd",
			 password);
}

/*
 * Configures the image's own user. An entry in a list of users would not serve: in 22.4, the
 * image's own "lock_passwd" has precedence there (_normalize_users() of ug_util.py).
 */
static int add_image_user(struct tree *tree, const struct machine_login *login,
			  const char *password, struct error *err)
{
	if (password) {
		add_text(tree, tree->root, "password", password);
		add(tree, add_object(tree, tree->root, "chpasswd"), "expire",
		    json_object_new_boolean(false));
	}
	return add_keys(tree, tree->root, login, err);
}

/*
 * Adds the user with its keys. A list of users replaces the image's own user, to whom user-data may
 * give a password or keys (normalize_users_groups() of ug_util.py): @beside is true to keep both.
 * Root needs no sudo, but cloud-init disables its keys by default.
 */
static int add_user(struct tree *tree, const struct machine_plan *plan, bool beside,
		    struct error *err)
{
	const char *name = plan->login.user;
	const char *password = plan->definition->cloud_init.password;
	struct json_object *users, *user;

	if (!name || !strcmp(name, CLOUD_INIT_USER_DEFAULT))
		return add_image_user(tree, &plan->login, password, err);

	users = add_array(tree, tree->root, "users");
	if (beside)
		add_text(tree, users, NULL, CLOUD_INIT_USER_DEFAULT);
	user = add_object(tree, users, NULL);
	add_text(tree, user, "name", name);
	if (!strcmp(name, "root")) {
		add(tree, tree->root, "disable_root", json_object_new_boolean(false));
	} else {
		add_text(tree, user, "sudo", "ALL=(ALL) NOPASSWD:ALL");
		add_text(tree, user, "shell", "/bin/bash");
	}
	add_password(tree, user, password);
	return add_keys(tree, user, &plan->login, err);
}

/* Applies the network configuration at every boot, since the address may change between boots. */
static void add_updates(struct tree *tree)
{
	struct json_object *updates = add_object(tree, tree->root, "updates");
	struct json_object *network = add_object(tree, updates, "network");
	struct json_object *when = add_array(tree, network, "when");

	add_text(tree, when, NULL, "boot-new-instance");
	add_text(tree, when, NULL, "boot");
}

/*
 * Sets how cloud-init merges this with user-data: it appends these lists to the user's, which would
 * otherwise replace them. For all other values the user's take precedence, also where they are no
 * lists: str() would replace a text by a list. Both keys are needed:
 * cloud-init removes the first when it reads the vendor-data alone, and the second when it merges
 * both (dict_extract_mergers() of cloudinit/mergers).
 */
static void add_merging(struct tree *tree)
{
	static const char how[] = "dict(no_replace,recurse_list)+list(append)";

	add_text(tree, tree->root, "merge_how", how);
	add_text(tree, tree->root, "merge_type", how);
}

static void add_packages(struct tree *tree, const struct cloud_init *cloud_init)
{
	struct json_object *packages;

	if (!cloud_init->package_count)
		return;
	packages = add_array(tree, tree->root, "packages");
	for (unsigned int i = 0; i < cloud_init->package_count; i++)
		add_text(tree, packages, NULL, cloud_init->packages[i]);
}

static void add_commands(struct tree *tree, const struct cloud_init *cloud_init)
{
	struct json_object *commands, *arguments;

	if (!cloud_init->run_count)
		return;
	commands = add_array(tree, tree->root, "runcmd");
	for (unsigned int i = 0; i < cloud_init->run_count; i++) {
		const struct guest_command *command = &cloud_init->run[i];

		if (command->shell) {
			add_text(tree, commands, NULL, command->args[0]);
			continue;
		}
		arguments = add_array(tree, commands, NULL);
		for (unsigned int k = 0; k < command->arg_count; k++)
			add_text(tree, arguments, NULL, command->args[k]);
	}
}

/*
 * Mounts the shares by a command at each boot, since cloud-init's 'mounts' skips a name that is not
 * a block device (sanitize_devname() of its cc_mounts.py). The command always succeeds, since
 * cloud-init counts a failed one as a failure of the guest's boot.
 */
static void add_mounts(struct tree *tree, const struct definition *definition)
{
	static const char script[] =
		"mkdir -p \"$1\" && mount -t \"$2\" -o \"$3\" \"$0\" \"$1\" || "
		"echo \"vmrun: cannot mount share '$0' at '$1'\" >&2";
	struct json_object *commands = NULL;

	for (unsigned int i = 0; i < definition->share_count; i++) {
		const struct share *share = &definition->shares[i];
		const bool by_9p = share->driver == SHARE_9P;
		struct json_object *command;

		if (!share->mount)
			continue;
		if (!commands)
			commands = add_array(tree, tree->root, "bootcmd");
		command = add_array(tree, commands, NULL);
		add_text(tree, command, NULL, "sh");
		add_text(tree, command, NULL, "-c");
		add_text(tree, command, NULL, script);
		add_text(tree, command, NULL, share->tag);
		add_text(tree, command, NULL, share->mount);
		add_text(tree, command, NULL, by_9p ? "9p" : "virtiofs");
		add_text(tree, command, NULL,
			 by_9p ? share->readonly ? "trans=virtio,version=9p2000.L,ro"
						 : "trans=virtio,version=9p2000.L"
			       : "rw");
	}
}

static int own_vendor_data(const struct machine_plan *plan, const char *user_data, size_t size,
			   char **text, struct error *err)
{
	const struct definition *definition = plan->definition;
	const bool beside = user_data && !cloud_config_has(user_data, size, "users");
	struct tree tree = { .root = json_object_new_object() };
	int ret;

	add_merging(&tree);
	add_updates(&tree);
	add_packages(&tree, &definition->cloud_init);
	add_commands(&tree, &definition->cloud_init);
	add_mounts(&tree, definition);
	ret = add_user(&tree, plan, beside, err);
	return finish(&tree, "#cloud-config\n", ret, text, err);
}

/* A boundary that cannot be in a part: base64 has no '-'. */
#define BOUNDARY "--vmrun--"

/* Writes a part of a MIME archive. cloud-init finds the kind of a text by its first line. */
static void write_part(FILE *out, const char *data, size_t size)
{
	fputs("--" BOUNDARY "\nContent-Type: text/plain; charset=utf-8\n"
	      "Content-Transfer-Encoding: base64\n\n",
	      out);
	/* RFC 2045, section 6.8: lines of at most 76 characters. */
	for (size_t i = 0; i < size; i += 57) {
		text_write_base64(out, data + i, size - i < 57 ? size - i : 57);
		fputc('\n', out);
	}
}

/*
 * Puts the user's vendor-data before vmrun's. cloud-init merges each part into those before it, by
 * the part's own merge_how: the user's values take precedence.
 */
static int join_vendor_data(const char *path, char **text, struct error *err)
{
	cleanup_free char *own = *text;
	cleanup_free char *data = NULL;
	cleanup_file FILE *out = NULL;
	size_t size, joined;
	int ret;

	*text = NULL;
	ret = file_read(path, USER_DATA_SIZE_MAX, &data, &size, err);
	if (ret)
		return ret;
	out = open_memstream(text, &joined);
	if (!out)
		return error_set_errno(err, ENOMEM, "cannot make the cloud-init seed");
	fputs("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" BOUNDARY "\"\n\n",
	      out);
	write_part(out, data, size);
	write_part(out, own, strlen(own));
	fputs("--" BOUNDARY "--\n", out);
	if (ferror(out) || fflush(out))
		return error_set_errno(err, ENOMEM, "cannot make the cloud-init seed");
	return 0;
}

int nocloud_files_vendor_data(const struct machine_plan *plan, const char *user_data, size_t size,
			      char **text, struct error *err)
{
	const char *path = plan->definition->cloud_init.vendor_data;
	const int ret = own_vendor_data(plan, user_data, size, text, err);

	return ret || !path ? ret : join_vendor_data(path, text, err);
}

static void add_number(struct tree *tree, struct json_object *object, const char *key,
		       unsigned int number)
{
	add(tree, object, key, json_object_new_int((int)number));
}

/*
 * Adds the default route, to a table unless @table is 0. A renderer that knows no tables writes the
 * same route twice then.
 */
static void add_gateway(struct tree *tree, struct json_object *routes, const struct lan_place *lan,
			unsigned int card, unsigned int table)
{
	struct json_object *route = add_object(tree, routes, NULL);
	char text[IPV4_TEXT_SIZE];

	/* cloud-init before 22.4 does not support "default". */
	add_text(tree, route, "to", "0.0.0.0/0");
	add_text(tree, route, "via", ipv4_text(lan->gateway, text));
	if (card)
		add_number(tree, route, "metric", MACHINE_ROUTE_METRIC + card);
	if (table)
		add_number(tree, route, "table", table);
}

/*
 * Adds a rule for what comes from this address, and its table. With several cards on the LAN, the
 * guest would send it by another card, where the host's filter drops it. The table has no route to
 * the subnet: cloud-init's renderer for ifupdown fails at a route without a gateway.
 */
static void add_source_route(struct tree *tree, struct json_object *object,
			     struct json_object *routes, const struct lan_place *lan,
			     unsigned int card)
{
	const unsigned int table = MACHINE_ROUTE_TABLE + card;
	struct json_object *rule;
	char text[IPV4_TEXT_SIZE];

	add_gateway(tree, routes, lan, card, table);
	rule = add_object(tree, add_array(tree, object, "routing-policy"), NULL);
	add_text(tree, rule, "from", ipv4_text(lan->address, text));
	add_number(tree, rule, "table", table);
}

static void add_addresses(struct tree *tree, struct json_object *object,
			  const struct machine_plan *plan, unsigned int card)
{
	const struct lan_place *lan = plan->cards[card].lan;
	const bool several = definition_lan(plan->definition, 1, NULL);
	struct prefix prefix = { .address = lan->address, .length = lan->prefix_length };
	struct json_object *routes;
	char text[IPV4_TEXT_SIZE];

	add_text(tree, add_array(tree, object, "addresses"), NULL, ipv4_prefix_text(&prefix, text));
	if (ipv4_unset(lan->gateway))
		return;
	routes = add_array(tree, object, "routes");
	add_gateway(tree, routes, lan, card, 0);
	if (several)
		add_source_route(tree, object, routes, lan, card);
}

/* Adds the servers; those of a further card only if the definition has them. */
static void add_servers(struct tree *tree, struct json_object *object,
			const struct machine_plan *plan, unsigned int card)
{
	const struct network *network = definition_lan(plan->definition, card, NULL);
	const struct machine_card *lan = &plan->cards[card];
	const unsigned int count = card ? network->dns_count : lan->dns_count;
	struct json_object *servers, *names = NULL;
	char text[IPV4_TEXT_SIZE];

	if (!count && !network->search_count)
		return;
	servers = add_object(tree, object, "nameservers");
	if (network->search_count)
		names = add_array(tree, servers, "search");
	for (unsigned int i = 0; i < network->search_count; i++)
		add_text(tree, names, NULL, network->search[i]);
	servers = add_array(tree, servers, "addresses");
	for (unsigned int i = 0; i < count; i++)
		add_text(tree, servers, NULL, ipv4_text(lan->dns[i], text));
}

/* Adds a card with its MAC and its name in the guest, and returns it. */
static struct json_object *add_card(struct tree *tree, struct json_object *cards, const char *key,
				    const struct network *network, unsigned int index)
{
	struct json_object *card = add_object(tree, cards, key);
	char text[ARP_MAC_TEXT_SIZE];

	scalar_mac_text(&network->mac, text);
	add_text(tree, add_object(tree, card, "match"), "macaddress", text);
	/*
	 * ifupdown and sysconfig, which cloud-init can configure, know a card by its name only, and
	 * the kernel's name for it may change between boots.
	 */
	snprintf(text, sizeof(text), "eth%u", index);
	add_text(tree, card, "set-name", text);
	return card;
}

/* Adds a card with DHCP. With a @metric its route and servers yield to those of another card. */
static void add_dhcp(struct tree *tree, struct json_object *object, unsigned int metric)
{
	struct json_object *overrides;

	add(tree, object, "dhcp4", json_object_new_boolean(true));
	if (!metric)
		return;
	overrides = add_object(tree, object, "dhcp4-overrides");
	add_number(tree, overrides, "route-metric", metric);
	add(tree, overrides, "use-dns", json_object_new_boolean(false));
}

static void add_lan(struct tree *tree, struct json_object *object, const struct machine_plan *plan,
		    unsigned int card)
{
	const struct network *network = definition_lan(plan->definition, card, NULL);
	const unsigned int mtu = plan->cards[card].lan->mtu;

	if (!(network->configure & CONFIGURE_CLOUD_INIT)) {
		add_dhcp(tree, object, card ? MACHINE_ROUTE_METRIC + card : 0);
		return;
	}
	add(tree, object, "dhcp4", json_object_new_boolean(false));
	if (mtu)
		add_number(tree, object, "mtu", mtu);
	add_addresses(tree, object, plan, card);
	add_servers(tree, object, plan, card);
}

/*
 * Adds a private network, with the address of the definition or without one. Without this entry,
 * the guest may leave the card down, or wait for DHCP there.
 */
static void add_private_network(struct tree *tree, struct json_object *card,
				const struct network *network)
{
	const struct prefix prefix = { network->address, network->prefix_length };
	char text[IPV4_TEXT_SIZE];

	add(tree, card, "dhcp4", json_object_new_boolean(false));
	add(tree, card, "optional", json_object_new_boolean(true));
	if (!ipv4_unset(prefix.address))
		add_text(tree, add_array(tree, card, "addresses"), NULL,
			 ipv4_prefix_text(&prefix, text));
}

int nocloud_files_network_config(const struct machine_plan *plan, char **text, struct error *err)
{
	const struct definition *definition = plan->definition;
	struct tree tree = { .root = json_object_new_object() };
	const struct network *network;
	struct json_object *cards;
	unsigned int lan;
	char key[16];

	add(&tree, tree.root, "version", json_object_new_int(2));
	cards = add_object(&tree, tree.root, "ethernets");
	for (unsigned int i = 0; (network = definition_network(definition, i)); i++) {
		if (network->type == NETWORK_LAN) {
			lan = definition_card_number(definition, i);
			assert(plan->cards[lan].lan);
			snprintf(key, sizeof(key), lan ? "lan%u" : "lan", i);
			add_lan(&tree, add_card(&tree, cards, key, network, i), plan, lan);
			continue;
		}
		if (network->type == NETWORK_PRIVATE) {
			snprintf(key, sizeof(key), "private%u", i);
			add_private_network(&tree, add_card(&tree, cards, key, network, i),
					    network);
			continue;
		}
		snprintf(key, sizeof(key), "user%u", i);
		add_dhcp(&tree, add_card(&tree, cards, key, network, i),
			 definition_lan(definition, 0, NULL) ? USER_ROUTE_METRIC : 0);
	}
	return finish(&tree, "", 0, text, err);
}

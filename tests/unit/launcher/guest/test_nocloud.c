// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the files and the SSH keys of a NoCloud seed, read as a guest does.
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "launcher/guest/nocloud.h"
#include "launcher/guest/ssh_key.h"
#include "launcher/image/iso_date.h"
#include "netsetup/base/cleanup.h"
#include "tests/unit/support/machine.h"
#include "tests/unit/support/range.h"
#include "tests/unit/support/scratch.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
#define SK      "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIE"

static int make(const struct machine *machine)
{
	struct error err = { 0 };
	int fd = nocloud_make(&machine->plan, &err);

	if (fd < 0)
		fail_msg("%s", err.message);
	return fd;
}

static void assert_fails(const struct machine *machine, const char *message, const char *remedy)
{
	struct error err = { 0 };

	assert_true(nocloud_make(&machine->plan, &err) < 0);
	if (!strstr(err.message, message) || !strstr(err.remedy, remedy))
		fail_msg("'%s' / '%s'", err.message, err.remedy);
}

/* Returns a file of a seed, NUL-terminated, or NULL if it is missing. */
static char *extract(int fd, const char *name, size_t *size)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	char *data = NULL;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	archive_read_support_format_iso9660(archive);
	assert_int_equal(archive_read_open_fd(archive, fd, 2048), ARCHIVE_OK);
	while (!data && archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		if (strcmp(archive_entry_pathname(entry), name) != 0)
			continue;
		*size = archive_entry_size(entry);
		data = calloc(1, *size + 1);
		assert_int_equal(archive_read_data(archive, data, *size), *size);
	}
	archive_read_free(archive);
	return data;
}

static struct json_object *extract_json(int fd, const char *name, const char *heading)
{
	cleanup_free char *text = NULL;
	struct json_object *root;
	size_t size;

	text = extract(fd, name, &size);
	assert_non_null(text);
	assert_memory_equal(text, heading, strlen(heading));
	root = json_tokener_parse(text + strlen(heading));
	assert_non_null(root);
	return root;
}

/* Compares the value at a JSON pointer, as text; "-" stands for a missing value. */
static void assert_value(struct json_object *root, const char *pointer, const char *expected)
{
	struct json_object *value = NULL;

	if (json_pointer_get(root, pointer, &value))
		assert_string_equal("-", expected);
	else
		assert_string_equal(json_object_get_string(value), expected);
}

static void test_meta_data(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	fd = make(&machine);
	root = extract_json(fd, "meta-data", "");
	assert_value(root, "/instance-id", "iid-0d1e2f30-4152-5374-8596-a7b8c9dadbec");
	assert_value(root, "/local-hostname", "web");
	json_object_put(root);
	close(fd);
}

static void test_network_config(void **state)
{
	struct json_object *root;
	struct machine machine;
	size_t size;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT | CONFIGURE_DHCP);
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/version", "2");
	assert_value(root, "/ethernets/lan/match/macaddress", "52:54:00:ab:cd:ef");
	assert_value(root, "/ethernets/lan/set-name", "eth0");
	assert_value(root, "/ethernets/lan/mtu", "1500");
	assert_value(root, "/ethernets/lan/dhcp4", "false");
	assert_value(root, "/ethernets/lan/addresses/0", "192.168.1.10/24");
	assert_value(root, "/ethernets/lan/addresses/1", "-");
	assert_value(root, "/ethernets/lan/routes/0/to", "0.0.0.0/0");
	assert_value(root, "/ethernets/lan/routes/0/via", "192.168.1.1");
	assert_value(root, "/ethernets/lan/nameservers/addresses/1", "9.9.9.9");
	assert_value(root, "/ethernets/lan/nameservers/addresses/2", "8.8.8.8");
	json_object_put(root);
	close(fd);

	machine.lan.gateway.s_addr = 0;
	machine.lan.mtu = 0;
	machine.plan.cards[0].dns_count = 0;
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/lan/routes", "-");
	assert_value(root, "/ethernets/lan/nameservers", "-");
	assert_value(root, "/ethernets/lan/mtu", "-");
	json_object_put(root);
	close(fd);

	machine.definition.network.configure = CONFIGURE_DHCP;
	fd = make(&machine);
	assert_null(extract(fd, "network-config", &size));
	close(fd);
}

/* The guest gets the search domains with the servers, or without them. */
static void test_search(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	machine.definition.network.search[0] = (char *)"lab.example";
	machine.definition.network.search_count = 1;
	for (unsigned int without = 0; without < 2; without++) {
		machine.plan.cards[0].dns_count = without ? 0 : 3;
		fd = make(&machine);
		root = extract_json(fd, "network-config", "");
		assert_value(root, "/ethernets/lan/nameservers/search/0", "lab.example");
		assert_value(root, "/ethernets/lan/nameservers/addresses/1",
			     without ? "-" : "9.9.9.9");
		json_object_put(root);
		close(fd);
	}
}

/* Each card is matched by its MAC; the guest gets the LAN's route and servers. */
static void test_networks(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	machine.definition.others[0] = (struct network){ .type = NETWORK_USER,
							 .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.other_count = 1;
	machine.definition.network_index = 1;
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/lan/match/macaddress", "52:54:00:ab:cd:ef");
	assert_value(root, "/ethernets/lan/set-name", "eth1");
	assert_value(root, "/ethernets/lan/dhcp4", "false");
	assert_value(root, "/ethernets/user0/match/macaddress", "02:00:00:00:00:01");
	assert_value(root, "/ethernets/user0/set-name", "eth0");
	assert_value(root, "/ethernets/user0/dhcp4", "true");
	assert_value(root, "/ethernets/user0/dhcp4-overrides/route-metric", "2000");
	assert_value(root, "/ethernets/user0/dhcp4-overrides/use-dns", "false");
	json_object_put(root);
	close(fd);

	machine.definition.network.type = NETWORK_USER;
	machine.plan.cards[0].lan = NULL;
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/user0/dhcp4", "true");
	assert_value(root, "/ethernets/user0/dhcp4-overrides", "-");
	assert_value(root, "/ethernets/user1/match/macaddress", "52:54:00:ab:cd:ef");
	assert_value(root, "/ethernets/lan", "-");
	json_object_put(root);
	close(fd);
}

/* Each card on the LAN answers by itself; the first has the preferred route, and the servers. */
static void test_lans(void **state)
{
	struct json_object *root;
	struct machine machine;
	struct lan_place wired;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	wired = machine.lan;
	wired.address.s_addr = inet_addr("192.168.2.10");
	wired.gateway.s_addr = inet_addr("192.168.2.1");
	machine.definition.others[0] = (struct network){ .type = NETWORK_LAN,
							 .configure = CONFIGURE_CLOUD_INIT,
							 .mac = { { 2, 0, 0, 0, 0, 1 } } };
	machine.definition.others[1] = (struct network){ .type = NETWORK_LAN,
							 .configure = CONFIGURE_DHCP };
	machine.definition.other_count = 2;
	machine.plan.cards[1] = machine.plan.cards[0];
	machine.plan.cards[1].lan = &wired;
	machine.plan.cards[2].lan = &wired;
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/lan/routes/0/via", "192.168.1.1");
	assert_value(root, "/ethernets/lan/routes/0/metric", "-");
	assert_value(root, "/ethernets/lan/routes/1/via", "192.168.1.1");
	assert_value(root, "/ethernets/lan/routes/1/table", "100");
	assert_value(root, "/ethernets/lan/routes/2", "-");
	assert_value(root, "/ethernets/lan/routing-policy/0/from", "192.168.1.10");
	assert_value(root, "/ethernets/lan/routing-policy/0/table", "100");
	assert_value(root, "/ethernets/lan/nameservers/addresses/1", "9.9.9.9");
	assert_value(root, "/ethernets/lan1/match/macaddress", "02:00:00:00:00:01");
	assert_value(root, "/ethernets/lan1/set-name", "eth1");
	assert_value(root, "/ethernets/lan1/dhcp4", "false");
	assert_value(root, "/ethernets/lan1/addresses/0", "192.168.2.10/24");
	assert_value(root, "/ethernets/lan1/routes/0/metric", "1001");
	assert_value(root, "/ethernets/lan1/routes/0/table", "-");
	assert_value(root, "/ethernets/lan1/routes/1/via", "192.168.2.1");
	assert_value(root, "/ethernets/lan1/routes/1/metric", "1001");
	assert_value(root, "/ethernets/lan1/routes/1/table", "101");
	assert_value(root, "/ethernets/lan1/nameservers", "-");
	assert_value(root, "/ethernets/lan2/dhcp4", "true");
	assert_value(root, "/ethernets/lan2/dhcp4-overrides/route-metric", "1002");
	assert_value(root, "/ethernets/lan2/dhcp4-overrides/use-dns", "false");
	json_object_put(root);
	close(fd);

	/* One card with cloud-init is enough; the first has DHCP then. */
	machine.definition.network.configure = CONFIGURE_DHCP;
	assert_true(nocloud_wanted(&machine.definition));
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/lan/dhcp4", "true");
	assert_value(root, "/ethernets/lan/dhcp4-overrides", "-");
	assert_value(root, "/ethernets/lan1/addresses/0", "192.168.2.10/24");
	json_object_put(root);
	close(fd);
}

/* A private card comes up; without a network-config, cloud-init would use DHCP on the first one. */
static void test_private_network(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine.definition.cloud_init.present = true;
	machine.definition.network.type = NETWORK_PRIVATE;
	machine.definition.others[0] = (struct network){ .type = NETWORK_PRIVATE,
							 .address = { inet_addr("10.9.0.1") },
							 .prefix_length = 24 };
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/private1", "-");
	json_object_put(root);
	close(fd);

	machine.definition.other_count = 1;
	fd = make(&machine);
	root = extract_json(fd, "network-config", "");
	assert_value(root, "/ethernets/private0/match/macaddress", "52:54:00:ab:cd:ef");
	assert_value(root, "/ethernets/private0/set-name", "eth0");
	assert_value(root, "/ethernets/private0/dhcp4", "false");
	assert_value(root, "/ethernets/private0/optional", "true");
	assert_value(root, "/ethernets/private0/addresses", "-");
	assert_value(root, "/ethernets/private1/addresses/0", "10.9.0.1/24");
	json_object_put(root);
	close(fd);
}

static void test_mounts(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine.definition.cloud_init.present = true;
	machine.definition.shares[0] = (struct share){ .tag = (char *)"by-hand",
						       .path = (char *)"/" };
	machine.definition.shares[1] = (struct share){ .tag = (char *)"src",
						       .readonly = true,
						       .mount = (char *)"/srv/a b$(c)" };
	machine.definition.shares[2] = (struct share){ .tag = (char *)"fast",
						       .driver = SHARE_VIRTIOFS,
						       .mount = (char *)"/fast" };
	machine.definition.share_count = 3;
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/bootcmd/0/2",
		     "mkdir -p \"$1\" && mount -t \"$2\" -o \"$3\" \"$0\" \"$1\" || "
		     "echo \"vmrun: cannot mount share '$0' at '$1'\" >&2");
	assert_value(root, "/bootcmd/0/3", "src");
	assert_value(root, "/bootcmd/0/4", "/srv/a b$(c)");
	assert_value(root, "/bootcmd/0/5", "9p");
	assert_value(root, "/bootcmd/0/6", "trans=virtio,version=9p2000.L,ro");
	assert_value(root, "/bootcmd/1/3", "fast");
	assert_value(root, "/bootcmd/1/5", "virtiofs");
	assert_value(root, "/bootcmd/1/6", "rw");
	assert_value(root, "/bootcmd/2", "-");
	json_object_put(root);
	close(fd);
}

static void test_vendor_data(void **state)
{
	struct json_object *root;
	struct machine machine;
	int fd;

	scratch_text("a.pub", ED25519 " me@\"host\": x\n");
	machine_init(&machine);
	machine.plan.login.user = (char *)"me";
	machine.plan.login.ssh_keys[0] = (char *)scratch_path("a.pub");
	machine.plan.login.ssh_key_count = 1;
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/updates/network/when/0", "boot-new-instance");
	assert_value(root, "/updates/network/when/1", "boot");
	assert_value(root, "/users/0/name", "me");
	assert_value(root, "/users/0/sudo", "ALL=(ALL) NOPASSWD:ALL");
	assert_value(root, "/users/0/shell", "/bin/bash");
	assert_value(root, "/users/0/ssh_authorized_keys/0", ED25519 " me@\"host\": x");
	assert_value(root, "/ssh_authorized_keys", "-");
	json_object_put(root);
	close(fd);

	machine.plan.login.user = NULL;
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/ssh_authorized_keys/0", ED25519 " me@\"host\": x");
	assert_value(root, "/users", "-");
	json_object_put(root);
	close(fd);

	machine.plan.login.user = (char *)"root";
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/disable_root", "false");
	assert_value(root, "/users/0/name", "root");
	assert_value(root, "/users/0/sudo", "-");
	json_object_put(root);
	close(fd);
}

/* With a user-data, the image's own user stays, unless the user-data has its own users. */
static void test_beside_user_data(void **state)
{
	static const struct {
		const char *user_data, *first, *second;
	} rows[] = {
		{ "#cloud-config\npassword: x\n", "default", "me" },
		{ "#!/bin/sh\n", "default", "me" },
		{ "", "default", "me" },
		{ "#cloud-config\nusers:\n\t- x\n", "default", "me" }, /* cloud-init ignores it */
		{ "#cloud-config\nusers: [{name: x}]\n", "me", "-" },
		{ "#cloud-config\n{\"users\": null}\n", "me", "-" },
	};
	struct machine machine;

	machine_init(&machine);
	machine.plan.login.user = (char *)"me";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_object *root;
		int fd;

		scratch_text("user data", rows[i].user_data);
		machine.definition.cloud_init.user_data = (char *)scratch_path("user data");
		fd = make(&machine);
		root = extract_json(fd, "vendor-data", "#cloud-config\n");
		if (!strcmp(rows[i].first, "default")) {
			assert_value(root, "/users/0", "default");
			assert_value(root, "/users/1/name", rows[i].second);
		} else {
			assert_value(root, "/users/0/name", rows[i].first);
			assert_value(root, "/users/1", rows[i].second);
		}
		json_object_put(root);
		close(fd);
	}
}

static void test_password(void **state)
{
	static const char hash[] = "$y$j9T$salt$./0aZ";
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine.plan.login.user = (char *)"me";
	machine.definition.cloud_init.password = (char *)hash;
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/users/0/hashed_passwd", hash);
	assert_value(root, "/users/0/plain_text_passwd", "-");
	assert_value(root, "/users/0/lock_passwd", "false");
	json_object_put(root);
	close(fd);

	machine.definition.cloud_init.password = (char *)"$y$ no hash";
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/users/0/hashed_passwd", "-");
	assert_value(root, "/users/0/plain_text_passwd", "$y$ no hash");
	json_object_put(root);
	close(fd);

	machine.plan.login.user = (char *)"default";
	machine.definition.cloud_init.password = (char *)"secret";
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/password", "secret");
	assert_value(root, "/chpasswd/expire", "false");
	assert_value(root, "/users", "-");
	json_object_put(root);
	close(fd);
}

/* A hostile name cannot add a key. */
static void test_injection(void **state)
{
	static const char nasty[] = "x\", \"runcmd\": [\"id\"], \"y\": \"\nruncmd: [id]\n#\t\\";
	struct json_object *root;
	struct machine machine;
	int fd;

	machine_init(&machine);
	machine.plan.login.user = (char *)nasty;
	fd = make(&machine);
	root = extract_json(fd, "vendor-data", "#cloud-config\n");
	assert_value(root, "/users/0/name", nasty);
	assert_value(root, "/runcmd", "-");
	json_object_put(root);
	close(fd);
}

/* A file replaces the configuration of the network byte for byte, also without a LAN. */
static void test_own_network_config(void **state)
{
	static const char config[] = "version: 1\nconfig: []\n";
	struct machine machine;
	char *text;
	size_t size;
	int fd;

	machine_init(&machine);
	machine.definition.cloud_init.network_config = (char *)scratch_path("own-network");
	scratch_text("own-network", config);
	for (unsigned int on_lan = 0; on_lan < 2; on_lan++) {
		fd = make(&machine);
		text = extract(fd, "network-config", &size);
		assert_non_null(text);
		assert_string_equal(text, config);
		free(text);
		close(fd);
		machine_join(&machine, CONFIGURE_CLOUD_INIT);
	}
}

static void test_user_data(void **state)
{
	static char data[USER_DATA_SIZE_MAX + 1];
	cleanup_free char *none = NULL;
	cleanup_free char *read_back = NULL;
	struct machine machine;
	size_t size;
	int fd;

	machine_init(&machine);
	fd = make(&machine);
	none = extract(fd, "user-data", &size);
	assert_string_equal(none, "#cloud-config\n{}\n");
	close(fd);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	scratch_write("user data", data, USER_DATA_SIZE_MAX);
	machine.definition.cloud_init.user_data = (char *)scratch_path("user data");
	fd = make(&machine);
	read_back = extract(fd, "user-data", &size);
	assert_int_equal(size, USER_DATA_SIZE_MAX);
	assert_memory_equal(read_back, data, size);
	close(fd);

	scratch_write("user data", data, sizeof(data));
	assert_fails(&machine, "more than 1048576 bytes", "");
	machine.definition.cloud_init.user_data = scratch;
	assert_fails(&machine, "it is not a file", "");
	machine.definition.cloud_init.user_data = (char *)"/dev/zero";
	assert_fails(&machine, "it is not a file", "");
	machine.definition.cloud_init.user_data = (char *)scratch_path("missing");
	assert_fails(&machine, "missing': No such file", "");
}

/* The image is sealed, read-only, and does not depend on time or time zone. */
static void test_image(void **state)
{
	static char first[1 << 20], second[1 << 20];
	struct machine machine;
	ssize_t size;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	setenv("TZ", "UTC-3", 1);
	fd = make(&machine);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	size = pread(fd, first, sizeof(first), 0);
	assert_uint_in_range(size, 16 * 2048, sizeof(first) - 1);
	assert_int_equal(size % 2048, 0);
	close(fd);

	sleep(1);
	setenv("TZ", "UTC+5", 1);
	fd = make(&machine);
	assert_int_equal(pread(fd, second, sizeof(second), 0), size);
	assert_memory_equal(first, second, size);
	scratch_write("seed.iso", first, size);
	close(fd);
}

/* Other programs find the label and the files. */
static void test_tools(void **state)
{
	struct machine machine;
	char command[PATH_MAX + 256];
	static char image[1 << 20];
	ssize_t size;
	int fd;

	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	fd = make(&machine);
	size = pread(fd, image, sizeof(image), 0);
	scratch_write("seed.iso", image, size);
	close(fd);

	setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
	if (system("command -v blkid >/dev/null") == 0) {
		snprintf(command, sizeof(command),
			 "test \"$(blkid -p -s LABEL -o value '%s/seed.iso')\" = cidata", scratch);
		assert_int_equal(system(command), 0);
	}
	if (system("command -v isoinfo >/dev/null") == 0) {
		snprintf(command, sizeof(command),
			 "test \"$(isoinfo -R -f -i '%s/seed.iso' | tr '\\n' ' ')\" ="
			 " '/meta-data /network-config /user-data /vendor-data '",
			 scratch);
		assert_int_equal(system(command), 0);
		snprintf(command, sizeof(command),
			 "isoinfo -J -f -i '%s/seed.iso' | grep -qx /network-config", scratch);
		assert_int_equal(system(command), 0);
	}
}

static void test_wanted(void **state)
{
	struct machine machine;

	machine_init(&machine);
	assert_false(nocloud_wanted(&machine.definition));
	machine.definition.cloud_init.present = true;
	assert_true(nocloud_wanted(&machine.definition));
	machine_init(&machine);
	machine_join(&machine, CONFIGURE_CLOUD_INIT);
	assert_true(nocloud_wanted(&machine.definition));
	machine.definition.network.configure = CONFIGURE_DHCP;
	assert_false(nocloud_wanted(&machine.definition));
	machine.definition.network.configure = CONFIGURE_CLOUD_INIT;
	machine.definition.network.type = NETWORK_USER;
	assert_false(nocloud_wanted(&machine.definition));
}

static int count_key(const char *key, void *context)
{
	unsigned int *count = context;

	(*count)++;
	return 0;
}

static int stop_key(const char *key, void *context)
{
	return -ENOMEM;
}

static void assert_keys(const char *text, unsigned int expected)
{
	unsigned int count = 0;
	struct error err = { 0 };

	scratch_text("key", text);
	if (ssh_key_read(scratch_path("key"), count_key, &count, &err))
		fail_msg("%s", err.message);
	assert_int_equal(count, expected);
}

static void assert_no_keys(const char *text, const char *message, const char *remedy)
{
	unsigned int count = 0;
	struct error err = { 0 };

	scratch_text("key", text);
	assert_int_equal(ssh_key_read(scratch_path("key"), count_key, &count, &err), -EINVAL);
	assert_int_equal(err.status, STATUS_DEFINITION);
	if (!strstr(err.message, message) || !strstr(err.remedy, remedy))
		fail_msg("'%s' / '%s'", err.message, err.remedy);
}

static void test_keys(void **state)
{
	struct error err;

	assert_keys(ED25519, 1);
	assert_keys(ED25519 "\n", 1);
	assert_keys("\n# comment\n" ED25519 " me\r\n  \n\t" SK " her\n#end", 2);
	assert_no_keys("", "has no public SSH key", "");
	assert_no_keys("# only this\n", "has no public SSH key", "");
	assert_no_keys(ED25519 "\nssh-ed25519\n", "line 2 is not a public", "");
	assert_no_keys("ssh-ed25519 AAAA\n", "line 1 is not", "");
	assert_no_keys("ssh-ed25519 BBBBC3NzaC1lZDI1NTE5AAAAIOMq\n", "line 1 is not", "");
	assert_no_keys("ssh-ed25519x " ED25519 "\n", "line 1 is not", "");
	assert_no_keys("ssh-new AAAAC3NzaC1lZDI1NTE5AAAAIOMq\n", "line 1 is not", "");
	assert_no_keys("from=\"*\" " ED25519 "\n", "line 1 is not", "");
	assert_no_keys(ED25519 ";x\n", "line 1 is not", "");
	assert_no_keys(ED25519 " \033[2J\n", "line 1 is not", "");
	assert_no_keys("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n", "is a private key",
		       "key.pub'");
	assert_no_keys("PuTTY-User-Key-File-2: x\n", "line 1 is not", "");
	scratch_text("key", ED25519);
	assert_int_equal(ssh_key_read(scratch_path("key"), stop_key, NULL, &err), -ENOMEM);
	scratch_write("key", ED25519 "\0x", sizeof(ED25519 "\0x"));
	assert_int_equal(ssh_key_read(scratch_path("key"), stop_key, NULL, &err), -EINVAL);
}

/* A damaged image causes no access outside of its bytes. */
static void test_dates_hostile(void **state)
{
	static const unsigned char values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };
	static unsigned char good[1 << 20];
	struct machine machine;
	ssize_t size;
	int fd;

	machine_init(&machine);
	fd = make(&machine);
	size = pread(fd, good, sizeof(good), 0);
	close(fd);
	for (size_t at = 0; at < (size_t)size; at += 2048 - 100) {
		unsigned char *cut = malloc(at + 1);

		memcpy(cut, good, at);
		iso_date_reset(cut, at);
		free(cut);
	}
	for (size_t at = 16 * 2048; at < 30 * 2048; at += at % 2048 < 256 ? 1 : 64) {
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			unsigned char *copy = malloc(size);

			memcpy(copy, good, size);
			copy[at] = values[i];
			iso_date_reset(copy, size);
			free(copy);
		}
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_search),      CASE(test_own_network_config),
		CASE(test_meta_data),   CASE(test_network_config),
		CASE(test_vendor_data), CASE(test_beside_user_data),
		CASE(test_password),    CASE(test_injection),
		CASE(test_user_data),   CASE(test_image),
		CASE(test_tools),       CASE(test_wanted),
		CASE(test_keys),        CASE(test_dates_hostile),
		CASE(test_networks),    CASE(test_private_network),
		CASE(test_lans),        CASE(test_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the state file, its directory and the lock.
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include <cmocka.h>

#include "netsetup/base/netns.h"
#include "tests/unit/support/service.h"

static struct state open_state(void)
{
	struct state state = { .dir = -1 };
	struct error err = { 0 };

	if (state_open(&state, NULL, &err) < 0)
		fail_msg("%s", err.message);
	return state;
}

static struct vm *add(struct state *state, const char *name, const char *text)
{
	struct vm *vm = vm_new();

	assert_non_null(vm);
	vm->record.attach = attach_for(name);
	vm->record.address = address(text);
	state_add(state, vm);
	return vm;
}

static void comes_and_goes(void)
{
	const unsigned int before = namespace_count_fds();
	char path[NETNS_DIR_SIZE];
	struct error err = { 0 };
	struct stat status;
	struct state state;

	assert_int_equal(netns_dir(path, &err), 0);
	assert_int_equal(strncmp(path, NETNS_RUN_DIR "/net", strlen(NETNS_RUN_DIR "/net")), 0);
	umask(077);
	state = open_state();
	assert_int_equal(fcntl(state.dir, F_GETFD), FD_CLOEXEC);
	/* Clients reach the socket in it, whatever the umask of this process. */
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(stat(NETNS_RUN_DIR, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(state_save(&state, &err), 0);
	assert_int_equal(fstatat(state.dir, "state", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	state_close(&state);
	assert_int_equal(state.dir, -1);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	state_close(&state);
	assert_int_equal(namespace_count_fds(), before);

	/* The directory of another namespace, and what is no directory of ours, stay. */
	state = open_state();
	assert_int_equal(namespace_run("mkdir -m 700 /run/vmrun/net-1"), 0);
	state_close(&state);
	assert_int_equal(namespace_run("[ \"$(ls /run/vmrun)\" = net-1 ]"), 0);
}

static void test_comes_and_goes(void **state)
{
	namespace_test(comes_and_goes);
}

/* Each namespace has its own service. */
static void namespaces(void)
{
	struct state first = open_state(), second;
	char path[2][NETNS_DIR_SIZE];
	struct error err = { 0 };

	assert_int_equal(netns_dir(path[0], &err), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	second = open_state();
	assert_int_equal(netns_dir(path[1], &err), 0);
	assert_string_not_equal(path[0], path[1]);
	state_close(&second);
	assert_int_equal(access(path[0], F_OK), 0);
	close(first.dir);
}

static void test_namespaces(void **state)
{
	namespace_test(namespaces);
}

/* The file has the VMs but dry runs, the uplinks' values and the number of the last VM. */
static void saved(void)
{
	struct state state = open_state(), next = { .dir = -1 };
	struct error err = { 0 };
	struct vm *web, *found;

	add(&state, "one", "192.168.7.11");
	web = add(&state, "web", "192.168.7.9");
	strcpy(web->record.tap, "vmr-web");
	web->record.tap_ifindex = 42;
	web->record.published_on = 43;
	web->record.answered = 1;
	web->record.proof.carrier_changes = 44;
	web->client = STDIN_FILENO;
	add(&state, "dry", "192.168.7.10")->record.attach.dry_run = 1;
	state.own_macs[1].ether_addr_octet[5] = 45;
	state.uplinks.count = 2;
	state.uplinks.records[1].ifindex = 43;
	state.uplinks.records[1].values[0].original = 7;
	assert_int_equal(state_save(&state, &err), 0);
	assert_int_equal(faccessat(state.dir, "state.new", F_OK, 0), -1);

	next.dir = state.dir;
	assert_int_equal(state_load(&next, &err), 0);
	assert_int_equal(next.last_id, 3);
	assert_int_equal(next.own_macs[1].ether_addr_octet[5], 45);
	found = state_find(&next, web->record.id);
	assert_non_null(found);
	assert_memory_equal(&found->record, &web->record, sizeof(web->record));
	assert_int_equal(found->client, -1);
	assert_int_equal(found->tap_fds[0], -1);
	assert_int_equal(found->dhcp, -1);
	assert_non_null(state_find(&next, 1));
	assert_null(state_find(&next, 3));
	assert_int_equal(next.uplinks.count, 2);
	assert_memory_equal(next.uplinks.records, state.uplinks.records,
			    2 * sizeof(state.uplinks.records[0]));
	/* A number is not given twice. */
	assert_int_equal(add(&next, "new", "192.168.7.12")->record.id, 4);
	web->client = -1;

	/* Nothing is removed while a VM or an uplink's values are left. */
	state_clear(&next);
	assert_int_equal(faccessat(next.dir, "state", F_OK, 0), 0);
	while (next.vms) {
		found = next.vms;
		state_remove(&next, found);
		vm_free(found);
	}
	state_clear(&next);
	assert_int_equal(faccessat(next.dir, "state", F_OK, 0), 0);
	next.uplinks.count = 0;
	state_clear(&next);
	assert_int_equal(faccessat(next.dir, "state", F_OK, 0), -1);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	state_close(&state);
}

static void test_saved(void **state)
{
	namespace_test(saved);
}

static void write_state(int dir, const void *data, size_t size)
{
	cleanup_fd int fd = openat(dir, "state", O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

/* The header's words: magic, sizes of four parts, last number, numbers of uplinks and VMs. */
enum word {
	WORD_MAGIC,
	WORD_HEADER_SIZE,
	WORD_UPLINK_SIZE,
	WORD_VM_SIZE,
	WORD_ATTACH_SIZE,
	WORD_LAST_ID,
	WORD_UPLINKS,
	WORD_VMS,
};

/* Copies a part; @by more bytes at its end have a value, and fewer are missing. */
static void copy_part(char **to, const char **from, uint32_t size, int by)
{
	const uint32_t common = by < 0 ? size - (uint32_t)-by : size;

	memcpy(*to, *from, common);
	*to += common;
	*from += size;
	if (by > 0)
		memset(*to, 0x55, (size_t)by);
	*to += by > 0 ? by : 0;
}

/* Writes the file of a version whose parts are longer or shorter, each by another number. */
static void write_as(int dir, const uint32_t *good, int by)
{
	union {
		char bytes[16384];
		uint32_t words[8];
	} other = { .words = { 0 } };
	const char *from = (const char *)good;
	char *to = other.bytes;

	copy_part(&to, &from, good[WORD_HEADER_SIZE], by);
	for (uint32_t i = 0; i < good[WORD_UPLINKS]; i++)
		copy_part(&to, &from, good[WORD_UPLINK_SIZE], 2 * by);
	for (uint32_t i = 0; i < good[WORD_VMS]; i++) {
		copy_part(&to, &from, good[WORD_VM_SIZE], 3 * by);
		copy_part(&to, &from, good[WORD_ATTACH_SIZE], 4 * by);
	}
	for (int part = 0; part < 4; part++)
		other.words[WORD_HEADER_SIZE + part] += (uint32_t)((part + 1) * by);
	write_state(dir, other.bytes, (size_t)(to - other.bytes));
}

/*
 * The service before or after this one has other parts: what both know is read, and the rest is
 * zero. Nothing of an uplink or a VM is lost by an upgrade.
 */
static void other_sizes(void)
{
	struct state state = open_state();
	const size_t end = sizeof(struct vm_record);
	struct error err = { 0 };
	cleanup_fd int fd = -1;
	uint32_t good[4096];
	struct vm *vm;

	vm = add(&state, "web", "192.168.7.9");
	vm->record.access = 0x01020304;
	vm->record.attach.question = 7;
	add(&state, "more", "192.168.7.10");
	state.uplinks.count = 2;
	for (uint32_t i = 0; i < 2; i++)
		state.uplinks.records[i] = (struct uplink_record){
			.ifindex = 42 + i, .values[1] = { 1, 80, 0x01020304 }
		};
	state.own_macs[OWN_MACS_MAX - 1].ether_addr_octet[0] = 9;
	state.own_macs[OWN_MACS_MAX - 1].ether_addr_octet[5] = 8;
	assert_int_equal(state_save(&state, &err), 0);
	fd = openat(state.dir, "state", O_RDONLY);
	assert_true(read(fd, good, sizeof(good)) > 0);

	for (int by = -1; by <= 1; by++) {
		struct state next = { .dir = state.dir };
		struct vm *found;

		write_as(state.dir, good, by);
		assert_int_equal(state_load(&next, &err), 0);
		assert_int_equal(next.last_id, 2);
		assert_int_equal(next.own_macs[OWN_MACS_MAX - 1].ether_addr_octet[0], 9);
		assert_int_equal(next.own_macs[OWN_MACS_MAX - 1].ether_addr_octet[5],
				 by < 0 ? 0 : 8);
		assert_int_equal(next.uplinks.count, 2);
		for (uint32_t i = 0; i < 2; i++) {
			assert_int_equal(next.uplinks.records[i].ifindex, 42 + i);
			assert_int_equal(next.uplinks.records[i].values[1].original, 80);
			assert_int_equal(next.uplinks.records[i].values[1].original_of_all,
					 by < 0 ? 0x0304 : 0x01020304);
		}
		found = state_find(&next, 1);
		assert_non_null(found);
		assert_string_equal(found->record.attach.name, "web");
		assert_address(found->record.address, "192.168.7.9");
		assert_int_equal(found->record.access, by < 0 ? 4 : 0x01020304);
		assert_int_equal(found->record.attach.question, by < 0 ? 0 : 7);
		if (by >= 0)
			assert_memory_equal(&found->record, &vm->record, end);
		assert_address(state_find(&next, 2)->record.address, "192.168.7.10");
		while (next.vms) {
			found = next.vms;
			state_remove(&next, found);
			vm_free(found);
		}
	}
	state_close(&state);
}

static void test_other_sizes(void **state)
{
	namespace_test(other_sizes);
}

/* A file of another format says nothing. A link is followed nowhere. */
static void other_version(void)
{
	struct state state = open_state(), next = { .dir = -1 };
	cleanup_fd int fd = -1;
	struct error err = { 0 };
	uint32_t bytes[4096];
	ssize_t size;

	add(&state, "web", "192.168.7.9");
	assert_int_equal(state_save(&state, &err), 0);
	fd = openat(state.dir, "state", O_RDONLY);
	size = read(fd, bytes, sizeof(bytes));
	assert_true(size > (ssize_t)sizeof(struct vm_record));
	next.dir = state.dir;
	for (size_t i = WORD_MAGIC; i <= WORD_VMS; i++) {
		const uint32_t good = bytes[i];

		if (i == WORD_LAST_ID)
			continue;
		bytes[i] ^= 0x10000;
		write_state(state.dir, bytes, (size_t)size);
		assert_int_equal(state_load(&next, &err), 0);
		assert_null(next.vms);
		assert_int_equal(next.uplinks.count, 0);
		bytes[i] = good;
	}
	write_state(state.dir, bytes, 7);
	assert_int_equal(state_load(&next, &err), 0);
	write_state(state.dir, bytes, 0);
	assert_int_equal(state_load(&next, &err), 0);
	assert_null(next.vms);
	/* No service leaves a file that lacks its end. */
	write_state(state.dir, bytes, (size_t)size - 1);
	assert_int_equal(state_load(&next, &err), -EIO);
	assert_null(next.vms);

	assert_int_equal(unlinkat(state.dir, "state", 0), 0);
	assert_int_equal(state_load(&next, &err), 0);
	assert_int_equal(symlinkat("/etc/passwd", state.dir, "state"), 0);
	assert_int_equal(state_load(&next, &err), -ELOOP);
	/* Saving replaces the link. */
	assert_int_equal(state_save(&state, &err), 0);
	assert_int_equal(state_load(&next, &err), 0);
	assert_non_null(next.vms);
	vm_free(next.vms);
	state_close(&state);
}

static void test_other_version(void **state)
{
	namespace_test(other_version);
}

/* A state that cannot be written leaves the one before. */
static void no_room(void)
{
	const struct rlimit none = { 0, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct state state = open_state(), next = { .dir = -1 };
	struct error err = { 0 };

	add(&state, "web", "192.168.7.9");
	assert_int_equal(state_save(&state, &err), 0);
	add(&state, "more", "192.168.7.10");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(state_save(&state, &err), -EFBIG);
	assert_string_equal(err.message, "cannot write the state in '/run/vmrun': File too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(faccessat(state.dir, "state.new", F_OK, 0), -1);
	next.dir = state.dir;
	assert_int_equal(state_load(&next, &err), 0);
	assert_string_equal(next.vms->record.attach.name, "web");
	assert_null(next.vms->next);
	vm_free(next.vms);
	state_close(&state);
	/* A process without rights has no file. */
	assert_int_equal(state_save(&state, &err), 0);
}

static void test_no_room(void **state)
{
	namespace_test(no_room);
}

static const char *leaf;

static void refuse(const char *script, int ret)
{
	struct state state = { .dir = -1 };
	const unsigned int before = namespace_count_fds();
	struct error err = { 0 };
	char command[512];

	snprintf(command, sizeof(command), "rm -rf /run/vmrun /run/elsewhere; D=%s; %s", leaf,
		 script);
	assert_int_equal(namespace_run(command), 0);
	if (state_open(&state, NULL, &err) != ret)
		fail_msg("%s: %s", script, err.message);
	assert_int_equal(err.code, -ret);
	assert_non_null(strstr(err.message, "'/run/vmrun"));
	assert_int_equal(state.dir, -1);
	assert_int_equal(namespace_count_fds(), before);
}

/* A directory that another user could change is not used. */
static void refused(void)
{
	char path[NETNS_DIR_SIZE];
	struct error err;

	assert_int_equal(netns_dir(path, &err), 0);
	leaf = path;
	refuse("mkdir -m 777 /run/vmrun && chmod 777 /run/vmrun", -EPERM);
	refuse("mkdir /run/vmrun && chmod 770 /run/vmrun", -EPERM);
	refuse("mkdir /run/vmrun && chown 4242 /run/vmrun", -EPERM);
	refuse("mkdir -p $D && chmod 777 $D", -EPERM);
	refuse("mkdir -p $D && chown 4242 $D", -EPERM);
	refuse("touch /run/vmrun", -ENOTDIR);
	refuse("mkdir /run/vmrun && touch $D", -ENOTDIR);
	refuse("mkdir /run/elsewhere && ln -s elsewhere /run/vmrun", -ENOTDIR);
	refuse("mkdir /run/vmrun /run/elsewhere && ln -s ../elsewhere $D", -ENOTDIR);
	/* Readable for others is not open to them. */
	assert_int_equal(namespace_run("rm -rf /run/vmrun; mkdir -m 755 /run/vmrun"), 0);
	state_close(&(struct state){ .dir = open_state().dir });
}

static void test_refused(void **state)
{
	namespace_test(refused);
}

/* Starts another service, which @run serves and ends. */
static pid_t other_service(void (*run)(struct state *state))
{
	int ready[2];
	char octet;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct state state = { .dir = -1 };
		struct error err;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (state_open(&state, NULL, &err) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		run(&state);
		state_close(&state);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	return child;
}

static void wait_ms(int milliseconds)
{
	nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000L }, NULL);
}

/* Listens late, and greets one client. */
static void listen_late(struct state *state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char path[NETNS_DIR_SIZE];
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), client;
	struct error err;

	wait_ms(100);
	netns_dir(path, &err);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/netsetup.sock", path);
	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(listener, 8) < 0)
		_exit(2);
	client = accept(listener, NULL, NULL);
	if (client < 0 || send(client, "hello", 5, MSG_NOSIGNAL) != 5)
		_exit(3);
}

static void end_soon(struct state *state)
{
	wait_ms(200);
}

static void serve_for_ever(struct state *state)
{
	pause();
}

/* One service for each namespace: the second one gets a connection to the first. */
static void locked(void)
{
	struct state state = { .dir = -1 };
	struct error err = { 0 };
	char greeting[8];
	int other = -1;
	pid_t child = other_service(listen_late);

	assert_int_equal(state_open(&state, NULL, &err), -EAGAIN);
	assert_string_equal(err.message, "another vmrun-netsetup serves this network namespace");
	assert_int_equal(state_open(&state, &other, &err), -EAGAIN);
	assert_true(other >= 0);
	assert_int_equal(fcntl(other, F_GETFD), FD_CLOEXEC);
	assert_int_equal(recv(other, greeting, sizeof(greeting), 0), 5);
	close(other);
	assert_int_equal(namespace_wait(child), 0);
	assert_int_equal(state.dir, -1);

	/* The other one ends meanwhile, and removes its directory. */
	child = other_service(end_soon);
	other = -1;
	assert_int_equal(state_open(&state, &other, &err), 0);
	assert_int_equal(other, -1);
	assert_int_equal(namespace_wait(child), 0);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), 0);
	state_close(&state);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);

	/* It neither listens nor ends. */
	child = other_service(serve_for_ever);
	assert_int_equal(state_open(&state, &other, &err), -EAGAIN);
	assert_int_equal(other, -1);
	/* A killed one leaves its directory, and no lock. */
	namespace_kill(child);
	assert_int_equal(state_open(&state, &other, &err), 0);
	state_close(&state);
}

static void test_locked(void **state)
{
	namespace_test(locked);
}

/* Comes and goes many times; returns false if it was not alone once. */
static bool alone(void)
{
	struct error err;
	bool ever = true;

	for (int i = 0; i < 300; i++) {
		struct state state = { .dir = -1 };

		while (state_open(&state, NULL, &err) == -EAGAIN)
			continue;
		if (state.dir < 0) {
			print_error("%s\n", err.message);
			return false;
		}
		ever = ever && mkdirat(state.dir, "alone", 0700) == 0;
		ever = ever && faccessat(state.dir, "alone", F_OK, 0) == 0;
		ever = ever && unlinkat(state.dir, "alone", AT_REMOVEDIR) == 0;
		state_close(&state);
	}
	return ever;
}

/* Services that begin while others end have the directory by turns, never one that is removed. */
static void turns(void)
{
	pid_t children[2];

	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(alone() ? 0 : 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++)
		assert_int_equal(namespace_wait(children[i]), 0);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_turns(void **state)
{
	namespace_test(turns);
}

/* A record is one of a VM's user, name and card; dry runs do not count. */
static void test_find_other(void **unused)
{
	struct state state = { .dir = -1 };
	struct vm *web = add(&state, "web", "192.168.7.9");
	struct vm *other = add(&state, "web", "192.168.7.10");

	assert_ptr_equal(state_find_other(&state, web), other);
	other->record.attach.card = 1;
	assert_null(state_find_other(&state, web));
	other->record.attach.card = 0;
	other->record.attach.owner = 4242;
	assert_null(state_find_other(&state, web));
	other->record.attach.owner = 0;
	other->record.attach.dry_run = 1;
	assert_null(state_find_other(&state, web));
	assert_ptr_equal(state_find_other(&state, other), web);
	strcpy(other->record.attach.name, "web2");
	other->record.attach.dry_run = 0;
	assert_null(state_find_other(&state, web));
	/* From the middle and the end of the list, and one that is not in it. */
	state_remove(&state, web);
	assert_null(state_find(&state, web->record.id));
	state_remove(&state, web);
	assert_ptr_equal(state.vms, other);
	vm_free(web);
	state_close(&state);
	assert_null(state.vms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_and_goes), cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_saved),          cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_other_sizes),    cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_refused),        cmocka_unit_test(test_locked),
		cmocka_unit_test(test_turns),          cmocka_unit_test(test_find_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tests leases: live, dead, garbage and unreadable ones.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "netsetup/kernel/netns.h"
#include "netsetup/lease/lease.h"
#include "netsetup/lease/lease_dir.h"
#include "tests/unit/support/namespace.h"

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static struct lease make_lease(const char *name)
{
	struct lease lease = { .fd = -1,
			       .record = { .magic = LEASE_MAGIC,
					   .launcher = 4711,
					   .uplink = "e0",
					   .ifindex = 7,
					   .addresses = { address("192.168.7.9") },
					   .address_count = 1 } };

	snprintf(lease.record.name, sizeof(lease.record.name), "%s", name);
	ifname_of_tap(name, lease.record.tap);
	return lease;
}

static int lock(void)
{
	struct error err = { 0 };
	int dir = lease_dir_lock(true, &err);

	assert_true(dir >= 0);
	return dir;
}

/* Starts a process that holds a lease until it is killed. */
static pid_t holder(const char *name)
{
	int ready[2];
	char octet;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct lease lease = make_lease(name);
		struct error err;
		int dir;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		dir = lease_dir_lock(true, &err);
		if (dir < 0 || lease_take(dir, &lease, &err) < 0)
			_exit(1);
		lease_dir_unlock(dir);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	return child;
}

static void whole_life(void)
{
	cleanup_free struct found_lease *found = NULL;
	struct lease lease = make_lease("web");
	unsigned int before = namespace_count_fds();
	struct error err = { 0 };
	size_t count = 0;
	int dir = lock();

	lease.record.address_count = 3;
	assert_int_equal(lease_take(dir, &lease, &err), 0);
	assert_int_equal(fcntl(lease.fd, F_GETFD), FD_CLOEXEC);
	lease.record.address_count = 1;
	lease.record.addresses[0] = address("192.168.7.10");
	assert_int_equal(lease_update(dir, &lease, &err), 0);
	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_true(found[0].alive);
	assert_memory_equal(&found[0].record, &lease.record, sizeof(lease.record));
	/* Unlocking ends the lock; the lease stays, and the next caller finds it. */
	lease_dir_unlock(dir);
	dir = lock();
	lease_drop(dir, &lease);
	assert_int_equal(lease.fd, -1);
	lease_drop(dir, &lease);
	free(take_ptr(&found));
	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, 0);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
	assert_int_equal(namespace_count_fds(), before);
}

static void test_whole_life(void **state)
{
	namespace_test(whole_life);
}

/* The error of the second VM has the first one's pid and address, and the first lease stays. */
static void taken(void)
{
	struct lease first = make_lease("web"), second = make_lease("web"), other;
	struct error err = { 0 };
	int dir = lock();

	assert_int_equal(lease_take(dir, &first, &err), 0);
	second.record.launcher = 1;
	second.record.addresses[0] = address("192.168.7.99");
	assert_int_equal(lease_take(dir, &second, &err), -EEXIST);
	assert_int_equal(second.fd, -1);
	assert_int_equal(err.code, EEXIST);
	assert_string_equal(err.message, "VM 'web' is already running: pid 4711, 192.168.7.9");
	assert_non_null(strstr(err.remedy, "kill 4711"));
	lease_drop(dir, &second);

	first.record.address_count = 4;
	first.record.launcher = 0;
	assert_int_equal(lease_update(dir, &first, &err), 0);
	assert_int_equal(lease_take(dir, &second, &err), -EEXIST);
	assert_string_equal(err.message, "VM 'web' is already running: pid 0, no address yet");
	assert_null(strstr(err.remedy, "kill"));

	/* The VM of another user: nothing that this user could stop. */
	second.record.owner = first.record.owner + 1;
	first.record.launcher = 4711;
	assert_int_equal(lease_update(dir, &first, &err), 0);
	assert_int_equal(lease_take(dir, &second, &err), -EEXIST);
	assert_string_equal(err.message,
			    "VM 'web' is already running: pid 4711, no address yet, user 0");
	assert_null(strstr(err.remedy, "kill"));
	assert_non_null(strstr(err.remedy, "getent passwd 0"));

	/* A name is not the beginning of another name. */
	other = make_lease("web2");
	assert_int_equal(lease_take(dir, &other, &err), 0);
	lease_drop(dir, &other);
	assert_int_equal(lease_take(dir, &second, &err), -EEXIST);
	lease_drop(dir, &first);
	assert_int_equal(lease_take(dir, &second, &err), 0);
	lease_drop(dir, &second);
	lease_dir_unlock(dir);
}

static void test_taken(void **state)
{
	namespace_test(taken);
}

/* A lease is live while its holder lives; after the kill it is dead and can be taken. */
static void killed(void)
{
	cleanup_free struct found_lease *found = NULL;
	struct lease lease = make_lease("web");
	struct error err = { 0 };
	size_t count = 0;
	pid_t child = holder("web");
	int dir = lock();

	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_true(found[0].alive);
	assert_int_equal(lease_take(dir, &lease, &err), -EEXIST);
	namespace_kill(child);
	free(take_ptr(&found));
	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_false(found[0].alive);
	assert_string_equal(found[0].record.name, "web");
	assert_int_equal(lease_take(dir, &lease, &err), 0);
	free(take_ptr(&found));
	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_true(found[0].alive);
	lease_drop(dir, &lease);
	lease_dir_unlock(dir);
}

static void test_killed(void **state)
{
	namespace_test(killed);
}

static void write_record(int dir, const char *file, const void *data, size_t size)
{
	cleanup_fd int fd = openat(dir, file, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

/* None of these files is a lease, and each can be replaced by one of its name. */
static void garbage(void)
{
	struct lease_record good = make_lease("web").record, bad;
	struct error err = { 0 };
	int dir = lock();

	for (int kind = 0; kind < 13; kind++) {
		cleanup_free struct found_lease *found = NULL;
		struct lease lease = make_lease("web");
		size_t size = sizeof(bad), count = 99;

		bad = good;
		if (kind == 0)
			size = 0;
		else if (kind == 1)
			size = sizeof(bad) - 1;
		else if (kind == 2)
			bad.magic ^= 1;
		else if (kind == 3)
			memset(bad.name, 'a', sizeof(bad.name));
		else if (kind == 4)
			memset(bad.uplink, 'a', sizeof(bad.uplink));
		else if (kind == 5)
			memset(bad.tap, 'a', sizeof(bad.tap));
		else if (kind == 6)
			bad.address_count = PROBE_BATCH_MAX + 1;
		else if (kind == 7)
			strcpy(bad.name, "../web");
		else if (kind == 8)
			strcpy(bad.uplink, "../x");
		else if (kind == 9)
			bad.tap[0] = '\0';
		write_record(dir, "lease-web", &bad, size);
		if (kind >= 10)
			assert_int_equal(unlinkat(dir, "lease-web", 0), 0);
		if (kind == 10)
			assert_int_equal(mkfifoat(dir, "lease-web", 0600), 0);
		if (kind == 11)
			assert_int_equal(symlinkat("elsewhere", dir, "lease-web"), 0);
		if (kind == 12)
			write_record(dir, "leaseweb", &good, sizeof(good));
		assert_int_equal(lease_list(dir, &found, &count, &err), 0);
		if (count != 0)
			fail_msg("kind %d", kind);
		assert_int_equal(lease_take(dir, &lease, &err), 0);
		lease_drop(dir, &lease);
	}
	assert_int_equal(unlinkat(dir, "leaseweb", 0), 0);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_garbage(void **state)
{
	namespace_test(garbage);
}

/* A live lease that cannot be opened is an error: otherwise its address would be given away. */
static void no_descriptors(void)
{
	struct lease lease = make_lease("web"), same = make_lease("web");
	unsigned int errors = 0;
	struct error err = { 0 };
	int dir = lock();

	assert_int_equal(lease_take(dir, &lease, &err), 0);
	for (rlim_t limit = (rlim_t)lease.fd + 1; limit < (rlim_t)lease.fd + 6; limit++) {
		cleanup_free struct found_lease *found = NULL;
		const struct rlimit few = { limit, 1024 };
		size_t count = 0;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		if (lease_list(dir, &found, &count, &err) == 0) {
			assert_int_equal(count, 1);
			assert_true(found[0].alive);
		} else {
			assert_int_equal(err.code, EMFILE);
			errors++;
		}
		assert_true(lease_take(dir, &same, &err) < 0);
		assert_true(err.code == EMFILE || err.code == EEXIST);
	}
	assert_true(errors >= 2);
	lease_drop(dir, &lease);
	lease_dir_unlock(dir);
}

static void test_no_descriptors(void **state)
{
	namespace_test(no_descriptors);
}

/* Lists several leases with the longest names. */
static void many(void)
{
	cleanup_free struct found_lease *found = NULL;
	struct lease leases[20];
	struct error err = { 0 };
	size_t count = 0;
	int dir = lock();

	for (size_t i = 0; i < ARRAY_SIZE(leases); i++) {
		char name[VM_NAME_SIZE];

		snprintf(name, sizeof(name), "%0*zu", VM_NAME_SIZE - 1, i);
		leases[i] = make_lease(name);
		assert_int_equal(lease_take(dir, &leases[i], &err), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(leases); i += 2) {
		/* The death of a holder does the same. */
		close(leases[i].fd);
		leases[i].fd = -1;
	}
	assert_int_equal(lease_list(dir, &found, &count, &err), 0);
	assert_int_equal(count, ARRAY_SIZE(leases));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(found[i].alive, atoi(found[i].record.name) % 2);
	for (size_t i = 0; i < count; i++)
		lease_remove(dir, &found[i].record);
	lease_dir_unlock(dir);
	assert_int_equal(access(NETNS_RUN_DIR, F_OK), -1);
}

static void test_many(void **state)
{
	namespace_test(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life), cmocka_unit_test(test_taken),
		cmocka_unit_test(test_killed),     cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_many),       cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

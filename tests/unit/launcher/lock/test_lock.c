// SPDX-License-Identifier: GPL-2.0-or-later
// Tests that a lock has a text for each locked value.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "launcher/definition/keys.h"
#include "launcher/lock/lock.h"

/* Returns the keys of a mapping, or of the mappings in a list. */
static const struct keys *keys_inside(const struct key *key)
{
	const struct list *list = key->constraint;

	return key->type->node_kinds & NODE_MAPPING ? key->constraint : list->constraint;
}

/* Returns the number of locked keys. */
static unsigned int check_keys(struct lock *lock, const struct keys *keys)
{
	unsigned int count = 0;

	for (size_t i = 0; i < keys->count; i++) {
		const struct pinned pinned = { .pin = keys->keys[i].pin, .key = &keys->keys[i] };

		if (pinned.pin == PIN_KEYS)
			count += check_keys(lock, keys_inside(pinned.key));
		if (pinned.pin < PIN_FIRST)
			continue;
		if (!lock_slot(lock, &pinned))
			fail_msg("a lock has no text for '%s'", pinned.key->name);
		count++;
	}
	return count;
}

/* Fails for a new key that is locked and has no text. */
static void test_each_key_has_a_text(void **state)
{
	struct lock lock = { 0 };
	struct lock_item item;
	unsigned int count = 0;

	assert_int_equal(check_keys(&lock, &keys_definition), 13);
	while (lock_item(&lock, count, &item))
		count++;
	/* The other two are for the definition's file and the UEFI variables. */
	assert_int_equal(count, 13 + 2);
}

static void test_slot(void **state)
{
	const struct key key = { .name = "initrd" };
	struct lock lock = { 0 };

	assert_ptr_equal(lock_slot(&lock, &(struct pinned){ PIN_FILE, &key, NULL, 0 }),
			 &lock.initrd);
	assert_ptr_equal(lock_slot(&lock, &(struct pinned){ PIN_FIRMWARE, &key, NULL, 0 }),
			 &lock.firmware);
	assert_ptr_equal(lock_slot(&lock, &(struct pinned){ PIN_IMAGE, &key, NULL, 3 }),
			 &lock.disks[3].image);
	assert_int_equal(lock.disk_count, 4);
	assert_null(lock_slot(&lock, &(struct pinned){ PIN_UNLOCKED, &key, NULL, 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_key_has_a_text),
		cmocka_unit_test(test_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

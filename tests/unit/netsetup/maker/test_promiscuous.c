// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the list of drivers that hide ARP requests.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netsetup/maker/promiscuous.h"

static void test_drivers(void **state)
{
	assert_true(promiscuous_driver("brcmfmac"));
	assert_true(promiscuous_driver("bcmdhd"));
	assert_true(promiscuous_driver("wl"));

	assert_false(promiscuous_driver("iwlwifi"));
	assert_false(promiscuous_driver("ath11k_pci"));
	assert_false(promiscuous_driver("brcmsmac"));
	/* Whole names only. */
	assert_false(promiscuous_driver("brcmfmac2"));
	assert_false(promiscuous_driver("brcm"));
	assert_false(promiscuous_driver("w"));
	assert_false(promiscuous_driver(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

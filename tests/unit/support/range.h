// SPDX-License-Identifier: GPL-2.0-or-later
// Names the assertion of a range as cmocka 2 does, which deprecates the name of cmocka 1.
#ifndef TESTS_UNIT_SUPPORT_RANGE_H
#define TESTS_UNIT_SUPPORT_RANGE_H

#include <cmocka.h>

#ifndef assert_uint_in_range
#define assert_uint_in_range assert_in_range
#endif

#endif

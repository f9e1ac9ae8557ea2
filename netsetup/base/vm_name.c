// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of VMs.
#include "netsetup/base/vm_name.h"

#include <string.h>

bool vm_name_valid(const char *name)
{
	size_t length = strnlen(name, VM_NAME_SIZE);

	if (length == 0 || length >= VM_NAME_SIZE)
		return false;
	if (name[0] == '-' || name[length - 1] == '-')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

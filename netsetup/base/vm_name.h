// SPDX-License-Identifier: GPL-2.0-or-later
// Checks names of VMs.
#ifndef NETSETUP_BASE_VM_NAME_H
#define NETSETUP_BASE_VM_NAME_H

#include <stdbool.h>

/* A VM's name with its NUL: a hostname label, RFC 1123 section 2.1, lower case. */
#define VM_NAME_SIZE 64

/* vm_name_valid() - true if the name has 1 to 63 of [a-z0-9-] and no '-' at either end. */
bool vm_name_valid(const char *name);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Describes a running VM: state, QEMU process and the owner's callbacks.
#include "launcher/run/vm.h"

#include <stdarg.h>
#include <stdio.h>

const char *vm_state_name(enum vm_state state)
{
	switch (state) {
	case VM_STARTING:
		return "starting";
	case VM_RUNNING:
		return "running";
	case VM_POWERING_DOWN:
		return "powering down";
	case VM_QUITTING:
		return "quitting";
	case VM_KILLING:
		return "killing";
	case VM_GONE:
		return "gone";
	}
	return "unknown";
}

void vm_logf(struct vm *vm, enum vm_log level, const char *format, ...)
{
	char text[ERROR_MESSAGE_SIZE];
	va_list args;

	if (!vm->ops->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vm->ops->log(vm, level, text);
}

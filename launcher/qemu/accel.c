// SPDX-License-Identifier: GPL-2.0-or-later
// Chooses the accelerator: kvm if it works on this host, else tcg.
#include "launcher/qemu/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <pwd.h>
#include <string.h>
#include <sys/ioctl.h>

#include "netsetup/base/cleanup.h"

/* The only valid version; Documentation/virt/kvm/api.rst, section 4.1. */
#define KVM_API_STABLE 12

/* The QEMU targets that kvm can run on a host of this architecture; NULL-terminated. */
#if defined(__x86_64__)
static const char *const native_targets[] = { "x86_64", "i386", NULL };
#elif defined(__aarch64__)
static const char *const native_targets[] = { "aarch64", NULL };
#elif defined(__powerpc64__)
static const char *const native_targets[] = { "ppc64", NULL };
#elif defined(__s390x__)
static const char *const native_targets[] = { "s390x", NULL };
#elif defined(__riscv) && __riscv_xlen == 64
static const char *const native_targets[] = { "riscv64", NULL };
#else
static const char *const native_targets[] = { NULL };
#endif

/* Accepts a binary with another name ("kvm", "qemu-kvm") as a native one. */
static int check_target(const char *binary, struct error *err)
{
	static const char prefix[] = "qemu-system-";
	const char *slash = strrchr(binary, '/');
	const char *name = slash ? slash + 1 : binary;

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return 0;
	for (const char *const *target = native_targets; *target; target++) {
		if (!strcmp(name + strlen(prefix), *target))
			return 0;
	}
	error_setf(err, STATUS_FAILURE, ENOTSUP,
		   "cannot use kvm: '%s' is for another kind of machine than this one", name);
	error_remedy(err, "set 'machine.accel: tcg', or 'auto'");
	return -ENOTSUP;
}

#if defined(__x86_64__)
/* Returns true if a line of cpuinfo lists flags, and 'vmx' or 'svm' is one of them. */
static bool line_virtualizes(char *line)
{
	char *save = NULL;

	if (strncmp(line, "flags", 5) != 0)
		return false;
	for (char *word = strtok_r(line, " \t\n:", &save); word;
	     word = strtok_r(NULL, " \t\n:", &save)) {
		if (!strcmp(word, "vmx") || !strcmp(word, "svm"))
			return true;
	}
	return false;
}

/*
 * If the CPU has neither flag, /dev/kvm may exist and answer but fail to run an ordinary kernel.
 * This happens in a VM whose hypervisor does not offer nested virtualization.
 */
static int check_cpu(const char *root, struct error *err)
{
	cleanup_file FILE *file = NULL;
	cleanup_free char *line = NULL;
	char path[PATH_MAX];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
	file = fopen(path, "re");
	if (!file)
		return error_set_errno(err, errno, "cannot open '%s'", path);

	while (getline(&line, &size, file) >= 0) {
		if (line_virtualizes(line))
			return 0;
	}
	error_setf(err, STATUS_FAILURE, ENOTSUP,
		   "cannot use kvm: this machine's CPU shows neither 'vmx' nor 'svm'");
	error_remedy(err, "switch virtualization on in the machine's firmware (inside a virtual "
			  "machine: nested virtualization), or set 'machine.accel: tcg'");
	return -ENOTSUP;
}
#else
static int check_cpu(const char *root, struct error *err)
{
	return 0;
}
#endif

static void remedy_open(int code, struct error *err)
{
	const struct passwd *user;

	if (code == EACCES || code == EPERM) {
		user = getpwuid(getuid());
		error_remedy(err,
			     "add yourself to group 'kvm' and log in again: "
			     "sudo usermod -aG kvm %s",
			     user ? user->pw_name : "$USER");
	} else if (code == ENOENT || code == ENODEV) {
		error_remedy(err, "load the kernel's module: sudo modprobe kvm_intel (or kvm_amd)");
	}
}

/* Opens the device and creates an empty machine, as QEMU does first. */
static int check_device(const char *root, struct error *err)
{
	char path[PATH_MAX];
	cleanup_fd int fd = -1;
	cleanup_fd int machine = -1;
	int version;

	snprintf(path, sizeof(path), "%s/dev/kvm", root);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int code = errno;

		error_set_errno(err, code, "cannot open '%s'", path);
		remedy_open(code, err);
		return -code;
	}

	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return error_set_errno(err, errno, "cannot use '%s'", path);
	if (version != KVM_API_STABLE)
		return error_setf(err, STATUS_FAILURE, ENOTSUP,
				  "cannot use '%s': its API version is %d, not %d", path, version,
				  KVM_API_STABLE);

	do {
		machine = ioctl(fd, KVM_CREATE_VM, 0);
	} while (machine < 0 && errno == EINTR);
	if (machine < 0) {
		int code = errno;

		error_set_errno(err, code, "cannot create a virtual machine by '%s'", path);
		if (code == EBUSY)
			error_remedy(err, "another hypervisor, such as VirtualBox, holds the CPU's "
					  "virtualization: stop its machines");
		return -code;
	}
	return 0;
}

static int check_kvm(const char *binary, const char *root, struct error *err)
{
	int ret = check_target(binary, err);

	if (!ret)
		ret = check_cpu(root, err);
	if (!ret)
		ret = check_device(root, err);
	return ret;
}

int accel_resolve(enum accel wanted, const char *binary, const char *root, enum accel *accel,
		  struct error *err)
{
	struct error ignored;
	int ret;

	switch (wanted) {
	case ACCEL_AUTO:
		*accel = check_kvm(binary, root, &ignored) ? ACCEL_TCG : ACCEL_KVM;
		return 0;
	case ACCEL_KVM:
		ret = check_kvm(binary, root, err);
		if (!ret)
			*accel = ACCEL_KVM;
		return ret;
	case ACCEL_TCG:
		*accel = ACCEL_TCG;
		return 0;
	}
	return error_setf(err, STATUS_FAILURE, EINVAL, "unknown accelerator %d", (int)wanted);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// What doctor looks at of the machine: QEMU, KVM, the user's directories, the clock.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "launcher/accel.h"
#include "launcher/checkup.h"
#include "launcher/qemu_identity.h"
#include "launcher/xdg.h"
#include "netsetup/cleanup.h"

/* What a definition has when it says nothing else. */
#define QEMU    "qemu-system-x86_64"
#define MACHINE "q35"

/* An image of a system and what its guest writes soon. */
#define SPACE_MIB 2048

enum grade checkup_say(struct error *said, enum grade grade, const char *format, ...)
{
	char message[ERROR_MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error_say(said, STATUS_FAILURE, EIO, "%s", message);
	return grade;
}

enum grade checkup_qemu(struct checkup *checkup, struct error *said)
{
	struct qemu_identity identity;
	struct error err = { 0 };

	if (qemu_identify(QEMU, MACHINE, &identity, &err) < 0) {
		*said = err;
		if (!said->remedy[0])
			error_remedy(said, "sudo apt-get install qemu-system-x86");
		return GRADE_FAIL;
	}
	return checkup_say(said, GRADE_OK, "QEMU %s, %s", identity.version, identity.machine);
}

enum grade checkup_kvm(struct checkup *checkup, struct error *said)
{
	enum accel accel;

	if (accel_resolve(ACCEL_KVM, QEMU, "", &accel, said) == 0)
		return checkup_say(said, GRADE_OK, "/dev/kvm makes machines");
	error_remedy(said, "without it VMs run some ten times slower");
	return GRADE_WARN;
}

/* The directory, or the nearest one above it that there is. */
static void find_existing(char *path)
{
	while (access(path, F_OK) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			break;
		*slash = '\0';
	}
}

static enum grade check_directory(enum xdg_kind kind, unsigned long least, struct error *said)
{
	cleanup_free char *path = NULL;
	struct statvfs space;
	unsigned long free_mib;

	if (xdg_dir(kind, NULL, &path, said) < 0)
		return GRADE_FAIL;
	find_existing(path);
	if (access(path, W_OK | X_OK) < 0) {
		error_set(said, errno, "cannot write to '%s'", path);
		error_remedy(said, "sudo chown %u '%s'", (unsigned int)getuid(), path);
		return GRADE_FAIL;
	}
	if (statvfs(path, &space) < 0)
		return checkup_say(said, GRADE_WARN, "cannot tell how much room '%s' has", path);
	free_mib = (unsigned long)((uint64_t)space.f_bavail * space.f_frsize >> 20);
	if (free_mib >= least)
		return checkup_say(said, GRADE_OK, "%lu %s free in %s",
				   free_mib >= 10240 ? free_mib / 1024 : free_mib,
				   free_mib >= 10240 ? "GiB" : "MiB", path);
	checkup_say(said, GRADE_WARN, "only %lu MiB free in '%s'", free_mib, path);
	error_remedy(said, "make room there: df -h '%s'", path);
	return GRADE_WARN;
}

enum grade checkup_data(struct checkup *checkup, struct error *said)
{
	return check_directory(XDG_DATA, SPACE_MIB, said);
}

enum grade checkup_cache(struct checkup *checkup, struct error *said)
{
	return check_directory(XDG_CACHE, SPACE_MIB, said);
}

enum grade checkup_runtime(struct checkup *checkup, struct error *said)
{
	return check_directory(XDG_RUNTIME, 1, said);
}

/* A clock from before this program was made: images from the web would have certificates of a future. */
enum grade checkup_clock(struct checkup *checkup, struct error *said)
{
	struct stat self;
	char text[32];
	struct tm tm;
	const time_t now = time(NULL);

	if (!localtime_r(&now, &tm) || !strftime(text, sizeof(text), "%F %R", &tm))
		text[0] = '\0';
	if (stat("/proc/self/exe", &self) < 0 || now >= self.st_mtime)
		return checkup_say(said, GRADE_OK, "%s", text);
	checkup_say(said, GRADE_WARN, "the clock is from before vmrun was installed: %s", text);
	error_remedy(said, "no download by https will succeed: sudo timedatectl set-ntp true");
	return GRADE_WARN;
}

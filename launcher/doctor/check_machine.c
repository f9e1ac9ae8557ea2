// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the machine: QEMU, KVM, directories and the clock.
#include "launcher/doctor/check_machine.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/xdg.h"
#include "launcher/qemu/accel.h"
#include "launcher/qemu/qemu_probe.h"
#include "netsetup/base/cleanup.h"

/* What a definition has when it says nothing else. */
#define QEMU    "qemu-system-x86_64"
#define MACHINE "q35"

/* An image of a system and what its guest writes soon. */
#define SPACE_MIB 2048

/* Those below are the system's own. */
#define FIRST_USER 1000

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

/* Cuts the path after the first directory that lets the user not into it, if there is one. */
static void find_barred(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		bool barred;

		*slash = '\0';
		barred = access(path, X_OK) < 0 && errno == EACCES;
		if (barred)
			return;
		*slash = '/';
	}
}

/* Whether it is the user's own home or below it. Accounts of the system may live in /usr. */
static bool is_at_home(const char *path)
{
	const char *home = xdg_home();
	const size_t length = home ? strlen(home) : 0;

	return getuid() >= FIRST_USER && length > 1 && !strncmp(path, home, length) &&
	       (path[length] == '\0' || path[length] == '/');
}

/* Only what is the user's is given to the user; above that, a directory is made there. */
static enum grade refuse_directory(char *there, const char *wanted, int code, struct error *said)
{
	const unsigned int uid = (unsigned int)getuid();

	if (code == EACCES)
		find_barred(there);
	error_set(said, code, "cannot write to '%s'", there);
	if (code == EROFS)
		error_remedy(said, "its file system is mounted read-only: findmnt -T '%s'", there);
	else if (code == EACCES && (!strcmp(there, wanted) || is_at_home(there)))
		error_remedy(said, "sudo chown %u '%s'", uid, there);
	else
		error_remedy(said, "sudo install -d -o %u '%s'", uid, wanted);
	return GRADE_FAIL;
}

static enum grade check_directory(enum xdg_kind kind, unsigned long least, struct error *said)
{
	cleanup_free char *wanted = NULL;
	cleanup_free char *path = NULL;
	struct statvfs space;
	unsigned long free_mib;

	if (xdg_dir(kind, NULL, &wanted, said) < 0)
		return GRADE_FAIL;
	path = strdup(wanted);
	if (!path) {
		error_set(said, ENOMEM, "cannot look at '%s'", wanted);
		return GRADE_FAIL;
	}
	find_existing(path);
	if (access(path, W_OK | X_OK) < 0)
		return refuse_directory(path, wanted, errno, said);
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

/* With a clock before this program's release, certificates of image servers are not yet valid. */
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

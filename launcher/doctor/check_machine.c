// SPDX-License-Identifier: GPL-2.0-or-later
// Checks the machine: QEMU, KVM, Linux, directories, the clock and Landlock.
#include "launcher/doctor/check_machine.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/xdg.h"
#include "launcher/qemu/accel.h"
#include "launcher/qemu/qemu_probe.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ruleset.h"

/* The defaults of a definition. */
#define QEMU    "qemu-system-x86_64"
#define MACHINE "q35"

/* Room for one image and the first writes of its guest. */
#define SPACE_MIB 2048

/* Lower uids belong to system accounts. */
#define FIRST_USER 1000

enum severity check_machine_qemu(struct check *check, struct error *finding)
{
	struct qemu_probe_result probed;
	struct error err = { 0 };

	if (qemu_probe(QEMU, MACHINE, &probed, &err) < 0) {
		*finding = err;
		if (!finding->remedy[0])
			error_remedy(finding, "sudo apt-get install qemu-system-x86");
		return SEVERITY_FAIL;
	}
	return check_finding(finding, SEVERITY_OK, "QEMU %s, %s", probed.version, probed.machine);
}

enum severity check_machine_kvm(struct check *check, struct error *finding)
{
	enum accel accel;

	if (accel_resolve(ACCEL_KVM, QEMU, "", &accel, finding) == 0)
		return check_finding(finding, SEVERITY_OK, "/dev/kvm can make VMs");
	error_remedy(finding, "without KVM, VMs run about ten times slower");
	return SEVERITY_WARN;
}

/* Cuts the path to the directory itself or its nearest ancestor that exists. */
static void find_existing(char *path)
{
	while (access(path, F_OK) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			break;
		*slash = '\0';
	}
}

/* Cuts the path after the first directory that the user may not search, if any. */
static void find_denied(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		bool denied;

		*slash = '\0';
		denied = access(path, X_OK) < 0 && errno == EACCES;
		if (denied)
			return;
		*slash = '/';
	}
}

/* True for the user's home and below; false for system accounts, whose home may be in /usr. */
static bool is_in_home(const char *path)
{
	const char *home = xdg_home();
	const size_t length = home ? strlen(home) : 0;

	return getuid() >= FIRST_USER && length > 1 && !strncmp(path, home, length) &&
	       (path[length] == '\0' || path[length] == '/');
}

/* Suggests chown only for the user's own directories; elsewhere it suggests to make a new one. */
static enum severity report_directory(char *path, const char *wanted, int code,
				      struct error *finding)
{
	const unsigned int uid = (unsigned int)getuid();

	if (code == EACCES)
		find_denied(path);
	error_set_errno(finding, code, "cannot write to '%s'", path);
	if (code == EROFS)
		error_remedy(finding, "its file system is mounted read-only: findmnt -T %s",
			     ARGV_WORD(path));
	else if (code == EACCES && (!strcmp(path, wanted) || is_in_home(path)))
		error_remedy(finding, "sudo chown %u %s", uid, ARGV_WORD(path));
	else
		error_remedy(finding, "sudo install -d -o %u %s", uid, ARGV_WORD(wanted));
	return SEVERITY_FAIL;
}

static enum severity check_directory(enum xdg_kind kind, unsigned long least, struct error *finding)
{
	cleanup_free char *wanted = NULL;
	cleanup_free char *path = NULL;
	struct statvfs space;
	unsigned long free_mib;

	if (xdg_dir(kind, NULL, &wanted, finding) < 0)
		return SEVERITY_FAIL;
	path = strdup(wanted);
	if (!path) {
		error_set_errno(finding, ENOMEM, "cannot check '%s'", wanted);
		return SEVERITY_FAIL;
	}
	find_existing(path);
	if (access(path, W_OK | X_OK) < 0)
		return report_directory(path, wanted, errno, finding);
	if (statvfs(path, &space) < 0)
		return check_finding(finding, SEVERITY_WARN, "cannot read the free space of '%s'",
				     path);
	free_mib = (unsigned long)((uint64_t)space.f_bavail * space.f_frsize >> 20);
	if (free_mib >= least)
		return check_finding(finding, SEVERITY_OK, "%lu %s free in %s",
				     free_mib >= 10240 ? free_mib / 1024 : free_mib,
				     free_mib >= 10240 ? "GiB" : "MiB", path);
	check_finding(finding, SEVERITY_WARN, "only %lu MiB free in '%s'", free_mib, path);
	error_remedy(finding, "make room there: df -h %s", ARGV_WORD(path));
	return SEVERITY_WARN;
}

enum severity check_machine_data(struct check *check, struct error *finding)
{
	return check_directory(XDG_DATA, SPACE_MIB, finding);
}

enum severity check_machine_cache(struct check *check, struct error *finding)
{
	return check_directory(XDG_CACHE, SPACE_MIB, finding);
}

/* A kernel that has this, but lacks a part of nf_tables, is found by the check of the firewall. */
static bool lacks_nfnetlink(void)
{
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	return fd < 0 && errno == EPROTONOSUPPORT;
}

/* The table of an uplink needs hooks of a network device that earlier kernels lack. */
enum severity check_machine_kernel(struct check *check, struct error *finding)
{
	struct utsname kernel;
	unsigned long major, minor;
	char *rest;

	uname(&kernel);
	major = strtoul(kernel.release, &rest, 10);
	minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	if (lacks_nfnetlink()) {
		check_finding(finding, SEVERITY_FAIL,
			      "Linux %s has no nf_tables, which all VMs on the LAN need",
			      kernel.release);
		error_remedy(finding, "sudo modprobe nf_tables");
		return SEVERITY_FAIL;
	}
	if (major > 6 || (major == 6 && minor >= 1))
		return check_finding(finding, SEVERITY_OK, "Linux %s", kernel.release);
	check_finding(finding, SEVERITY_FAIL, "Linux %s is too old to put VMs on the LAN",
		      kernel.release);
	error_remedy(finding, "boot Linux 6.1 or later");
	return SEVERITY_FAIL;
}

enum severity check_machine_runtime(struct check *check, struct error *finding)
{
	return check_directory(XDG_RUNTIME, 1, finding);
}

/* Certificates of image servers are not yet valid at a time before this program's release. */
enum severity check_machine_clock(struct check *check, struct error *finding)
{
	struct stat self;
	char text[32];
	struct tm tm;
	const time_t now = time(NULL);

	if (!localtime_r(&now, &tm) || !strftime(text, sizeof(text), "%F %R", &tm))
		text[0] = '\0';
	if (stat("/proc/self/exe", &self) < 0 || now >= self.st_mtime)
		return check_finding(finding, SEVERITY_OK, "%s", text);
	check_finding(finding, SEVERITY_WARN,
		      "the clock is earlier than the installation of vmrun: %s", text);
	error_remedy(finding,
		     "set the clock for downloads by https: sudo timedatectl set-ntp true");
	return SEVERITY_WARN;
}

/* Shows the reach of a QEMU that a guest has taken over; see confinement.h. */
enum severity check_machine_sandbox(struct check *check, struct error *finding)
{
	const unsigned int version = ruleset_version();

	if (version >= RULESET_VERSION_SIGNALS)
		return check_finding(finding, SEVERITY_OK,
				     "QEMU can open only its VM's files (Landlock, version %u)",
				     version);
	if (version > 0) {
		check_finding(finding, SEVERITY_NOTE,
			      "QEMU can open only its VM's files, but signal your processes "
			      "(Landlock, version %u)",
			      version);
		error_remedy(finding, "Linux 6.12 restricts that");
		return SEVERITY_NOTE;
	}
	check_finding(finding, SEVERITY_WARN,
		      "QEMU can open all of your files: this kernel has no Landlock");
	error_remedy(finding, "boot Linux 5.13 or later with 'landlock' in the list of: "
			      "cat /sys/kernel/security/lsm");
	return SEVERITY_WARN;
}

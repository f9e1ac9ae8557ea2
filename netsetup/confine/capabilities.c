// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up root's privileges but its user ID and two capabilities.
#include "netsetup/confine/capabilities.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)

#define KEPT (CAP_TO_MASK(CAP_NET_ADMIN) | CAP_TO_MASK(CAP_NET_RAW))
#define LOW  32 /* capabilities in the first part of a set */

/*
 * Theory of operation: a start of the service does this in four processes, one after another. The
 * system calls take microseconds. libcap-ng reads /proc/self/status up to five times and needs a
 * quarter of a millisecond for each process.
 */

/* struct sets - the sets of this process, capget(2): capabilities 0 to 31, and the others. */
struct sets {
	struct __user_cap_data_struct low;
	struct __user_cap_data_struct high;
};

static int read_sets(struct sets *sets, struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	if (syscall(SYS_capget, &header, sets) < 0)
		return error_set_errno(err, errno, "cannot read the capabilities");
	return 0;
}

bool capabilities_sufficient(void)
{
	struct error ignored;
	struct sets sets;

	return read_sets(&sets, &ignored) == 0 && (sets.low.effective & KEPT) == KEPT;
}

/* Groups have rights of their own to files. A unit and the supervisor have set them before. */
static int set_group(const struct sets *sets, gid_t group, struct error *err)
{
	if (sets->low.effective & CAP_TO_MASK(CAP_SETGID) &&
	    (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0))
		return error_set_errno(err, errno, "cannot give up the groups");
	return 0;
}

/* Checks the state that the kernel reports instead of trusting the calls before. */
static int verify(uint32_t kept, struct error *err)
{
	uid_t real, effective, saved;
	struct sets sets;
	int ret;

	if (getresuid(&real, &effective, &saved) < 0 || real != effective || effective != saved)
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "the program must not be set-uid; see vmrun-netsetup(8), "
				  "INSTALLATION");
	/* Only user 0 may own the files in /run/vmrun and send signals to the service. */
	if (effective != 0 && kept)
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "capabilities of a user other than root do not suffice; see "
				  "vmrun-netsetup(8), INSTALLATION");
	ret = read_sets(&sets, err);
	if (ret < 0)
		return ret;
	if (sets.low.effective != kept || sets.low.permitted != kept || sets.low.inheritable ||
	    sets.high.effective || sets.high.permitted || sets.high.inheritable)
		return error_setf(err, STATUS_PERMISSION, EPERM, "cannot give up capabilities");
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_setf(err, STATUS_PERMISSION, EPERM, "cannot give up privileges");
	return 0;
}

/* To lower the bounding set takes CAP_SETPCAP, which a container may lack. */
static int limit_bounding(const struct sets *sets, uint32_t bounding)
{
	if (!(sets->low.effective & CAP_TO_MASK(CAP_SETPCAP)))
		return 0;
	/* The kernel knows no capability above the first that it cannot read. */
	for (unsigned int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
	     capability++)
		if ((capability >= LOW || !(bounding & CAP_TO_MASK(capability))) &&
		    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* The ambient set goes with the inheritable one (cap_capset() in security/commoncap.c). */
static int keep(const struct sets *sets, uint32_t kept, uint32_t bounding, struct error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct sets left = { .low = { .effective = kept, .permitted = kept } };
	const int ret = limit_bounding(sets, bounding);

	if (ret < 0)
		return error_set_errno(err, -ret, "cannot give up capabilities");
	if (syscall(SYS_capset, &header, &left) < 0)
		return error_set_errno(err, errno, "cannot give up capabilities");
	/* Must come last: a change of IDs resets dumpable to the value of fs.suid_dumpable. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	return 0;
}

/*
 * At execve() user 0 gets the bounding set, and no_new_privs limits it to what was permitted before
 * (cap_bprm_creds_from_file() in security/commoncap.c). SECBIT_NOROOT would leave nothing.
 */
int capabilities_limit(gid_t group, struct error *err)
{
	struct sets sets;
	int ret = read_sets(&sets, err);

	if (ret == 0)
		ret = set_group(&sets, group, err);
	return ret < 0 ? ret
		       : keep(&sets, sets.low.permitted & KEPT, sets.low.permitted & KEPT, err);
}

static int drop(const struct sets *sets, uint32_t kept, struct error *err)
{
	int ret;

	if (sets->low.effective & CAP_TO_MASK(CAP_SETPCAP) &&
	    prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot lock securebits");
	ret = keep(sets, kept, 0, err);
	return ret < 0 ? ret : verify(kept, err);
}

int capabilities_confine(struct error *err)
{
	struct sets sets;
	int ret = read_sets(&sets, err);

	if (ret == 0)
		ret = set_group(&sets, 0, err);
	return ret < 0 ? ret : drop(&sets, sets.low.permitted & KEPT, err);
}

int capabilities_drop_all(struct error *err)
{
	struct sets sets;
	const int ret = read_sets(&sets, err);

	return ret < 0 ? ret : drop(&sets, 0, err);
}

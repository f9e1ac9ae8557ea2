// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up root's privileges but its user ID and two capabilities.
#include "netsetup/confine/capabilities.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)

bool capabilities_sufficient(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
}

/* Groups have rights of their own to files. A unit and the supervisor have set them before. */
static int set_group(gid_t group, struct error *err)
{
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) &&
	    (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0))
		return error_set_errno(err, errno, "cannot give up the groups");
	return 0;
}

/* Checks the state that the kernel reports instead of trusting the calls before. */
static int verify(bool admin, bool raw, struct error *err)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || real != effective || effective != saved)
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "the program must not be set-uid; see vmrun-netsetup(8), "
				  "INSTALLATION");
	/* Only user 0 may own the files in /run/vmrun and send signals to the service. */
	if (effective != 0 && (admin || raw))
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "capabilities of a user other than root do not suffice; see "
				  "vmrun-netsetup(8), INSTALLATION");
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		const bool kept = (capability == CAP_NET_ADMIN && admin) ||
				  (capability == CAP_NET_RAW && raw);

		if (capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)capability) != kept ||
		    capng_have_capability(CAPNG_PERMITTED, (unsigned int)capability) != kept)
			return error_setf(err, STATUS_PERMISSION, EPERM,
					  "cannot give up capabilities");
	}
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_setf(err, STATUS_PERMISSION, EPERM, "cannot give up privileges");
	return 0;
}

/* Empties all sets but @sets, which keep CAP_NET_ADMIN if @admin and CAP_NET_RAW if @raw. */
static int keep(bool admin, bool raw, capng_type_t sets, bool setpcap, struct error *err)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (admin)
		capng_update(CAPNG_ADD, sets, CAP_NET_ADMIN);
	if (raw)
		capng_update(CAPNG_ADD, sets, CAP_NET_RAW);
	/* To lower the bounding set takes CAP_SETPCAP, which a container may lack. */
	if (capng_apply(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return error_set_errno(err, EPERM, "cannot give up capabilities");
	return 0;
}

/*
 * At execve() user 0 gets the bounding set, and no_new_privs limits it to what was permitted before
 * (cap_bprm_creds_from_file() in security/commoncap.c). SECBIT_NOROOT would leave nothing.
 */
int capabilities_limit(gid_t group, struct error *err)
{
	const bool admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	const bool raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	const bool setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	int ret;

	ret = set_group(group, err);
	if (ret == 0)
		ret = keep(admin, raw, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			   setpcap, err);
	if (ret < 0)
		return ret;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	return 0;
}

int capabilities_confine(struct error *err)
{
	const bool admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	const bool raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	const bool setpcap = capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP);
	int ret;

	ret = set_group(0, err);
	if (ret < 0)
		return ret;
	if (setpcap && prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot lock securebits");

	ret = keep(admin, raw, CAPNG_EFFECTIVE | CAPNG_PERMITTED, setpcap, err);
	if (ret < 0)
		return ret;
	/* Must come last: a change of IDs resets dumpable to the value of fs.suid_dumpable. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	capng_setpid(0);
	if (capng_get_caps_process() < 0)
		return error_set_errno(err, EPERM, "cannot read the capabilities");
	return verify(admin, raw, err);
}

int capabilities_drop_all(struct error *err)
{
	bool setpcap;

	/* 0: this process, even if a library call before fork() was for its parent. */
	capng_setpid(0);
	if (capng_get_caps_process() < 0)
		return error_set_errno(err, EPERM, "cannot read the capabilities");
	setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	if (setpcap && prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot lock securebits");
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_apply(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return error_set_errno(err, EPERM, "cannot give up capabilities");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	if (capng_get_caps_process() < 0)
		return error_set_errno(err, EPERM, "cannot read the capabilities");
	return verify(false, false, err);
}

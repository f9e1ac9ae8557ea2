// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up root's privileges but its user ID and two capabilities.
#include "netsetup/confine/capabilities.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "netsetup/base/cleanup.h"

#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)

bool capabilities_sufficient(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
}

/*
 * Threat: the client sets limits before it starts the helper. A limit of processor time kills the
 * helper in the middle of a change, a limit of file size prevents a lease. Best effort: to raise a
 * limit takes CAP_SYS_RESOURCE, which a container's root may lack.
 */
static void raise_limits(void)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CPU, RLIM_INFINITY },
		{ RLIMIT_RTTIME, RLIM_INFINITY },
		{ RLIMIT_FSIZE, RLIM_INFINITY },
		{ RLIMIT_AS, RLIM_INFINITY },
		{ RLIMIT_DATA, RLIM_INFINITY },
		{ RLIMIT_NPROC, RLIM_INFINITY },
		{ RLIMIT_NOFILE, 256 },
		{ RLIMIT_STACK, 8 << 20 },
		{ RLIMIT_CORE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit limit = { limits[i].value, limits[i].value };

		if (setrlimit(limits[i].resource, &limit) == 0 ||
		    getrlimit(limits[i].resource, &limit) < 0)
			continue;
		/* Without CAP_SYS_RESOURCE the hard limit is the highest possible value. */
		limit.rlim_cur = limit.rlim_max;
		setrlimit(limits[i].resource, &limit);
	}
}

/* File capabilities are permitted at first; the process must make them effective itself. */
static int raise_capabilities(struct error *err)
{
	static const unsigned int wanted[] = { CAP_SETUID,       CAP_SETGID,    CAP_SETPCAP,
					       CAP_SYS_RESOURCE, CAP_NET_ADMIN, CAP_NET_RAW };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (capng_have_capability(CAPNG_PERMITTED, wanted[i]))
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, wanted[i]);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return error_set_errno(err, EPERM, "cannot use the capabilities");
	return 0;
}

/* Sets all three user and group IDs: the user of any of them may send signals to the helper. */
static int become_root(struct error *err)
{
	const bool setuid_allowed = geteuid() == 0 ||
				    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID);
	const bool setgid_allowed = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);

	if (setgid_allowed && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0))
		return error_set_errno(err, errno, "cannot give up the groups");
	if (setuid_allowed && setresuid(0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot become user 0");
	return 0;
}

/* Checks the state that the kernel reports instead of trusting the calls before. */
static int verify(bool admin, bool raw, struct error *err)
{
	uid_t real, effective, saved;

	if (getresuid(&real, &effective, &saved) < 0 || real != effective || effective != saved)
		return error_setf(err, STATUS_PERMISSION, EPERM, "cannot give up the user ID");
	/* Only user 0 may own the files in /run/vmrun and send signals to a privileged helper. */
	if (effective != 0 && (admin || raw))
		return error_setf(err, STATUS_PERMISSION, EPERM,
				  "file capabilities without cap_setuid do not suffice; see "
				  "vmrun-netsetup(8), PRIVILEGE");
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

int capabilities_confine(struct error *err)
{
	const bool admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	const bool raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	const bool setpcap = capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP);
	int ret;

	ret = raise_capabilities(err);
	if (ret < 0)
		return ret;
	raise_limits();
	ret = become_root(err);
	if (ret < 0)
		return ret;
	if (setpcap && prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot lock securebits");

	capng_clear(CAPNG_SELECT_ALL);
	if (admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	if (raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	/* To lower the bounding set takes CAP_SETPCAP, which a container may lack. */
	if (capng_apply(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return error_set_errno(err, EPERM, "cannot give up capabilities");
	/* Must come last: a change of IDs resets dumpable to the value of fs.suid_dumpable. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set_errno(err, errno, "cannot give up privileges");
	capng_setpid(0);
	if (capng_get_caps_process() < 0)
		return error_set_errno(err, EPERM, "cannot read the capabilities");
	return verify(admin, raw, err);
}

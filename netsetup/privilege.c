// SPDX-License-Identifier: GPL-2.0-or-later
// What netsetup keeps of root: two capabilities.
#include "netsetup/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#define SECUREBITS (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED)

bool privilege_sufficient(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW);
}

int privilege_confine(struct error *err)
{
	const bool admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);
	const bool raw = capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);
	const bool setpcap = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	const bool setgid = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot give up privileges");
	if (setgid && setgroups(0, NULL) < 0)
		return error_set(err, errno, "cannot give up supplementary groups");
	if (setpcap && prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0) < 0)
		return error_set(err, errno, "cannot lock securebits");

	capng_clear(CAPNG_SELECT_ALL);
	if (admin)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	if (raw)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	/* The bounding set can only be lowered by who has CAP_SETPCAP; a container may not. */
	if (capng_apply(setpcap ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return error_set(err, EPERM, "cannot give up capabilities");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Checks and escapes the values of QEMU's arguments.
#include "launcher/qemu/qemu_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

int qemu_text_check(const char *key, const char *value, struct error *err)
{
	if (!value || text_clean(value, ""))
		return 0;
	return error_setf(err, STATUS_DEFINITION, EINVAL,
			  "cannot pass '%s' to QEMU: it has a control character or is not UTF-8",
			  key);
}

int qemu_text_check_word(const char *key, const char *value, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	int ret = qemu_text_check(key, value, err);

	if (ret)
		return ret;
	if (value[0] && value[0] != '-' && strspn(value, allowed) == strlen(value))
		return 0;
	return error_setf(err, STATUS_DEFINITION, EINVAL,
			  "cannot pass '%s' to QEMU: '%s' is not a name", key, value);
}

char *qemu_text_escape(const char *value)
{
	char *escaped = malloc(2 * strlen(value) + 1);
	char *at = escaped;

	if (!escaped)
		return NULL;
	for (; *value; value++) {
		if (*value == ',')
			*at++ = ',';
		*at++ = *value;
	}
	*at = '\0';
	return escaped;
}

/* Uses a socket, since every user of the host can connect to a port or occupy it. */
int qemu_text_socket_path(const struct machine_plan *plan, const char *name, char **escaped,
			  struct error *err)
{
	const char *directory = plan->runtime_directory ? plan->runtime_directory : "RUNTIME";
	cleanup_free char *path = NULL;
	int ret;

	path = text_format("%s/%s", directory, name);
	if (!path)
		return error_set_errno(err, ENOMEM, "cannot make a socket's path");
	ret = qemu_text_check("the runtime directory", path, err);
	if (ret)
		return ret;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return error_set_errno(err, ENAMETOOLONG, "cannot make socket '%s'", path);
	*escaped = qemu_text_escape(path);
	return *escaped ? 0 : error_set_errno(err, ENOMEM, "cannot make a socket's path");
}

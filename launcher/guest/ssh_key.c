// SPDX-License-Identifier: GPL-2.0-or-later
// Reads files of public SSH keys, as ssh-keygen(1) writes them.
#include "launcher/guest/ssh_key.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "launcher/common/file.h"
#include "launcher/common/text.h"
#include "netsetup/base/cleanup.h"

#define FILE_SIZE_MAX 65536

/* The key types of sshd(8), AUTHORIZED_KEYS FILE FORMAT, and OpenSSH's PROTOCOL.certkeys. */
static const char *const types[] = {
	"ssh-ed25519",
	"ssh-rsa",
	"ssh-dss",
	"ecdsa-sha2-nistp256",
	"ecdsa-sha2-nistp384",
	"ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com",
	"sk-ecdsa-sha2-nistp256@openssh.com",
	"ssh-ed25519-cert-v01@openssh.com",
	"ssh-rsa-cert-v01@openssh.com",
	"ecdsa-sha2-nistp256-cert-v01@openssh.com",
	"ecdsa-sha2-nistp384-cert-v01@openssh.com",
	"ecdsa-sha2-nistp521-cert-v01@openssh.com",
};

static bool type_known(const char *word, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i]) == length && !memcmp(types[i], word, length))
			return true;
	}
	return false;
}

/* Checks for TYPE BASE64 [COMMENT]. A key begins with its type's length, so "AAAA" in base64. */
static bool line_valid(const char *line)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/=";
	size_t type = strcspn(line, " \t");
	const char *key = line + type + strspn(line + type, " \t");
	size_t length = strspn(key, base64);

	return type_known(line, type) && length > 16 && !strncmp(key, "AAAA", 4) &&
	       strchr(" \t", key[length]) && text_clean(line, "\t");
}

static char *trim(char *line)
{
	char *end;

	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return line;
}

static int read_lines(const char *path, char *text, ssh_key_fn *each, void *context,
		      struct error *err)
{
	unsigned int number = 0, count = 0;
	char *line;
	int ret;

	while ((line = strsep(&text, "\n"))) {
		number++;
		line = trim(line);
		if (!*line || *line == '#')
			continue;
		if (!line_valid(line))
			return error_setf(err, STATUS_DEFINITION, EINVAL,
					  "cannot use '%s': line %u is not a public SSH key", path,
					  number);
		ret = each(line, context);
		if (ret)
			return error_set_errno(err, -ret, "cannot use '%s'", path);
		count++;
	}
	if (!count)
		return error_setf(err, STATUS_DEFINITION, EINVAL,
				  "cannot use '%s': it has no public SSH key", path);
	return 0;
}

int ssh_key_read(const char *path, ssh_key_fn *each, void *context, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t size;
	int ret;

	ret = file_read(path, FILE_SIZE_MAX, &text, &size, err);
	if (ret)
		return ret;
	if (memmem(text, size, "PRIVATE KEY", strlen("PRIVATE KEY"))) {
		explicit_bzero(text, size);
		error_setf(err, STATUS_DEFINITION, EINVAL, "cannot use '%s': it is a private key",
			   path);
		error_remedy(err, "give the public one: '%s.pub'", path);
		return -EINVAL;
	}
	if (strlen(text) != size)
		return error_setf(err, STATUS_DEFINITION, EINVAL, "cannot use '%s': it is not text",
				  path);
	return read_lines(path, text, each, context, err);
}

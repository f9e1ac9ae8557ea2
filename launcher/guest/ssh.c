// SPDX-License-Identifier: GPL-2.0-or-later
// Runs ssh(1) to a guest, with host keys stored per VM instead of per address.
#include "launcher/guest/ssh.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/xdg.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"

#define KNOWN_HOSTS "known_hosts"

static const char *text_of(struct json_object *status, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(status, key, &value) || !value)
		return NULL;
	return json_object_get_string(value);
}

/* Doubles each '%', which begins a token in a path (ssh_config(5), TOKENS); the caller frees it. */
static char *escape(const char *path)
{
	char *escaped = malloc(2 * strlen(path) + 1);
	char *at = escaped;

	for (; escaped && *path; path++) {
		if (*path == '%')
			*at++ = '%';
		*at++ = *path;
	}
	if (escaped)
		*at = '\0';
	return escaped;
}

/* Offers no other key, since a server closes the connection after a few unknown keys. */
static void add_key(struct argv *argv, const char *path)
{
	cleanup_free char *escaped = path ? escape(path) : NULL;

	if (!path)
		return;
	argv_add(argv, "-oIdentitiesOnly=yes", "-i", escaped ? escaped : "", NULL);
	if (!escaped)
		argv->failed = 1;
}

/* Matches "User=x" and "user x" (ssh_config(5)). */
static bool sets_user(const char *option)
{
	option += strspn(option, " \t");
	return !strncasecmp(option, "user", 4) && option[4] && strchr(" \t=", option[4]);
}

/* Checks an argument with one or more options; sets @used if the next argument is its value. */
static bool option_names_user(const char *options, const char *next, bool *used)
{
	/* The options of OpenSSH 9 with a value. */
	static const char valued[] = "BbcDEeFIiJLlmOopQRSWw";

	*used = false;
	for (const char *at = options; *at; at++) {
		if (!strchr(valued, *at))
			continue;
		*used = at[1] == '\0';
		if (*at == 'l')
			return true;
		return *at == 'o' && (*used ? next && sets_user(next) : sets_user(at + 1));
	}
	return false;
}

bool ssh_names_user(char *const *args, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		bool used;

		/* The remote command begins here; its options are not ssh's. */
		if (args[i][0] != '-' || !args[i][1] || !strcmp(args[i], "--"))
			return false;
		if (option_names_user(args[i] + 1, i + 1 < count ? args[i + 1] : NULL, &used))
			return true;
		i += used;
	}
	return false;
}

int ssh_exec(const char *name, const struct sockaddr_in *ssh, struct json_object *status,
	     char *const *args, unsigned int arg_count, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *known_hosts = NULL;
	const char *user = text_of(status, "user");
	char text[IPV4_TEXT_SIZE];
	struct argv argv = { 0 };
	sigset_t none;
	int ret;

	ret = xdg_dir(XDG_STATE, name, &directory, err);
	if (ret == 0)
		ret = xdg_make(directory, err);
	if (ret < 0)
		return ret;
	argv_add(&argv, "ssh", NULL);
	known_hosts = escape(directory);
	argv_addf(&argv, "-oUserKnownHostsFile=\"%s/" KNOWN_HOSTS "\"",
		  known_hosts ? known_hosts : "");
	argv_addf(&argv, "-oHostKeyAlias=%s", name);
	argv_add(&argv, "-oStrictHostKeyChecking=accept-new", NULL);
	/* ssh uses the first of two users. */
	if (user && !ssh_names_user(args, arg_count))
		argv_addf(&argv, "-oUser=%s", user);
	add_key(&argv, text_of(status, "ssh-key"));
	argv_addf(&argv, "-oPort=%u", ntohs(ssh->sin_port));
	argv_add(&argv, ipv4_text(ssh->sin_addr, text), NULL);
	for (unsigned int i = 0; i < arg_count; i++)
		argv_add(&argv, args[i], NULL);
	if (!argv.failed && known_hosts) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv.items[0], argv.items);
	}
	ret = error_set_errno(err, argv.failed || !known_hosts ? ENOMEM : errno,
			      "cannot run 'ssh'");
	if (ret == -ENOENT)
		error_remedy(err, "install it: sudo apt-get install openssh-client");
	argv_done(&argv);
	return ret;
}

void ssh_forget(const char *name, const struct removal *removal)
{
	cleanup_free char *directory = NULL;
	struct error ignored;

	if (xdg_dir(XDG_STATE, name, &directory, &ignored) == 0)
		remove_matching(removal, directory, KNOWN_HOSTS "*", NULL);
}

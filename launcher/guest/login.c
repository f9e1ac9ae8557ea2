// SPDX-License-Identifier: GPL-2.0-or-later
// Picks the login user and SSH keys when the definition names none.
#include "launcher/guest/login.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/common/argv.h"
#include "launcher/common/log.h"
#include "launcher/common/process.h"
#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/guest/credential.h"
#include "launcher/guest/ssh_key.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

/* The VM's key pair. An incomplete pair has another name, so that no run uses it. */
#define KEY_FILE "id_ed25519"
#define KEY_NEW  KEY_FILE ".new"

/* The keys that ssh(1) tries (IdentityFile in ssh_config(5)), without DSA, which sshd refuses. */
static const char *const usual_keys[] = {
	"id_rsa.pub", "id_ecdsa.pub", "id_ecdsa_sk.pub", "id_ed25519.pub", "id_ed25519_sk.pub",
};

void login_user(const char *login, char user[LOGIN_USER_SIZE])
{
	const char *after_domain = login ? strrchr(login, '\\') : NULL;
	const char *from = after_domain ? after_domain + 1 : login ? login : "";
	size_t used = 0;

	if (*from >= '0' && *from <= '9')
		user[used++] = '_';
	for (; *from && *from != '@' && used < LOGIN_USER_SIZE - 1; from++, used++) {
		const char c = *from >= 'A' && *from <= 'Z' ? (char)(*from - 'A' + 'a') : *from;
		const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';

		user[used] = (char)(kept && (used || c != '-') ? c : '_');
	}
	user[used] = '\0';
	/* A name in another script has no letter left that a person would recognize. */
	if (strspn(user, "_-0123456789") == used || !scalar_user(user))
		snprintf(user, LOGIN_USER_SIZE, "user");
}

static int out_of_memory(struct error *err)
{
	return error_set_errno(err, ENOMEM, "cannot choose the guest's login");
}

static int add_key_file(struct machine_login *login, const char *path, struct error *err)
{
	char *copy = strdup(path);

	if (!copy)
		return out_of_memory(err);
	login->ssh_keys[login->ssh_key_count++] = copy;
	return 0;
}

static int accept_key(const char *key, void *context)
{
	return 0;
}

static bool is_public_key(const char *path)
{
	struct error ignored = { 0 };
	struct stat status;

	return !stat(path, &status) && S_ISREG(status.st_mode) &&
	       !ssh_key_read(path, accept_key, NULL, &ignored);
}

/* Skips a file that is unreadable or not a public key. */
static int add_own_keys(struct machine_login *login, const struct passwd *user, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; user && i < ARRAY_SIZE(usual_keys) && !ret; i++) {
		cleanup_free char *path = NULL;

		path = text_format("%s/.ssh/%s", user->pw_dir, usual_keys[i]);
		if (!path)
			return out_of_memory(err);
		if (is_public_key(path))
			ret = add_key_file(login, path, err);
	}
	return ret;
}

static bool exists(const char *path)
{
	return !faccessat(AT_FDCWD, path, R_OK, AT_EACCESS);
}

/* Runs ssh-keygen(1) without a terminal, since it asks before it overwrites a file. */
static int generate(char *const *argv, struct error *err)
{
	cleanup_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct process_fd fds[] = { { null_fd, STDIN_FILENO }, { null_fd, STDOUT_FILENO } };
	struct process_config config = {
		.argv = argv,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.new_session = true,
		.death_signal = SIGKILL,
	};
	struct process process = PROCESS_NONE;
	siginfo_t end;
	int ret;

	if (null_fd < 0)
		return error_set_errno(err, errno, "cannot open '/dev/null'");
	sigemptyset(&config.blocked);
	ret = process_start(&config, &process, err);
	if (ret == -ENOENT)
		error_remedy(err,
			     "install it (sudo apt-get install openssh-client), or name keys of "
			     "your own in 'cloud-init.ssh-keys'");
	if (ret)
		return ret;
	ret = process_wait(&process, &end, err);
	if (!ret && (end.si_code != CLD_EXITED || end.si_status))
		ret = error_setf(err, STATUS_FAILURE, EIO,
				 "cannot make an SSH key: 'ssh-keygen' failed");
	return ret;
}

/* Renames the private key last, so that it never exists without the public key. */
static int make_pair(const char *directory, const char *name, bool dry_run, struct error *err)
{
	cleanup_fd int dir = -1;
	cleanup_free char *shown = NULL;
	struct argv argv = { 0 };
	int ret;

	argv_add(&argv, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NULL);
	argv_addf(&argv, "vmrun %s", name);
	argv_add(&argv, "-f", NULL);
	argv_addf(&argv, "%s/%s", directory, dry_run ? KEY_FILE : KEY_NEW);
	shown = argv.failed ? NULL : argv_quoted(&argv);
	ret = shown ? 0 : out_of_memory(err);
	if (!ret)
		log_change(shown, dry_run);
	if (!ret && !dry_run)
		ret = xdg_make(directory, err);
	if (!ret && !dry_run) {
		dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		unlinkat(dir, KEY_NEW, 0);
		unlinkat(dir, KEY_NEW ".pub", 0);
		ret = generate(argv.items, err);
	}
	if (!ret && !dry_run &&
	    (renameat(dir, KEY_NEW ".pub", dir, KEY_FILE ".pub") ||
	     renameat(dir, KEY_NEW, dir, KEY_FILE)))
		ret = error_set_errno(err, errno, "cannot rename '%s/" KEY_NEW "'", directory);
	argv_done(&argv);
	return ret;
}

/* Adds the VM's pair if it exists, or makes it if there is no other key. */
static int add_pair(struct machine_login *login, const char *name, bool dry_run, struct error *err)
{
	cleanup_free char *directory = NULL;
	cleanup_free char *public = NULL;
	cleanup_free char *private = NULL;
	int ret;

	ret = xdg_dir(XDG_DATA, name, &directory, err);
	if (ret)
		return ret;
	private = text_format("%s/" KEY_FILE, directory);
	if (!private)
		return out_of_memory(err);
	public = text_format("%s.pub", private);
	if (!public)
		return out_of_memory(err);
	if (!exists(private)) {
		if (login->ssh_key_count)
			return 0;
		ret = make_pair(directory, name, dry_run, err);
		login->key_made = true;
	}
	if (!ret)
		ret = add_key_file(login, public, err);
	if (!ret)
		login->identity = take_ptr(&private);
	return ret;
}

/*
 * Finds the first of the definition's keys with a private key beside it, where ssh(1) does not
 * search. There may be none, since the keys can be other people's; then ssh(1) uses its defaults.
 */
static int find_private(struct machine_login *login, struct error *err)
{
	for (unsigned int i = 0; i < login->ssh_key_count; i++) {
		const char *public = login->ssh_keys[i];
		const size_t length = strlen(public);
		cleanup_free char *private = NULL;

		if (length < strlen(".pub") || strcmp(public + length - strlen(".pub"), ".pub"))
			continue;
		private = strndup(public, length - strlen(".pub"));
		if (!private)
			return out_of_memory(err);
		if (exists(private)) {
			login->identity = take_ptr(&private);
			return 0;
		}
	}
	return 0;
}

bool login_wanted(const struct definition *definition)
{
	return definition->cloud_init.present || credential_wanted(definition);
}

/* Credentials configure only root. */
static int choose_user(const struct cloud_init *cloud_init, const struct passwd *host,
		       struct machine_login *login, struct error *err)
{
	char name[LOGIN_USER_SIZE];

	login_user(host ? host->pw_name : NULL, name);
	if (!cloud_init->present)
		login->user = strdup("root");
	else
		login->user = strdup(cloud_init->user ? cloud_init->user : name);
	return login->user ? 0 : out_of_memory(err);
}

int login_choose(struct machine_plan *plan, bool dry_run, struct error *err)
{
	const struct definition *definition = plan->definition;
	const struct cloud_init *cloud_init = &definition->cloud_init;
	const struct passwd *host = getpwuid(geteuid());
	int ret;

	if (!login_wanted(definition))
		return 0;
	ret = choose_user(cloud_init, host, &plan->login, err);
	for (unsigned int i = 0; i < cloud_init->ssh_key_count && !ret; i++)
		ret = add_key_file(&plan->login, cloud_init->ssh_keys[i], err);
	if (ret)
		return ret;
	if (cloud_init->present && !cloud_init->ssh_keys_auto)
		return find_private(&plan->login, err);
	ret = add_own_keys(&plan->login, host, err);
	if (!ret)
		ret = add_pair(&plan->login, definition->name, dry_run, err);
	return ret;
}

void login_reset(const char *directory, const struct removal *removal)
{
	remove_matching(removal, directory, KEY_FILE "*", NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fetches, verifies and unpacks disk images, and makes cloud-init seeds, for vmrun.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher/image/digest_file.h"
#include "launcher/image/download.h"
#include "launcher/image/fetch.h"
#include "launcher/image/iso.h"
#include "launcher/image/progress.h"
#include "launcher/image/record.h"
#include "launcher/image/sandbox.h"
#include "netsetup/base/cleanup.h"

/*
 * Theory of operation: vmrun lives as long as the VM, so the large libraries (libcurl, libarchive,
 * OpenSSL) and the code that reads untrusted bytes are in this program. It runs as the user, does
 * one job, and gives up the rights that the job does not need before it begins: see sandbox.h. An
 * image is trusted once its digest is verified. Until then its bytes are only stored. A process
 * that can do nothing else unpacks them.
 */

/* vmrun asks this process to end, or has ended. The stored bytes stay for a later run. */
static void end_now(int signo)
{
	progress_end();
	_exit(STATUS_SIGNAL + signo);
}

static int set_signals(struct error *err)
{
	const struct sigaction end = { .sa_handler = end_now };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* SIGPIPE would end it: the unpacker may end early, and standard error may be closed. */
	if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGTERM, &end, NULL) < 0)
		return error_set_errno(err, errno, "cannot set signals");
	return 0;
}

/* Allows files of file URLs and certificates outside of the system's directories, and ports. */
static int sandbox_fetch(const struct fetch *fetch, struct error *err)
{
	static const char *const variables[] = { "CURL_CA_BUNDLE", "SSL_CERT_FILE",
						 "SSL_CERT_DIR" };
	const char *files[IMAGE_MIRRORS_MAX + ARRAY_SIZE(variables)];
	char *paths[IMAGE_MIRRORS_MAX] = { NULL };
	struct sandbox sandbox = { .directory = fetch->directory,
				   .files = files,
				   .ports = fetch->ports.numbers,
				   .port_count = fetch->ports.count };
	size_t count = 0;
	int ret;

	for (size_t i = 0; i < fetch->url_count; i++) {
		paths[i] = download_path(fetch->urls[i]);
		if (paths[i])
			files[count++] = paths[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (getenv(variables[i]))
			files[count++] = getenv(variables[i]);
	sandbox.file_count = count;
	ret = sandbox_enter(&sandbox, err);
	for (size_t i = 0; i < fetch->url_count; i++)
		free(paths[i]);
	return ret;
}

static bool take_option(int *argc, char ***argv, const char *option)
{
	if (*argc < 1 || strcmp(**argv, option) != 0)
		return false;
	++*argv, --*argc;
	return true;
}

static int run_fetch(int argc, char **argv, struct image_result *result, struct error *err)
{
	struct fetch fetch = { .directory = IMAGE_FD_WORK };
	int ret;

	fetch.quiet = take_option(&argc, &argv, "--quiet");
	if (argc < 2 || argc > 1 + IMAGE_MIRRORS_MAX ||
	    (strcmp(argv[0], "-") != 0 && !digest_name_valid(argv[0])))
		return error_setf(err, STATUS_USAGE, EINVAL, "vmrun-image is only for vmrun");
	fetch.wanted = strcmp(argv[0], "-") != 0 ? argv[0] : "";
	fetch.urls = (const char *const *)argv + 1;
	fetch.url_count = (size_t)argc - 1;

	ret = download_init(err);
	if (ret)
		return ret;
	download_find_ports(fetch.urls, fetch.url_count, &fetch.ports);
	ret = sandbox_fetch(&fetch, err);
	return ret ? ret : fetch_image(&fetch, result->name, err);
}

static int run_digest(int argc, char **argv, struct image_result *result, struct error *err)
{
	const bool quiet = take_option(&argc, &argv, "--quiet");
	const bool sha512 = take_option(&argc, &argv, "--sha512");
	struct digest *digest;
	int ret;

	if (argc != 1)
		return error_setf(err, STATUS_USAGE, EINVAL, "vmrun-image is only for vmrun");
	digest = digest_new(sha512);
	ret = digest ? digest_file(IMAGE_FD_WORK, argv[0], quiet, digest, err) : -ENOMEM;
	if (!digest || (!ret && !digest_name(digest, result->name)))
		ret = error_set_errno(err, ENOMEM, "cannot read '%s'", argv[0]);
	digest_free(digest);
	return ret;
}

static int run_command(int argc, char **argv, struct image_result *result, struct error *err)
{
	/* libarchive makes a seed in a temporary file. */
	const struct sandbox offline = { .directory = -1 };
	int ret = set_signals(err);

	if (!ret)
		ret = sandbox_process(err);
	if (ret)
		return ret;
	if (argc >= 2 && !strcmp(argv[1], "fetch"))
		return run_fetch(argc - 2, argv + 2, result, err);
	ret = sandbox_enter(&offline, err);
	if (ret)
		return ret;
	if (argc >= 2 && !strcmp(argv[1], "digest"))
		return run_digest(argc - 2, argv + 2, result, err);
	if (argc == 2 && !strcmp(argv[1], "seed"))
		return iso_make(STDIN_FILENO, IMAGE_FD_WORK, err);
	return error_setf(err, STATUS_USAGE, EINVAL, "vmrun-image is only for vmrun");
}

int main(int argc, char **argv)
{
	struct image_result result = { .version = IMAGE_VERSION };
	struct error err = { 0 };
	int ret;

	/* Without these descriptors, vmrun did not start it, and no process reads the result. */
	if (fcntl(IMAGE_FD_WORK, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(IMAGE_FD_RESULT, F_SETFD, FD_CLOEXEC) < 0) {
		static const char text[] = "vmrun-image: only for vmrun, which starts it\n";

		return write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 1 : STATUS_USAGE;
	}
	ret = run_command(argc, argv, &result, &err);
	result.code = ret < 0 ? err.code : 0;
	result.status = (uint32_t)err.status;
	memcpy(result.message, err.message, sizeof(result.message));
	memcpy(result.remedy, err.remedy, sizeof(result.remedy));
	if (write(IMAGE_FD_RESULT, &result, sizeof(result)) != (ssize_t)sizeof(result))
		return STATUS_FAILURE;
	return ret < 0 ? STATUS_FAILURE : STATUS_OK;
}

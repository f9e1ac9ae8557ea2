// SPDX-License-Identifier: GPL-2.0-or-later
// What vmrun and vmrun-image tell each other.
#ifndef LAUNCHER_IMAGE_RECORD_H
#define LAUNCHER_IMAGE_RECORD_H

#include <stdint.h>

#include "netsetup/base/error.h"

/*
 * vmrun-image does one thing and ends. Which one, its arguments tell; it inherits the descriptors
 * below, and writes one result. It is of the same version as vmrun, which refuses any other.
 *
 *   vmrun-image fetch [--quiet] DIGEST URL...
 *     IMAGE_FD_WORK is the directory of the cache. The image is there afterwards, under DIGEST
 *     ("sha256-HEX" or "sha512-HEX"); with "-" for DIGEST, under the SHA-256 that it turned out to
 *     have. The URLs are mirrors, tried in turn.
 *
 *   vmrun-image digest [--quiet] NAME
 *     IMAGE_FD_WORK is a file or a block device, which is read to its end; its SHA-256 is answered.
 *     NAME is what to call it.
 *
 *   vmrun-image seed
 *     Standard input has the seed's files, each after a struct image_file. IMAGE_FD_WORK is an
 *     empty file, into which the ISO 9660 image is written.
 */
enum image_fd {
	IMAGE_FD_WORK = 3,
	IMAGE_FD_RESULT = 4,
};

#define IMAGE_VERSION 1

/* Arguments that a fetch has at most: the program, "fetch", "--quiet", the digest, the mirrors. */
#define IMAGE_MIRRORS_MAX 8

/* "sha512-" and its digits, with the NUL. */
#define IMAGE_NAME_SIZE 136

/**
 * struct image_result - how it went.
 * @version: IMAGE_VERSION.
 * @code: 0 or a positive errno value.
 * @status: an enum exit_status.
 * @name: of what was fetched or read, "sha256-HEX" or "sha512-HEX".
 * @message, @remedy: of a struct error.
 */
struct image_result {
	uint32_t version;
	int32_t code;
	uint32_t status;
	char name[IMAGE_NAME_SIZE];
	char message[ERROR_MESSAGE_SIZE];
	char remedy[ERROR_REMEDY_SIZE];
};

/**
 * struct image_file - before each file of a seed.
 * @name: in the seed.
 * @size: bytes that follow.
 */
struct image_file {
	char name[24];
	uint64_t size;
};

/* The most bytes that the files of a seed have together. */
#define IMAGE_SEED_MAX (8 * 1024 * 1024)

#endif

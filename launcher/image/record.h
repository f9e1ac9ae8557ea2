// SPDX-License-Identifier: GPL-2.0-or-later
// Defines the records between vmrun and vmrun-image.
#ifndef LAUNCHER_IMAGE_RECORD_H
#define LAUNCHER_IMAGE_RECORD_H

#include <stdint.h>

#include "netsetup/base/error.h"

/*
 * vmrun-image does one job and ends. Its arguments name the job. It inherits the descriptors below
 * and writes one result. vmrun refuses a result of another version.
 *
 *   vmrun-image fetch [--quiet] DIGEST URL...
 *     IMAGE_FD_WORK is the directory of the cache. The job stores the image there as DIGEST
 *     ("sha256-HEX" or "sha512-HEX"), or as its SHA-256 if DIGEST is "-". It tries the URLs, which
 *     are mirrors, in turn.
 *
 *   vmrun-image digest [--quiet] [--sha512] NAME
 *     IMAGE_FD_WORK is a file or a block device. The result has its SHA-256 or SHA-512. Progress
 *     and errors call it NAME.
 *
 *   vmrun-image seed
 *     Standard input has the seed's files, each after a struct image_file. The job writes the
 *     ISO 9660 image into IMAGE_FD_WORK, an empty file.
 */
enum image_fd {
	IMAGE_FD_WORK = 3,
	IMAGE_FD_RESULT = 4,
};

#define IMAGE_VERSION 1

/* Limit of the mirrors of a fetch. */
#define IMAGE_MIRRORS_MAX 8

/* "sha512-" and its digits, with the NUL. */
#define IMAGE_NAME_SIZE 136

/**
 * struct image_result - the result of a job.
 * @version: IMAGE_VERSION.
 * @code: 0 or a positive errno value.
 * @status: an enum exit_status.
 * @name: digest of the image or the file, "sha256-HEX" or "sha512-HEX".
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
 * struct image_file - the header of each file of a seed.
 * @size: number of bytes that follow.
 */
struct image_file {
	char name[24];
	uint64_t size;
};

/* Limit of the size of a seed's file, in bytes. */
#define IMAGE_SEED_MAX (8 * 1024 * 1024)

#endif

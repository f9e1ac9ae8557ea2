// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the dates in an ISO 9660 image.
#include "launcher/image/iso_date.h"

#include <errno.h>
#include <string.h>

/* Section numbers refer to ECMA-119, fourth edition; offsets count from 0. */
#define SECTOR               2048
#define DESCRIPTORS          16 /* the first sector of the volume descriptors, 6.2.1 */
#define DESCRIPTOR_PRIMARY   1
#define DESCRIPTOR_JOLIET    2
#define DESCRIPTOR_END       255
#define DESCRIPTOR_ROOT      156 /* the root's directory record, 8.4.18 */
#define DESCRIPTOR_DATES     813 /* four dates, 8.4.26 to 8.4.29 */
#define DESCRIPTOR_DATE_SIZE 17

#define RECORD_EXTENT    2
#define RECORD_SIZE      10
#define RECORD_DATE      18
#define RECORD_NAME_SIZE 32
#define RECORD_NAME      33

/* Year since 1900, month, day, hour, minute, second, offset from GMT: 9.1.5. */
static const uint8_t epoch[7] = { 70, 1, 1 };
static const char epoch_text[] = "1970010100000000";

static uint32_t little_endian(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Resets Rock Ridge's time stamps (RRIP 1.12, 4.1.6) in the system use area of a record. */
static void reset_stamps(uint8_t *area, size_t size)
{
	while (size >= 4 && area[2] >= 4 && area[2] <= size) {
		if (!memcmp(area, "TF", 2)) {
			for (size_t at = 5; at + sizeof(epoch) <= area[2]; at += sizeof(epoch))
				memcpy(area + at, epoch, sizeof(epoch));
		}
		size -= area[2];
		area += area[2];
	}
}

/* Resets one directory record. Returns its size, or 0 if there is none. */
static size_t reset_record(uint8_t *record, size_t room)
{
	size_t size = room ? record[0] : 0;
	size_t area;

	if (!size || size > room || size <= RECORD_NAME)
		return 0;
	memcpy(record + RECORD_DATE, epoch, sizeof(epoch));
	area = RECORD_NAME + record[RECORD_NAME_SIZE];
	area += area % 2;
	if (area < size)
		reset_stamps(record + area, size - area);
	return size;
}

static int reset_directory(uint8_t *image, size_t size, const uint8_t *root)
{
	size_t begin = (size_t)little_endian(root + RECORD_EXTENT) * SECTOR;
	size_t length = little_endian(root + RECORD_SIZE);

	if (begin > size || length > size - begin)
		return -EINVAL;
	for (size_t sector = 0; sector + SECTOR <= length; sector += SECTOR) {
		size_t at = 0;
		size_t step;

		while ((step = reset_record(image + begin + sector + at, SECTOR - at)))
			at += step;
	}
	return 0;
}

static int reset_descriptor(uint8_t *image, size_t size, uint8_t *descriptor)
{
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t *date = descriptor + DESCRIPTOR_DATES + i * DESCRIPTOR_DATE_SIZE;

		/* A date is text and one byte, the offset from GMT. */
		memcpy(date, epoch_text, DESCRIPTOR_DATE_SIZE - 1);
		date[DESCRIPTOR_DATE_SIZE - 1] = 0;
	}
	if (!reset_record(descriptor + DESCRIPTOR_ROOT, RECORD_NAME + 1))
		return -EINVAL;
	return reset_directory(image, size, descriptor + DESCRIPTOR_ROOT);
}

int iso_date_reset(uint8_t *image, size_t size)
{
	size_t at = DESCRIPTORS * SECTOR;
	int ret;

	for (; at + SECTOR <= size && image[at] != DESCRIPTOR_END; at += SECTOR) {
		if (memcmp(image + at + 1, "CD001", 5) != 0)
			return -EINVAL;
		if (image[at] != DESCRIPTOR_PRIMARY && image[at] != DESCRIPTOR_JOLIET)
			continue;
		ret = reset_descriptor(image, size, image + at);
		if (ret)
			return ret;
	}

	/* The sector after the last descriptor names the program and the time, as text. */
	at += SECTOR;
	if (at + SECTOR > size)
		return -EINVAL;
	if (!memcmp(image + at, "INFO ", 5))
		memset(image + at, 0, SECTOR);
	return 0;
}

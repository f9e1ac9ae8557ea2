// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as an image whose header is read.
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher/formats/qcow2.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct qcow2 header;
	struct error err;

	if (fd < 0)
		fd = memfd_create("image", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);

	memset(&header, 0xee, sizeof(header));
	if (qcow2_read(fd, "image", &header, &err) < 0) {
		must(err.message[0]);
		return 0;
	}
	must(qcow2_magic(data, size));
	must(memchr(header.backing, '\0', sizeof(header.backing)));
	must(memchr(header.backing_format, '\0', sizeof(header.backing_format)));
	return 0;
}

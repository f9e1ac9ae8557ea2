// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for shared directories (9p and virtiofs).
#include "launcher/qemu/qemu_share.h"

#include <errno.h>
#include <inttypes.h>

#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"

/*
 * QEMU serves the directory with the user's rights: the user owns each file that the guest makes.
 * Threat: the guest leaves the directory by a symbolic link. Check: QEMU opens each name beneath
 * the directory without following links (hw/9pfs/9p-local.c). multidevs=remap keeps inode numbers
 * unique if the share spans several file systems.
 */
static int add_9p(const struct share *share, unsigned int index, struct argv *argv,
		  struct error *err)
{
	cleanup_free char *path = NULL;
	int ret = qemu_text_check("shares.path", share->path, err);

	if (!ret)
		ret = qemu_text_check_word("shares.tag", share->tag, err);
	if (ret)
		return ret;
	path = qemu_text_escape(share->path);
	if (!path)
		return error_set_errno(err, ENOMEM, "cannot make the QEMU command");
	argv_add(argv, "-fsdev", NULL);
	argv_addf(argv, "local,id=share%u,path=%s,security_model=none,multidevs=remap%s", index,
		  path, share->readonly ? ",readonly=on" : "");
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "virtio-9p-pci,fsdev=share%u,mount_tag=%s", index, share->tag);
	return 0;
}

/* Makes the guest's memory shared, since virtiofsd reads and writes it. */
static void add_memory(const struct definition *definition, struct argv *argv)
{
	argv_add(argv, "-object", NULL);
	argv_addf(argv, "memory-backend-memfd,id=memory,share=on,size=%" PRIu64,
		  definition->memory);
	argv_add(argv, "-machine", "memory-backend=memory", NULL);
}

static int add_virtiofs(const struct share *share, unsigned int index, struct argv *argv,
			struct error *err)
{
	int ret = qemu_text_check_word("shares.tag", share->tag, err);

	if (ret)
		return ret;
	argv_add(argv, "-chardev", NULL);
	argv_addf(argv, "socket,id=share%u,fd=%d", index, (int)(QEMU_FD_SHARE + index));
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "vhost-user-fs-pci,chardev=share%u,tag=%s", index, share->tag);
	return 0;
}

int qemu_share_add(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;
	bool memory = false;
	int ret = 0;

	for (unsigned int i = 0; i < definition->share_count && !ret; i++) {
		const struct share *share = &definition->shares[i];

		if (share->driver == SHARE_9P) {
			ret = add_9p(share, i, argv, err);
			continue;
		}
		if (!memory)
			add_memory(definition, argv);
		memory = true;
		ret = add_virtiofs(share, i, argv, err);
	}
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// QEMU's arguments for what serves the guest from within the host: entropy, channels.
#include "launcher/agent.h"
#include "launcher/qemu.h"
#include "launcher/qemu_part.h"
#include "netsetup/cleanup.h"

/* Entropy from the host's getrandom(2), so that a guest's sshd need not wait for its own. */
int qemu_add_rng(const struct qemu_config *config, struct argv *argv, struct error *err)
{
	if (config->definition->rng)
		argv_add(argv, "-device", "virtio-rng-pci", NULL);
	return 0;
}

/*
 * QEMU itself listens, and serves who asks, one at a time. While nobody does, what the guest writes
 * is thrown away: a guest that talks to itself costs the launcher nothing.
 */
int qemu_add_agent(const struct qemu_config *config, struct argv *argv, struct error *err)
{
	cleanup_free char *path = NULL;
	int ret;

	if (!config->definition->guest_agent)
		return 0;
	ret = qemu_socket_path(config, AGENT_SOCKET, &path, err);
	if (ret)
		return ret;
	argv_add(argv, "-chardev", NULL);
	argv_addf(argv, "socket,id=agent,server=on,wait=off,path=%s", path);
	argv_add(argv, "-device", "virtio-serial-pci,id=agents", "-device",
		 "virtserialport,bus=agents.0,chardev=agent,id=" AGENT_PORT
		 ",name=org.qemu.guest_agent.0",
		 NULL);
	return 0;
}

int qemu_add_vsock(const struct qemu_config *config, struct argv *argv, struct error *err)
{
	if (!config->vsock)
		return 0;
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "vhost-vsock-pci,guest-cid=%u,vhostfd=%d", config->definition->vsock.cid,
		  QEMU_FD_VSOCK);
	return 0;
}

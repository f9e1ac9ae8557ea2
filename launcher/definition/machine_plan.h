// SPDX-License-Identifier: GPL-2.0-or-later
// Holds what a run resolves of a definition, which itself stays as it was loaded.
#ifndef LAUNCHER_DEFINITION_MACHINE_PLAN_H
#define LAUNCHER_DEFINITION_MACHINE_PLAN_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct machine_login - the guest's user and keys; all zero when the guest gets none.
 * @user: login name, CLOUD_INIT_USER_DEFAULT for the image's own user, or NULL.
 * @ssh_keys, @ssh_key_count: absolute paths of public key files.
 * @identity: absolute path of the private key that ssh(1) uses, or NULL for its own choice.
 */
struct machine_login {
	char *user;
	char *ssh_keys[SSH_KEYS_MAX];
	unsigned int ssh_key_count;
	char *identity;
};

/**
 * struct machine_plan - the machine of one run. The run fills it in; all others read it.
 * @definition: the VM; must live as long.
 * @lan: its place on the LAN; NULL for `network: none|user`, and for `print`, which touches
 *       nothing: the texts then have the words ADDRESS, GATEWAY, NETMASK and MTU in their places.
 * @dns, @dns_count: servers for the guest.
 * @accel: kvm or tcg; auto, for `print`: the words ACCEL and CPU.
 * @queues: pairs of queues of the tap, 1..QUEUES_MAX.
 * @vhost: vhost-net serves the queues.
 * @vsock: the guest has a vsock.
 * @seed: the guest has a NoCloud seed.
 * @console: where the guest's serial console is.
 * @images: for each disk with an image from a URL where the cache has it; else NULL. Owned.
 * @login: who logs in. Owned.
 * @disk_paths: for each disk the file that QEMU opens: the image, or its overlay.
 * @disk_formats: the format of each of those files; auto, for `print`: the word FORMAT.
 * @disk_devices: true for block devices.
 * @uefi_code, @uefi_variables: files of the UEFI firmware, and of the VM's variables.
 * @uefi_code_format, @uefi_variables_format: of those.
 * @runtime_directory: the VM's own, only the user's, for sockets; NULL for `print`: the word
 *                     RUNTIME in its place.
 */
struct machine_plan {
	const struct definition *definition;
	const struct ready_record *lan;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	enum accel accel;
	unsigned int queues;
	bool vhost;
	bool vsock;
	bool seed;
	enum console_mode console;
	char *images[DISKS_MAX];
	struct machine_login login;
	const char *disk_paths[DISKS_MAX];
	enum disk_format disk_formats[DISKS_MAX];
	bool disk_devices[DISKS_MAX];
	const char *uefi_code;
	const char *uefi_variables;
	enum disk_format uefi_code_format;
	enum disk_format uefi_variables_format;
	const char *runtime_directory;
};

/**
 * machine_plan_init() - begin a plan with what the definition alone decides.
 * @plan: the plan; end it with machine_plan_done().
 * @definition: a loaded definition; must live as long as @plan.
 */
void machine_plan_init(struct machine_plan *plan, const struct definition *definition);

/* machine_plan_image() - the path of a disk's image; NULL for a disk that has none. */
const char *machine_plan_image(const struct machine_plan *plan, unsigned int index);

/* machine_plan_done() - free what the plan owns; it becomes all zero. */
void machine_plan_done(struct machine_plan *plan);

#endif

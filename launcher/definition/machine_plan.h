// SPDX-License-Identifier: GPL-2.0-or-later
// Holds what a run resolves of a definition, which stays const.
#ifndef LAUNCHER_DEFINITION_MACHINE_PLAN_H
#define LAUNCHER_DEFINITION_MACHINE_PLAN_H

#include <netinet/in.h>
#include <stdbool.h>

#include "launcher/definition/definition.h"
#include "netsetup/base/printable.h"
#include "netsetup/protocol/protocol.h"

/**
 * struct machine_login - the guest's user and keys; all zero if the guest gets none.
 * @user: login name, CLOUD_INIT_USER_DEFAULT for the image's own user, or NULL.
 * @ssh_keys, @ssh_key_count: absolute paths of public key files.
 * @identity: absolute path of the private key for ssh(1), or NULL for ssh's own choice.
 * @key_made: true if this run made @identity.
 */
struct machine_login {
	char *user;
	char *ssh_keys[SSH_KEYS_MAX];
	unsigned int ssh_key_count;
	char *identity;
	bool key_made;
};

/* The state of the VM's place on the LAN. */
enum lan_state {
	LAN_UP,        /* the VM is reachable at its address */
	LAN_AWAY,      /* the uplink has no network, or the VM cannot be attached to it */
	LAN_ELSEWHERE, /* the uplink is in another subnet than the guest's address, which stays */
	LAN_CONFLICT,  /* address conflict: another host keeps using the address */
};

#define REASON_SIZE ERROR_MESSAGE_SIZE

/**
 * struct lan_place - the VM's place on the LAN.
 * @uplink: the uplink's name.
 * @ssid: from printable(); may be empty.
 * @tap: the tap's name.
 * @address: the guest's.
 * @prefix_length: of the uplink's subnet, 1..30.
 * @router: of the LAN, or 0.0.0.0.
 * @router_mac: its hardware address; zero if unknown.
 * @gateway: the guest's default gateway, or 0.0.0.0 for none.
 * @host: the host's own address on the uplink.
 * @mtu: bytes.
 * @queues: number of the tap's descriptors; 0 for a dry run.
 * @path: of the VM's packets, PATH_ROUTED or PATH_BRIDGED.
 * @wireless: true if the uplink is a Wi-Fi interface.
 * @access: the access point's treatment of the guest's address.
 * @reason: text for users if @state is not LAN_UP, if another host made the VM change its address,
 *          or if a policy rule of this host takes its packets; else empty.
 */
struct lan_place {
	char uplink[IFNAMSIZ];
	char ssid[SSID_TEXT_SIZE];
	char tap[IFNAMSIZ];
	struct in_addr address;
	unsigned int prefix_length;
	struct in_addr router;
	struct ether_addr router_mac;
	struct in_addr gateway;
	struct in_addr host;
	unsigned int mtu;
	unsigned int queues;
	enum network_path path;
	bool wireless;
	enum access_result access;
	enum lan_state state;
	char reason[REASON_SIZE];
};

/**
 * struct machine_card - the values of one card on the LAN.
 * @lan: the card's place on the LAN; NULL for `print`, which has the words ADDRESS, GATEWAY,
 *       NETMASK and MTU.
 * @dns, @dns_count: servers for the guest.
 * @queues: queue pairs of the tap, 1..QUEUES_MAX.
 * @vhost: true if vhost-net serves the queues.
 */
struct machine_card {
	const struct lan_place *lan;
	struct in_addr dns[DNS_MAX];
	unsigned int dns_count;
	unsigned int queues;
	bool vhost;
};

/**
 * struct machine_plan - the machine of one run. The run fills it in; other modules only read it.
 * `vmrun print` leaves the host alone: it prints words in capitals instead of values of the host.
 * @definition: the VM; must live as long as the plan.
 * @cards: the cards on the LAN, by the numbers of definition_card_number().
 * @accel: kvm or tcg; auto for `print`, which has the words ACCEL and CPU.
 * @vsock: true if the guest has a vsock.
 * @seed: true if the guest has a NoCloud seed.
 * @console: backend of the guest's serial console.
 * @images: path in the cache for each disk with an image from a URL, else NULL. Owned.
 * @login: user and keys. Owned.
 * @disk_paths: for each disk the file that QEMU opens: the image, or its overlay.
 * @disk_formats: formats of @disk_paths; auto for `print`, which has the word FORMAT.
 * @disk_devices: true for block devices.
 * @uefi_code, @uefi_variables: files of the UEFI firmware and of the VM's variables.
 * @uefi_code_format, @uefi_variables_format: formats of these files.
 * @runtime_directory: the VM's directory for sockets, with access for the user alone; NULL for
 *                     `print`, which has the word RUNTIME.
 */
struct machine_plan {
	const struct definition *definition;
	struct machine_card cards[CARDS_MAX];
	enum accel accel;
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
 * machine_plan_init() - begin a plan with the values that depend on the definition alone.
 * @plan: end it with machine_plan_done().
 * @definition: a loaded definition; must live as long as @plan.
 */
void machine_plan_init(struct machine_plan *plan, const struct definition *definition);

/* machine_plan_image() - return the path of a disk's image; NULL for a disk without one. */
const char *machine_plan_image(const struct machine_plan *plan, unsigned int index);

/* machine_plan_done() - free all that the plan owns, and set it to zero. */
void machine_plan_done(struct machine_plan *plan);

#endif

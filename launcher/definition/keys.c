// SPDX-License-Identifier: GPL-2.0-or-later
// The keys of a definition, one table for each mapping.
#include "launcher/definition/keys.h"

#include "launcher/definition/definition.h"
#include "launcher/definition/type_address.h"
#include "launcher/definition/type_cloud_init.h"
#include "launcher/definition/type_image.h"
#include "launcher/definition/type_network.h"
#include "launcher/definition/type_number.h"
#include "launcher/definition/type_path.h"
#include "launcher/definition/type_port.h"
#include "launcher/definition/type_share.h"
#include "launcher/definition/type_text.h"
#include "launcher/definition/type_usb.h"
#include "launcher/definition/type_vsock.h"
#include "launcher/definition/type_words.h"
#include "launcher/yaml/scalar.h"
#include "netsetup/base/cleanup.h"

#define CPUS_MAX     255
#define SHUTDOWN_MAX 86400

/* The kernel's command line on x86 is 2048 bytes with its NUL (COMMAND_LINE_SIZE). */
#define CMDLINE_MAX 2047

/* The seed is small, and so is a command that can be read. */
#define COMMAND_MAX 16384

/* What is longer is in a file. */
#define CREDENTIAL_TEXT_MAX 8192

/* One argument of execve(2): MAX_ARG_STRLEN, 32 pages. */
#define ARG_MAX_BYTES (128 * 1024 - 1)

#define WORDS(array)                     \
	&(const struct words)            \
	{                                \
		array, ARRAY_SIZE(array) \
	}
#define KEYS(name, array)                      \
	&(const struct keys)                   \
	{                                      \
		name, array, ARRAY_SIZE(array) \
	}
#define BOUNDS(...)            \
	&(const struct bounds) \
	{                      \
		__VA_ARGS__    \
	}
#define LIMITS(...)            \
	&(const struct limits) \
	{                      \
		__VA_ARGS__    \
	}

#define DIGITS(size) LIMITS((size)-1, (size)-1, "")

#define DEFINITION(field) offsetof(struct definition, field)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the names of members */
#define INSIDE(outer, field) (DEFINITION(outer.field) - DEFINITION(outer))
#define NETWORK(field)       offsetof(struct network, field)
#define DISK(field)          offsetof(struct disk, field)
#define CREDENTIAL(field)    offsetof(struct credential, field)
#define SHARE(field)         offsetof(struct share, field)
#define CLOUD_INIT(field)    offsetof(struct cloud_init, field)

/* For a type whose target is the whole struct. */
#define WHOLE 0

static const struct word accels[] = {
	{ "auto", ACCEL_AUTO },
	{ "kvm", ACCEL_KVM },
	{ "tcg", ACCEL_TCG },
};

static const struct word disk_modes[] = {
	{ "auto", DISK_MODE_AUTO }, { "overlay", DISK_OVERLAY },   { "snapshot", DISK_SNAPSHOT },
	{ "direct", DISK_DIRECT },  { "readonly", DISK_READONLY },
};

static const struct word disk_devices[] = {
	{ "auto", DISK_DEVICE_AUTO }, { "virtio", DISK_VIRTIO }, { "scsi", DISK_SCSI },
	{ "sata", DISK_SATA },        { "nvme", DISK_NVME },     { "cdrom", DISK_CDROM },
};

static const struct word disk_formats[] = {
	{ "auto", DISK_FORMAT_AUTO },
	{ "raw", DISK_FORMAT_RAW },
	{ "qcow2", DISK_FORMAT_QCOW2 },
};

static const struct word network_kinds[] = {
	{ "lan", NETWORK_LAN },
	{ "user", NETWORK_USER },
};

static const struct word probes[] = {
	{ "normal", PROBE_NORMAL },
	{ "strict", PROBE_STRICT },
	{ "none", PROBE_NONE },
};

static const struct word promiscuous_modes[] = {
	{ "auto", PROMISCUOUS_AUTO },
	{ "on", PROMISCUOUS_ON },
	{ "off", PROMISCUOUS_OFF },
};

static const struct word consoles[] = {
	{ "stdio", CONSOLE_STDIO },
	{ "socket", CONSOLE_SOCKET },
	{ "none", CONSOLE_NONE },
};

static const struct word displays[] = {
	{ "none", DISPLAY_NONE },   { "gtk", DISPLAY_GTK }, { "sdl", DISPLAY_SDL },
	{ "spice", DISPLAY_SPICE }, { "vnc", DISPLAY_VNC },
};

static const struct list ssh_key_list = {
	.item = &type_path,
	.size = sizeof(char *),
	.max = SSH_KEYS_MAX,
	.count = CLOUD_INIT(ssh_key_count) - CLOUD_INIT(ssh_keys),
};

static const struct list package_list = {
	.item = &type_package,
	.size = sizeof(char *),
	.max = PACKAGES_MAX,
	.count = CLOUD_INIT(package_count) - CLOUD_INIT(packages),
};

static const struct list command_list = {
	.item = &type_text,
	.detail = LIMITS(0, COMMAND_MAX, "\t\n"),
	.size = sizeof(char *),
	.max = COMMAND_ARGS_MAX,
	.count = offsetof(struct guest_command, arg_count) - offsetof(struct guest_command, args),
};

static const struct list run_list = {
	.item = &type_command,
	.detail = &command_list,
	.size = sizeof(struct guest_command),
	.max = COMMANDS_MAX,
	.count = CLOUD_INIT(run_count) - CLOUD_INIT(run),
};

static const struct list arg_list = {
	.item = &type_text,
	.detail = LIMITS(0, ARG_MAX_BYTES, "\t\n"),
	.size = sizeof(char *),
	.max = ARGS_MAX,
	.count = DEFINITION(qemu.arg_count) - DEFINITION(qemu.args),
};

/* clang-format off */
/* name, type, target, detail, fallback */
static const struct key machine_keys[] = {
	{ "type",        &type_model,      INSIDE(machine, type),         NULL,                           "q35" },
	{ "accel",       &type_words,      INSIDE(machine, accel),        WORDS(accels),                  "auto" },
	{ "cpu",         &type_cpu,        INSIDE(machine, cpu),          NULL,                           "auto" },
	{ "firmware",    &type_firmware,   INSIDE(machine, firmware),     NULL,                           "bios" },
	{ "secure-boot", &type_flag,       INSIDE(machine, secure_boot),  NULL,                           "false" },
	{ "tpm",         &type_flag,       INSIDE(machine, tpm),          NULL,                           "false" },
};

static const struct key boot_keys[] = {
	{ "kernel",      &type_path,       INSIDE(boot, kernel),          NULL,                           NULL },
	{ "initrd",      &type_path,       INSIDE(boot, initrd),          NULL,                           NULL },
	{ "cmdline",     &type_text,       INSIDE(boot, cmdline),         LIMITS(1, CMDLINE_MAX, ""),     NULL },
};

static const struct key disk_keys[] = {
	{ "image",       &type_image,      WHOLE,                         NULL,                           NULL },
	{ "sha256",      &type_digest,     DISK(sha256),                  DIGITS(SHA256_TEXT_SIZE),       NULL },
	{ "sha512",      &type_digest,     DISK(sha512),                  DIGITS(SHA512_TEXT_SIZE),       NULL },
	{ "mode",        &type_words,      DISK(mode),                    WORDS(disk_modes),              "auto" },
	{ "size",        &type_size,       DISK(size),                    BOUNDS(MIB, 64 * TIB, 0),       NULL },
	{ "format",      &type_words,      DISK(format),                  WORDS(disk_formats),            "auto" },
	{ "device",      &type_words,      DISK(device),                  WORDS(disk_devices),            "auto" },
};

static const struct list disk_list = {
	.item = &type_mapping,
	.detail = KEYS("disks", disk_keys),
	.size = sizeof(struct disk),
	.max = DISKS_MAX,
	.count = DEFINITION(disk_count) - DEFINITION(disks),
};

static const struct word share_drivers[] = {
	{ "9p", SHARE_9P },
	{ "virtiofs", SHARE_VIRTIOFS },
};

static const struct key share_keys[] = {
	{ "path",        &type_path,       SHARE(path),                   NULL,                           key_required },
	{ "tag",         &type_share_tag,  SHARE(tag),                    NULL,                           key_required },
	{ "readonly",    &type_flag,       SHARE(readonly),               NULL,                           "false" },
	{ "driver",      &type_words,      SHARE(driver),                 WORDS(share_drivers),           "9p" },
	{ "mount",       &type_share_mount,SHARE(mount),                  NULL,                           NULL },
};

static const struct list share_list = {
	.item = &type_mapping,
	.detail = KEYS("shares", share_keys),
	.size = sizeof(struct share),
	.max = SHARES_MAX,
	.count = DEFINITION(share_count) - DEFINITION(shares),
};

static const struct list usb_list = {
	.item = &type_usb,
	.size = sizeof(struct usb_id),
	.max = USB_MAX,
	.count = DEFINITION(usb_count) - DEFINITION(usb),
};

static const struct list port_list = {
	.item = &type_port,
	.size = sizeof(struct port),
	.max = PORTS_MAX,
	.count = NETWORK(port_count) - NETWORK(ports),
};

static const struct key credential_keys[] = {
	{ "name",        &type_credential_name, CREDENTIAL(name),         NULL,                           key_required },
	{ "value",       &type_text,       CREDENTIAL(value),             LIMITS(0, CREDENTIAL_TEXT_MAX, "\t\n"), NULL },
	{ "file",        &type_path,       CREDENTIAL(file),              NULL,                           NULL },
};

static const struct list credential_list = {
	.item = &type_mapping,
	.detail = KEYS("credentials", credential_keys),
	.size = sizeof(struct credential),
	.max = CREDENTIALS_MAX,
	.count = DEFINITION(credential_count) - DEFINITION(credentials),
};

static const struct key network_keys[] = {
	{ "type",        &type_network_kind, NETWORK(type),               WORDS(network_kinds),           "lan" },
	{ "uplink",      &type_uplink,     NETWORK(uplink),               NULL,                           "auto" },
	{ "address",     &type_address,    NETWORK(address),              NULL,                           "auto" },
	{ "range",       &type_range,      WHOLE,                         NULL,                           "auto" },
	{ "gateway",     &type_gateway,    WHOLE,                         NULL,                           "router" },
	{ "dns",         &type_dns,        WHOLE,                         NULL,                           "auto" },
	{ "configure",   &type_configure,  NETWORK(configure),            NULL,                           "auto" },
	{ "model",       &type_model,      NETWORK(model),                NULL,                           "virtio" },
	{ "mac",         &type_mac,        WHOLE,                         NULL,                           "auto" },
	{ "queues",      &type_queues,     NETWORK(queues),               NULL,                           "auto" },
	{ "probe",       &type_words,      NETWORK(probe),                WORDS(probes),                  "normal" },
	{ "promiscuous", &type_words,      NETWORK(promiscuous),          WORDS(promiscuous_modes),       "auto" },
	{ "ports",       &type_list,       NETWORK(ports),                &port_list,                     NULL },
};

static const struct key cloud_init_keys[] = {
	{ "user-data",   &type_path,       CLOUD_INIT(user_data),         NULL,                           NULL },
	{ "user",        &type_user,       CLOUD_INIT(user),              NULL,                           "auto" },
	{ "ssh-keys",    &type_ssh_keys,   WHOLE,                         &ssh_key_list,                  "auto" },
	{ "packages",    &type_any,        CLOUD_INIT(packages),          &package_list,                  NULL },
	{ "run",         &type_any,        CLOUD_INIT(run),               &run_list,                      NULL },
};

static const struct key qemu_keys[] = {
	{ "binary",      &type_program,    INSIDE(qemu, binary),          NULL,                           "qemu-system-x86_64" },
	{ "args",        &type_list,       INSIDE(qemu, args),            &arg_list,                      NULL },
};

static const struct key top_keys[] = {
	{ "name",        &type_name,       DEFINITION(name),              NULL,                           key_required },
	{ "uuid",        &type_uuid,       WHOLE,                         NULL,                           "auto" },
	{ "cpus",        &type_count,      DEFINITION(cpus),              BOUNDS(1, CPUS_MAX, 0),         "2" },
	{ "memory",      &type_size,       DEFINITION(memory),            BOUNDS(8 * MIB, 16 * TIB, MIB), "2G" },
	{ "machine",     &type_mapping,    DEFINITION(machine),           KEYS("machine", machine_keys),  "{}" },
	{ "boot",        &type_mapping,    DEFINITION(boot),              KEYS("boot", boot_keys),        "{}" },
	{ "disks",       &type_list,       DEFINITION(disks),             &disk_list,                     NULL },
	{ "network",     &type_networks,   WHOLE,                         KEYS("network", network_keys),  "{}" },
	{ "cloud-init",  &type_cloud_init, DEFINITION(cloud_init),        KEYS("cloud-init", cloud_init_keys), NULL },
	{ "ignition",    &type_path,       DEFINITION(ignition),          NULL,                           NULL },
	{ "credentials", &type_any,        DEFINITION(credentials),       &credential_list,               NULL },
	{ "console",     &type_words,      DEFINITION(console),           WORDS(consoles),                "stdio" },
	{ "display",     &type_words,      DEFINITION(display),           WORDS(displays),                "none" },
	{ "shares",      &type_list,       DEFINITION(shares),            &share_list,                    NULL },
	{ "usb",         &type_list,       DEFINITION(usb),               &usb_list,                      NULL },
	{ "rng",         &type_flag,       DEFINITION(rng),               NULL,                           "true" },
	{ "guest-agent", &type_flag,       DEFINITION(guest_agent),       NULL,                           "true" },
	{ "vsock",       &type_vsock,      DEFINITION(vsock),             NULL,                           "none" },
	{ "shutdown-timeout", &type_duration, DEFINITION(shutdown_timeout), BOUNDS(0, SHUTDOWN_MAX, 0),   "60s" },
	{ "qemu",        &type_mapping,    DEFINITION(qemu),              KEYS("qemu", qemu_keys),        "{}" },
};
/* clang-format on */

/* What a definition is, at its top. */
const struct keys definition_keys = { NULL, top_keys, ARRAY_SIZE(top_keys) };

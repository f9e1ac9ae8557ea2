// SPDX-License-Identifier: GPL-2.0-or-later
// Confines QEMU to the files and sockets of its VM.
#include "launcher/qemu/qemu_confine.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/common/text.h"
#include "launcher/common/xdg.h"
#include "launcher/devices/backend.h"
#include "launcher/qemu/qemu_arg_files.h"
#include "netsetup/base/cleanup.h"

#define PROGRAM   (RULESET_READ | RULESET_EXECUTE)
#define DEVICES   (RULESET_READ_DIR | RULESET_WRITE | RULESET_IOCTL_DEV)
#define OPEN_DISK (RULESET_WRITE | RULESET_IOCTL_DEV)

/* Needs of the definition's keys. */
enum {
	NEED_KVM = 1,
	NEED_USB = 2,
	NEED_RESOLVER = 4, /* QEMU's own NAT answers the guest's DNS */
	NEED_SOUND = 8,
	NEED_WINDOW = 16,
	NEED_VFIO = 32,
};

#define NEED_DESKTOP (NEED_SOUND | NEED_WINDOW)

/*
 * Files of the host by the needs that they serve. "~" is the home directory, "@" the user's runtime
 * directory, and "$NAME" the file that a variable names there. A new version of resolv.conf is a
 * new file in its directory, and a device that is plugged in again has a new node.
 */
static const struct {
	unsigned int needs;
	const char *path;
	uint64_t rights;
} host_files[] = {
	{ NEED_KVM, "/dev/kvm", DEVICES },
	{ NEED_USB, "/dev/bus/usb", DEVICES },
	{ NEED_USB, "/run/udev", RULESET_READ },
	{ NEED_USB, "/sys/bus/usb", RULESET_READ },
	{ NEED_VFIO, "/dev/vfio", DEVICES },
	{ NEED_VFIO, "/sys/bus/pci", RULESET_READ },
	{ NEED_USB | NEED_SOUND | NEED_VFIO, "/sys/devices", RULESET_READ },
	{ NEED_RESOLVER | NEED_DESKTOP, "/etc", RULESET_READ },
	{ NEED_RESOLVER, "/run/NetworkManager", RULESET_READ },
	{ NEED_RESOLVER, "/run/resolvconf", RULESET_READ },
	{ NEED_RESOLVER, "/run/systemd/resolve", RULESET_READ },
	{ NEED_SOUND, "/dev/snd", DEVICES },
	{ NEED_SOUND, "/sys/class/sound", RULESET_READ },
	{ NEED_SOUND, "~/.asoundrc", RULESET_READ },
	{ NEED_SOUND, "~/.config/pipewire", RULESET_READ },
	{ NEED_SOUND, "~/.config/pulse", RULESET_READ_DIR | RULESET_WRITE },
	{ NEED_SOUND, "@/pipewire-0", RULESET_RESOLVE_UNIX },
	{ NEED_SOUND, "@/pulse", RULESET_READ | RULESET_RESOLVE_UNIX },
	{ NEED_DESKTOP, "/dev/shm", RULESET_CHANGE },
	{ NEED_DESKTOP, "/proc", RULESET_READ },
	{ NEED_DESKTOP, "/var/lib/dbus", RULESET_READ },
	{ NEED_WINDOW, "/dev/dri", DEVICES },
	{ NEED_WINDOW, "/dev/nvidia-modeset", DEVICES },
	{ NEED_WINDOW, "/dev/nvidia0", DEVICES },
	{ NEED_WINDOW, "/dev/nvidiactl", DEVICES },
	{ NEED_WINDOW, "/dev/udmabuf", DEVICES },
	{ NEED_WINDOW, "/run/opengl-driver", PROGRAM },
	{ NEED_WINDOW, "/run/udev", RULESET_READ },
	{ NEED_WINDOW, "/sys", RULESET_READ },
	{ NEED_WINDOW, "/tmp/.X11-unix", RULESET_RESOLVE_UNIX },
	{ NEED_WINDOW, "/var/cache/fontconfig", RULESET_READ },
	{ NEED_WINDOW, "~/.Xauthority", RULESET_READ },
	{ NEED_WINDOW, "~/.cache/fontconfig", RULESET_CHANGE },
	{ NEED_WINDOW, "~/.cache/mesa_shader_cache", RULESET_CHANGE },
	{ NEED_WINDOW, "~/.cache/mesa_shader_cache_db", RULESET_CHANGE },
	{ NEED_WINDOW, "~/.config/dconf", RULESET_READ },
	{ NEED_WINDOW, "~/.config/fontconfig", RULESET_READ },
	{ NEED_WINDOW, "~/.config/gtk-3.0", RULESET_READ },
	{ NEED_WINDOW, "~/.fonts", RULESET_READ },
	{ NEED_WINDOW, "~/.icons", RULESET_READ },
	{ NEED_WINDOW, "~/.local/share/fonts", RULESET_READ },
	{ NEED_WINDOW, "~/.local/share/icons", RULESET_READ },
	{ NEED_WINDOW, "~/.local/share/themes", RULESET_READ },
	{ NEED_WINDOW, "~/.themes", RULESET_READ },
	{ NEED_WINDOW, "@/dconf", RULESET_CHANGE },
	{ NEED_WINDOW, "$WAYLAND_DISPLAY", RULESET_RESOLVE_UNIX },
	{ NEED_WINDOW, "$XAUTHORITY", RULESET_READ },
};

static bool has_user_network(const struct definition *definition)
{
	const struct network *network;

	for (unsigned int i = 0; (network = definition_network(definition, i)); i++)
		if (network->type == NETWORK_USER)
			return true;
	return false;
}

/* Words of the user's arguments that have the needs of a key. */
static const struct {
	const char *word;
	unsigned int needs;
} words[] = {
	{ "-enable-kvm", NEED_KVM }, { "alsa", NEED_SOUND },   { "gtk", NEED_WINDOW },
	{ "kvm", NEED_KVM },         { "pa", NEED_SOUND },     { "pipewire", NEED_SOUND },
	{ "sdl", NEED_WINDOW },      { "usb-host", NEED_USB }, { "user", NEED_RESOLVER },
	{ "vfio-pci", NEED_VFIO },
};

static unsigned int find_needs(const struct machine_plan *plan)
{
	const struct definition *definition = plan->definition;
	const enum audio_backend audio = definition->audio;
	unsigned int needs = 0;

	if (plan->accel == ACCEL_KVM)
		needs |= NEED_KVM;
	if (definition->usb_count)
		needs |= NEED_USB;
	if (has_user_network(definition))
		needs |= NEED_RESOLVER;
	if (audio != AUDIO_NONE && audio != AUDIO_SPICE)
		needs |= NEED_SOUND;
	if (definition->display == DISPLAY_GTK || definition->display == DISPLAY_SDL)
		needs |= NEED_WINDOW;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (qemu_arg_files_have(definition, words[i].word))
			needs |= words[i].needs;
	return needs;
}

/* Returns the path of an entry of the table, which the caller frees, or NULL if there is none. */
static char *expand(const char *path)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *value;

	switch (path[0]) {
	case '~':
		value = xdg_home();
		return value ? text_format("%s%s", value, path + 1) : NULL;
	case '@':
		return runtime ? text_format("%s%s", runtime, path + 1) : NULL;
	case '$':
		value = getenv(path + 1);
		if (!value || !value[0] || value[0] == '/')
			return value && value[0] ? strdup(value) : NULL;
		return runtime ? text_format("%s/%s", runtime, value) : NULL;
	default:
		return strdup(path);
	}
}

static int allow_host(const struct ruleset *ruleset, unsigned int needs, struct error *err)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_SIZE(host_files) && !ret; i++) {
		cleanup_free char *path = NULL;

		if (!(host_files[i].needs & needs))
			continue;
		path = expand(host_files[i].path);
		if (path && path[0] == '/')
			ret = ruleset_allow_path(ruleset, path, host_files[i].rights, err);
	}
	return ret;
}

/* Returns the path of the program, without links, which the caller frees, or NULL. */
static char *find_binary(const char *binary)
{
	cleanup_free char *found = NULL;
	struct error ignored;

	if (strchr(binary, '/'))
		return realpath(binary, NULL);
	return backend_find(binary, NULL, "", &found, &ignored) ? NULL : realpath(found, NULL);
}

/* A QEMU that is not in /usr has its libraries and its firmware beside it, or is a build tree. */
static int allow_binary(const struct ruleset *ruleset, const char *binary, struct error *err)
{
	static const char *const beside[] = { "../lib",  "../lib64",   "../share/qemu",
					      "pc-bios", "../pc-bios", "qemu-bundle" };
	cleanup_free char *path = find_binary(binary);
	int ret;

	if (!path)
		return 0;
	ret = ruleset_allow_path(ruleset, path, PROGRAM, err);
	*strrchr(path, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(beside) && !ret; i++) {
		cleanup_free char *each = text_format("%s/%s", path, beside[i]);

		ret = each ? ruleset_allow_path(ruleset, each, PROGRAM, err)
			   : error_set_errno(err, ENOMEM, "cannot confine QEMU");
	}
	return ret;
}

static int allow(const struct ruleset *ruleset, const char *path, uint64_t rights,
		 struct error *err)
{
	return path ? ruleset_allow_path(ruleset, path, rights, err) : 0;
}

/* image_inspect() refuses an image that names another file: a chain has two files at most. */
static int allow_disks(const struct ruleset *ruleset, const struct machine_plan *plan,
		       struct error *err)
{
	const struct definition *definition = plan->definition;
	int ret = 0;

	for (unsigned int i = 0; i < definition->disk_count && !ret; i++) {
		const bool readonly = definition->disks[i].mode == DISK_READONLY;

		ret = allow(ruleset, plan->disk_paths[i],
			    readonly ? RULESET_READ | RULESET_IOCTL_DEV : OPEN_DISK, err);
		if (!ret)
			ret = allow(ruleset, machine_plan_image(plan, i), RULESET_READ, err);
	}
	return ret;
}

static int allow_shares(const struct ruleset *ruleset, const struct definition *definition,
			struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < definition->share_count && !ret; i++)
		if (definition->shares[i].driver == SHARE_9P)
			ret = ruleset_allow_path(ruleset, definition->shares[i].path,
						 definition->shares[i].readonly ? RULESET_READ
										: RULESET_CHANGE,
						 err);
	return ret;
}

static int allow_boot(const struct ruleset *ruleset, const struct machine_plan *plan,
		      struct error *err)
{
	const struct definition *definition = plan->definition;
	const char *const paths[] = { definition->boot.kernel, definition->boot.initrd,
				      definition->machine.firmware.file, definition->ignition,
				      plan->uefi_code };
	int ret = allow(ruleset, plan->uefi_variables, OPEN_DISK, err);

	for (size_t i = 0; i < ARRAY_SIZE(paths) && !ret; i++)
		ret = allow(ruleset, paths[i], RULESET_READ, err);
	return ret;
}

/* Returns true if QEMU itself makes the changes of the guest in a directory of the host. */
static bool has_writable_share(const struct definition *definition)
{
	for (unsigned int i = 0; i < definition->share_count; i++)
		if (definition->shares[i].driver == SHARE_9P && !definition->shares[i].readonly)
			return true;
	return false;
}

/* Returns true if QEMU listens on a socket in the runtime directory. */
static bool has_sockets(const struct definition *definition)
{
	return definition->display == DISPLAY_SPICE || definition->display == DISPLAY_VNC;
}

static int allow_files(const struct ruleset *ruleset, const struct machine_plan *plan,
		       unsigned int needs, struct error *err)
{
	const struct definition *definition = plan->definition;
	int ret;

	ret = allow_binary(ruleset, definition->qemu.binary, err);
	if (!ret)
		ret = allow_host(ruleset, needs, err);
	if (!ret)
		ret = allow_disks(ruleset, plan, err);
	if (!ret)
		ret = allow_boot(ruleset, plan, err);
	if (!ret)
		ret = allow_shares(ruleset, definition, err);
	if (!ret && has_sockets(definition))
		ret = ruleset_allow_path(ruleset, plan->runtime_directory,
					 RULESET_MAKE_SOCK | RULESET_REMOVE_FILE, err);
	return ret ? ret : qemu_arg_files_allow(definition, ruleset, err);
}

/* An argument of the user's may need every kind of connection. */
int qemu_confine(const struct machine_plan *plan, struct confinement *confinement,
		 struct error *err)
{
	const struct definition *definition = plan->definition;
	const unsigned int needs = find_needs(plan);
	const bool args = definition->qemu.arg_count > 0;
	const bool outside = args || (needs & (NEED_RESOLVER | NEED_DESKTOP));
	const struct confinement_needs allowed = {
		.inet = outside,
		.connect = outside,
		.local = args || (needs & NEED_DESKTOP) || has_sockets(definition),
		.abstract = args || (needs & NEED_WINDOW),
		.attributes = args || (needs & NEED_DESKTOP) || has_writable_share(definition),
		.keys = args,
	};
	struct confinement made;
	int ret = confinement_new(&allowed, &made, err);

	if (ret)
		return ret;
	ret = allow_files(&made.ruleset, plan, needs, err);
	if (ret)
		confinement_done(&made);
	else
		*confinement = made;
	return ret;
}

void qemu_confine_remedy(struct error *err)
{
	if (ruleset_version() > 0)
		error_remedy(err, "if QEMU was denied a file that you can open yourself, add it or "
				  "its directory to 'qemu.files'");
}

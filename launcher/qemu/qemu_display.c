// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for the serial console and the display.
#include "launcher/qemu/qemu_display.h"

#include <errno.h>
#include <string.h>

#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"

int qemu_display_add_console(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	switch (plan->console) {
	case CONSOLE_STDIO:
		/* Ctrl-A C switches to QEMU's monitor; Ctrl-C goes to the guest. */
		argv_add(argv, "-chardev", "stdio,id=console,mux=on,signal=off", "-serial",
			 "chardev:console", "-monitor", "chardev:console", NULL);
		break;
	case CONSOLE_SOCKET:
		argv_add(argv, "-chardev", NULL);
		argv_addf(argv, "socket,id=console,fd=%d", QEMU_FD_CONSOLE);
		argv_add(argv, "-serial", "chardev:console", NULL);
		break;
	case CONSOLE_NONE:
		argv_add(argv, "-serial", "none", NULL);
		break;
	}
	return 0;
}

/* Adds the port of the SPICE agent, which shares the clipboard and the size of the screen. */
static int add_spice(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	cleanup_free char *path = NULL;
	int ret = qemu_text_socket_path(plan, "spice.sock", &path, err);

	if (ret)
		return ret;
	argv_add(argv, "-display", "none", "-spice", NULL);
	argv_addf(argv, "unix=on,addr=%s,disable-ticketing=on", path);
	argv_add(argv, "-device", "virtio-serial-pci", "-chardev",
		 "spicevmc,id=vdagent,name=vdagent", "-device",
		 "virtserialport,chardev=vdagent,name=com.redhat.spice.0", NULL);
	return 0;
}

static int add_vnc(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	cleanup_free char *path = NULL;
	int ret = qemu_text_socket_path(plan, "vnc.sock", &path, err);

	if (ret)
		return ret;
	argv_add(argv, "-display", "none", "-vnc", NULL);
	argv_addf(argv, "unix:%s", path);
	return 0;
}

/* Every BIOS can write to virtio-vga, and Linux can resize it. */
static void add_video(const struct video *video, struct argv *argv)
{
	static const char *const models[] = {
		[VIDEO_VIRTIO] = "virtio-vga", [VIDEO_STD] = "VGA",
		[VIDEO_QXL] = "qxl-vga",       [VIDEO_VMWARE] = "vmware-svga",
		[VIDEO_CIRRUS] = "cirrus-vga", [VIDEO_BOCHS] = "bochs-display",
	};
	const struct resolution *size = &video->resolution;

	argv_add(argv, "-device", NULL);
	if (size->width)
		argv_addf(argv, "%s,xres=%u,yres=%u", models[video->model], size->width,
			  size->height);
	else
		argv_add(argv, models[video->model], NULL);
}

/* A tablet needs no mouse grab. */
static void add_screen(const struct video *video, struct argv *argv)
{
	add_video(video, argv);
	argv_add(argv, "-device", "qemu-xhci,id=usb", "-device", "usb-tablet,bus=usb.0", NULL);
}

int qemu_display_add(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	enum display_mode display = plan->definition->display;

	if (display != DISPLAY_NONE)
		add_screen(&plan->definition->video, argv);
	switch (display) {
	case DISPLAY_NONE:
		argv_add(argv, "-display", "none", NULL);
		return 0;
	case DISPLAY_GTK:
		argv_add(argv, "-display", "gtk", NULL);
		return 0;
	case DISPLAY_SDL:
		argv_add(argv, "-display", "sdl", NULL);
		return 0;
	case DISPLAY_SPICE:
		return add_spice(plan, argv, err);
	case DISPLAY_VNC:
		return add_vnc(plan, argv, err);
	}
	return 0;
}

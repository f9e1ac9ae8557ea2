// SPDX-License-Identifier: GPL-2.0-or-later
// Adds QEMU's arguments for entropy, sound, the guest agent, USB devices and vsock.
#include "launcher/qemu/qemu_devices.h"

#include "launcher/guest/guest_agent.h"
#include "launcher/qemu/qemu_fd.h"
#include "launcher/qemu/qemu_text.h"
#include "netsetup/base/cleanup.h"

/* Gives the guest entropy from the host's getrandom(2), so that its sshd starts at once. */
int qemu_devices_add_rng(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	if (plan->definition->rng)
		argv_add(argv, "-device", "virtio-rng-pci", NULL);
	return 0;
}

/* The card that Windows and Linux have drivers for, with output and input. */
int qemu_devices_add_audio(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	static const char *const backends[] = {
		[AUDIO_SPICE] = "spice",
		[AUDIO_PIPEWIRE] = "pipewire",
		[AUDIO_PULSE] = "pa",
		[AUDIO_ALSA] = "alsa",
	};

	if (plan->definition->audio == AUDIO_NONE)
		return 0;
	argv_add(argv, "-audiodev", NULL);
	argv_addf(argv, "%s,id=audio", backends[plan->definition->audio]);
	argv_add(argv, "-device", "ich9-intel-hda", "-device", "hda-duplex,audiodev=audio", NULL);
	return 0;
}

/*
 * QEMU accepts one client at a time on a socket that vmrun has made. Without a client it discards
 * the guest's output, so a guest that writes without end costs the launcher nothing.
 */
int qemu_devices_add_agent(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	if (!plan->definition->guest_agent)
		return 0;
	argv_add(argv, "-chardev", NULL);
	argv_addf(argv, "socket,id=agent,server=on,wait=off,fd=%d", QEMU_FD_AGENT);
	argv_add(argv, "-device", "virtio-serial-pci,id=agents", "-device",
		 "virtserialport,bus=agents.0,chardev=agent,id=" GUEST_AGENT_PORT
		 ",name=org.qemu.guest_agent.0",
		 NULL);
	return 0;
}

/*
 * Adds a second controller, since the display's exists only with a display. QEMU finds a device
 * again when it is unplugged and plugged in.
 */
int qemu_devices_add_usb(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	const struct definition *definition = plan->definition;

	if (!definition->usb_count)
		return 0;
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "qemu-xhci,id=host-usb,p2=%d,p3=%d", USB_MAX, USB_MAX);
	for (unsigned int i = 0; i < definition->usb_count; i++) {
		argv_add(argv, "-device", NULL);
		argv_addf(argv, "usb-host,bus=host-usb.0,vendorid=0x%04x,productid=0x%04x",
			  definition->usb[i].vendor, definition->usb[i].product);
	}
	return 0;
}

int qemu_devices_add_vsock(const struct machine_plan *plan, struct argv *argv, struct error *err)
{
	if (!plan->vsock)
		return 0;
	argv_add(argv, "-device", NULL);
	argv_addf(argv, "vhost-vsock-pci,guest-cid=%u,vhostfd=%d", plan->definition->vsock.cid,
		  QEMU_FD_VSOCK);
	return 0;
}

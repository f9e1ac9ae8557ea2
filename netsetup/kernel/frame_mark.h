// SPDX-License-Identifier: GPL-2.0-or-later
// Defines the marks of frames that an uplink's table passes on.
#ifndef NETSETUP_KERNEL_FRAME_MARK_H
#define NETSETUP_KERNEL_FRAME_MARK_H

/* Of a frame for the LAN alone: a guest's, or the worker's ARP in a guest's name. */
#define FRAME_MARK_LAN 0x766d7201u

/* Of a bridged guest's frame to the host, which arrives on the uplink as one of the LAN would. */
#define FRAME_MARK_HOST 0x766d7202u

#endif

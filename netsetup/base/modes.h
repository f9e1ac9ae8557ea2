// SPDX-License-Identifier: GPL-2.0-or-later
// Has values that a client's request and the maker's share.
#ifndef NETSETUP_BASE_MODES_H
#define NETSETUP_BASE_MODES_H

#define QUEUES_MAX 8 /* pairs of queues of a tap */

/* Of the name of a table or a chain; longer ones are cut. */
#define NFT_NAME_SIZE 64

/* When the uplink is promiscuous: it depends on its driver, always, never. */
enum promiscuous_mode {
	PROMISCUOUS_AUTO,
	PROMISCUOUS_ON,
	PROMISCUOUS_OFF,
};

#endif

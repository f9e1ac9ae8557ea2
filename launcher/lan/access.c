// SPDX-License-Identifier: GPL-2.0-or-later
// Names problems of the access point with the guest's address, and remedies.
#include "launcher/lan/access.h"

#include <stdio.h>

const char *access_word(enum access_result access)
{
	static const char *const words[ACCESS_RESULTS] = {
		[ACCESS_UNKNOWN] = "unknown",   [ACCESS_OPEN] = "open",
		[ACCESS_ANSWERED] = "answered", [ACCESS_HIDDEN] = "hidden",
		[ACCESS_REFUSED] = "refused",
	};

	return words[access];
}

bool access_text(enum access_result access, enum promiscuous_mode promiscuous,
		 char text[ACCESS_TEXT_SIZE])
{
	text[0] = '\0';
	if (access == ACCESS_REFUSED)
		snprintf(text, ACCESS_TEXT_SIZE,
			 "the router answers this host, but not the guest's address: the access "
			 "point seems to permit one address, or its own DHCP leases, for each "
			 "station; use 'network: user', a cable or another network");
	else if (access == ACCESS_HIDDEN)
		snprintf(text, ACCESS_TEXT_SIZE,
			 "ARP requests for the guest's address do not arrive here: the access "
			 "point or the Wi-Fi card seems to hide them; vmrun announces the address "
			 "every minute%s",
			 promiscuous == PROMISCUOUS_ON ? "" : "; set 'network.promiscuous: on'");
	return text[0] != '\0';
}

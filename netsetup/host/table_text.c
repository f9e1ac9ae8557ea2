// SPDX-License-Identifier: GPL-2.0-or-later
// Reports changes of an uplink's table in nft's syntax, for people to read.
#include "netsetup/host/table_text.h"

#include "netsetup/base/ipv4.h"
#include "netsetup/base/printable.h"
#include "netsetup/kernel/arp.h"

bool table_text_open(struct host *host, struct interface_id uplink)
{
	char word[PRINTABLE_WORD_SIZE(IFNAMSIZ)];

	return host_report(host, "# nft add table netdev " TABLE_PREFIX "%s { flags owner; }",
			   printable_word(uplink.ifname, word));
}

bool table_text_refresh(struct host *host, struct interface_id uplink)
{
	return host_report(host, "# nft refresh");
}

bool table_text_vm(struct host *host, struct interface_id uplink, const struct table_vm *vm)
{
	return host_report(host, "# nft vm");
}

bool table_text_vm_delete(struct host *host, struct interface_id uplink, struct interface_id tap)
{
	return host_report(host, "# nft delete vm");
}

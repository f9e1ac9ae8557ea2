// SPDX-License-Identifier: GPL-2.0-or-later
// Reports changes of an uplink's table in nft's syntax, for people to read.
#ifndef NETSETUP_HOST_TABLE_TEXT_H
#define NETSETUP_HOST_TABLE_TEXT_H

#include "netsetup/host/report.h"
#include "netsetup/table/table.h"

/* Each reports a change in lines that begin with "# nft", and returns host_report()'s answer. */
bool table_text_open(struct host *host, struct interface_id uplink);
bool table_text_bridge(struct host *host, struct interface_id uplink);
bool table_text_refresh(struct host *host, struct interface_id uplink);
bool table_text_vm(struct host *host, struct interface_id uplink, const struct table_vm *vm);
bool table_text_delete(struct host *host, struct interface_id uplink);
bool table_text_vm_delete(struct host *host, struct interface_id uplink, struct interface_id tap);

#endif

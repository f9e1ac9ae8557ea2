// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the uplinks' shared sysctls, and restores them after the last VM.
#ifndef NETSETUP_SERVICE_UPLINK_VALUES_H
#define NETSETUP_SERVICE_UPLINK_VALUES_H

#include <stdint.h>

#include "netsetup/host/host.h"

#define UPLINK_VALUES_COUNT 2
#define UPLINK_RECORDS_MAX  32

/**
 * struct uplink_record - the values of one uplink from before its first VM.
 * @ifindex: of the interface, which may get another name.
 * @values: in the order of the table in uplink_values.c: 1 if we have changed it, its previous
 *          value and that of all interfaces.
 */
struct uplink_record {
	uint32_t ifindex;
	struct {
		int32_t changed;
		int32_t original;
		int32_t original_of_all;
	} values[UPLINK_VALUES_COUNT];
};

/**
 * struct uplink_records - the records of all uplinks.
 * @save: writes them to the state file before a value is changed; returns 0 or a negative errno.
 * @context: passed to @save.
 */
struct uplink_records {
	struct uplink_record records[UPLINK_RECORDS_MAX];
	uint32_t count;
	int (*save)(void *context, struct error *err);
	void *context;
};

/**
 * uplink_values_set() - make the uplink forward, and answer for the guest without the random delay
 * of proxied replies (parp_process in net/ipv4/arp.c, up to 0.8 s).
 *
 * Return: 0 or a negative errno.
 */
int uplink_values_set(struct uplink_records *records, struct host *host, struct interface_id uplink,
		      struct error *err);

/**
 * uplink_values_forwards() - true if the uplink forwards packets by another program's choice, for
 * itself or for all interfaces.
 * uplink_values_ours() - true if it forwards, but not by another program's choice.
 */
bool uplink_values_forwards(struct uplink_records *records, struct interface_id uplink);
bool uplink_values_ours(struct uplink_records *records, struct interface_id uplink);

/**
 * uplink_values_restore() - restore the values of the uplinks that no VM uses. A value that is no
 * longer ours stays, because another program chose it. A dry run removes the records only.
 * @in_use: returns true if a VM uses the uplink.
 * @context: passed to it.
 * @err: the last error; the record of that uplink stays, and the others are restored.
 *
 * Return: 0 or a negative errno.
 */
int uplink_values_restore(struct uplink_records *records, struct host *host,
			  bool (*in_use)(unsigned int ifindex, const void *context),
			  const void *context, struct error *err);

#endif

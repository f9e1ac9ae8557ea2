// SPDX-License-Identifier: GPL-2.0-or-later
// Sets the uplinks' shared sysctls, and restores them after the last VM.
#include "netsetup/service/uplink_values.h"

#include <errno.h>
#include <net/if.h>

#include "netsetup/base/cleanup.h"
#include "netsetup/base/ifname.h"

/* Index of the value that makes an uplink forward. */
#define FORWARDING 0

/* The values that a VM needs; a record has one entry for each, in this order. */
static const struct uplink_value {
	const char *tree;
	const char *key;
	int wanted;
} values[UPLINK_VALUES_COUNT] = {
	[FORWARDING] = { "ipv4/conf", "forwarding", 1 },
	{ "ipv4/neigh", "proxy_delay", 0 },
};

static struct sysctl sysctl_of(size_t i, const char *ifname)
{
	return (struct sysctl){ values[i].tree, ifname, values[i].key };
}

/* Returns the value for all interfaces, 0 if there is none. */
static int value_of_all(size_t i)
{
	const struct sysctl sysctl = sysctl_of(i, "all");
	struct error ignored;
	int current = 0;

	sysctl_read(&sysctl, &current, &ignored);
	return current;
}

static struct uplink_record *find_record(struct uplink_records *records, unsigned int ifindex)
{
	for (uint32_t i = 0; i < records->count; i++)
		if (records->records[i].ifindex == ifindex)
			return &records->records[i];
	return NULL;
}

static struct uplink_record *take_record(struct uplink_records *records, unsigned int ifindex,
					 struct error *err)
{
	struct uplink_record *record = find_record(records, ifindex);

	if (record)
		return record;
	if (records->count == UPLINK_RECORDS_MAX) {
		error_set_errno(err, ENOSPC, "cannot record the uplink's values");
		return NULL;
	}
	record = &records->records[records->count++];
	*record = (struct uplink_record){ .ifindex = ifindex };
	return record;
}

/* Finds the values that differ. */
static int find_changes(struct interface_id uplink, int current[UPLINK_VALUES_COUNT], bool *any,
			struct error *err)
{
	*any = false;
	for (size_t i = 0; i < UPLINK_VALUES_COUNT; i++) {
		const struct sysctl sysctl = sysctl_of(i, uplink.ifname);
		const int ret = sysctl_read(&sysctl, &current[i], err);

		if (ret < 0)
			return ret;
		*any = *any || current[i] != values[i].wanted;
	}
	return 0;
}

static int record_changes(struct uplink_records *records, unsigned int ifindex,
			  const int current[UPLINK_VALUES_COUNT], struct error *err)
{
	struct uplink_record *record = take_record(records, ifindex, err);

	if (!record)
		return -err->code;
	for (size_t i = 0; i < UPLINK_VALUES_COUNT; i++) {
		if (current[i] == values[i].wanted)
			continue;
		/* Even if we had set it before: another program has changed it since. */
		record->values[i].changed = 1;
		record->values[i].original = current[i];
		record->values[i].original_of_all = value_of_all(i);
	}
	return records->save(records->context, err);
}

int uplink_values_set(struct uplink_records *records, struct host *host, struct interface_id uplink,
		      struct error *err)
{
	int current[UPLINK_VALUES_COUNT];
	bool any;
	int ret;

	ret = find_changes(uplink, current, &any, err);
	if (ret < 0 || !any)
		return ret;
	if (!host->dry_run)
		ret = record_changes(records, uplink.ifindex, current, err);
	for (size_t i = 0; ret == 0 && i < UPLINK_VALUES_COUNT; i++) {
		const struct sysctl sysctl = sysctl_of(i, uplink.ifname);

		if (current[i] != values[i].wanted)
			ret = host_sysctl(host, &sysctl, values[i].wanted, err);
	}
	return ret;
}

bool uplink_values_ours(struct uplink_records *records, struct interface_id uplink)
{
	const struct uplink_record *record = find_record(records, uplink.ifindex);

	return record && record->values[FORWARDING].changed &&
	       !record->values[FORWARDING].original && !value_of_all(FORWARDING);
}

bool uplink_values_forwards(struct uplink_records *records, struct interface_id uplink)
{
	const struct sysctl sysctl = sysctl_of(FORWARDING, uplink.ifname);
	struct error ignored;
	int value = 0;

	if (uplink_values_ours(records, uplink))
		return false;
	sysctl_read(&sysctl, &value, &ignored);
	return value || value_of_all(FORWARDING);
}

/*
 * Returns true if another program has since set the value for all interfaces, as Docker does with
 * ip_forward. The value then belongs to that program, even though it equals ours.
 */
static bool set_for_all(const struct uplink_record *record, size_t i)
{
	return value_of_all(i) == values[i].wanted &&
	       record->values[i].original_of_all != values[i].wanted;
}

/* Restores one value if it is still ours. */
static int restore_value(struct host *host, const char *ifname, const struct uplink_record *record,
			 size_t i, struct error *err)
{
	const struct sysctl sysctl = sysctl_of(i, ifname);
	int current = 0;
	int ret;

	if (!record->values[i].changed || set_for_all(record, i))
		return 0;
	ret = sysctl_read(&sysctl, &current, err);
	if (ret == 0 && current != values[i].wanted)
		return 0;
	if (ret == 0)
		ret = host_sysctl(host, &sysctl, record->values[i].original, err);
	/* The values are gone together with the interface. */
	return ret == -ENOENT && if_nametoindex(ifname) == 0 ? 0 : ret;
}

/* Finds the interface by index, because udev may have renamed it since. */
static int restore_uplink(struct host *host, const struct uplink_record *record, struct error *err)
{
	char ifname[IFNAMSIZ];
	int result = 0;

	if (!if_indextoname(record->ifindex, ifname))
		return errno == ENXIO ? 0
				      : error_set_errno(err, errno, "cannot find interface %u",
							record->ifindex);
	/* The name becomes part of paths and messages. */
	if (!ifname_valid(ifname))
		return error_setf(err, STATUS_FAILURE, EINVAL,
				  "the name of interface %u cannot be used", record->ifindex);
	for (size_t i = 0; i < UPLINK_VALUES_COUNT; i++) {
		const int ret = restore_value(host, ifname, record, i, err);

		result = ret < 0 ? ret : result;
	}
	return result;
}

int uplink_values_restore(struct uplink_records *records, struct host *host,
			  bool (*in_use)(unsigned int ifindex, const void *context),
			  const void *context, struct error *err)
{
	uint32_t kept = 0;
	int result = 0;

	for (uint32_t i = 0; i < records->count; i++) {
		const struct uplink_record *record = &records->records[i];
		const bool used = in_use(record->ifindex, context);
		const int ret = used ? 0 : restore_uplink(host, record, err);

		result = ret < 0 ? ret : result;
		if (used || ret < 0)
			records->records[kept++] = *record;
	}
	records->count = kept;
	return result;
}

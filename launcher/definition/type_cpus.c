// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the number of CPUs or their topology.
#include "launcher/definition/type_cpus.h"

#include "launcher/definition/definition.h"
#include "launcher/definition/type_number.h"

static void read_topology(struct loader *loader, const struct key *key, const struct node *node,
			  struct cpus *cpus)
{
	const struct topology *topology = &cpus->topology;
	unsigned int count;

	schema_read_mapping(loader, node, key->constraint, cpus);
	count = topology->sockets * topology->cores * topology->threads;
	if (count > CPUS_MAX)
		diagnostics_add(loader->diagnostics, &node->location,
				"'%s' must be at most %d in total, not %u", key->name, CPUS_MAX,
				count);
	else
		cpus->count = count;
}

static void read_cpus(struct loader *loader, const struct key *key, const struct node *node,
		      void *target)
{
	static const struct bounds bounds = { 1, CPUS_MAX, 0 };
	const struct key number = { .name = key->name,
				    .type = &type_number_count,
				    .constraint = &bounds };
	struct cpus *cpus = target;

	if (node->kind == NODE_MAPPING)
		read_topology(loader, key, node, cpus);
	else
		type_number_count.read(loader, &number, node, &cpus->count);
}

static struct json_object *write_cpus(const struct key *key, const void *target)
{
	const struct cpus *cpus = target;

	return cpus->topology.sockets ? schema_write(key->constraint, cpus)
				      : json_object_new_int64(cpus->count);
}

const struct type type_cpus = { NODE_SCALAR | NODE_MAPPING,
				"a whole number from 1 to 255 or a mapping of keys", NULL,
				read_cpus, write_cpus };

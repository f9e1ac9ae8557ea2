// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps a routed VM's packets out of this host's policy rules and networks.
#include "netsetup/service/guest_rules.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netsetup/base/cleanup.h"

/* struct wanted_rule - a rule that a VM or an uplink needs. */
struct wanted_rule {
	enum maker_rule kind;
	struct interface_id link;
};

/* The guest twice, the uplink's subnets, and the rest. */
#define TABLE_ROUTES_MAX (UPLINK_SUBNETS_MAX + 3)

#define cleanup_rules  __attribute__((cleanup(fib_rule_done))) struct fib_rules
#define cleanup_routes __attribute__((cleanup(fib_rule_routes_done))) struct table_routes

/* Returns which of our rules this is, or MAKER_RULES if it is none. */
static enum maker_rule kind_of(const struct fib_rule *rule)
{
	if (rule->protocol != HOST_PROTOCOL || rule->preference < 1 ||
	    rule->preference > CHANGE_PREFERENCE_MAX)
		return MAKER_RULES;
	if (!rule->iifname[0])
		return rule->action == FR_ACT_TO_TBL && rule->table == GUEST_TABLE
			       ? MAKER_RULE_GUESTS
			       : MAKER_RULES;
	if (rule->action == FR_ACT_UNREACHABLE || rule->action == FR_ACT_BLACKHOLE)
		return MAKER_RULE_STOP;
	if (rule->action != FR_ACT_TO_TBL || rule->to.length)
		return MAKER_RULES;
	if (rule->table == RT_TABLE_LOCAL)
		return MAKER_RULE_LOCAL;
	return rule->table >= TAP_TABLE_BASE ? MAKER_RULE_TABLE : MAKER_RULES;
}

/*
 * Returns the preference of MAKER_RULE_GUESTS; the others follow. It is below each rule of another
 * program but that of the local table, and as high as possible: a program that adds a rule without
 * a preference gets one less than the first.
 */
static uint32_t base_preference(const struct fib_rules *rules)
{
	uint32_t lowest = CHANGE_PREFERENCE_MAX + 1;

	for (size_t i = 0; i < rules->count; i++) {
		const struct fib_rule *rule = &rules->list[i];

		if (rule->protocol != HOST_PROTOCOL && rule->preference &&
		    rule->table != RT_TABLE_LOCAL && rule->preference < lowest)
			lowest = rule->preference;
	}
	return lowest > MAKER_RULES ? lowest - MAKER_RULES : 1;
}

static bool is_wanted(const struct fib_rule *rule, const struct wanted_rule *wanted)
{
	if (kind_of(rule) != wanted->kind)
		return false;
	if (wanted->kind == MAKER_RULE_TABLE && rule->table != TAP_TABLE(wanted->link.ifindex))
		return false;
	return wanted->kind == MAKER_RULE_GUESTS ||
	       !strncmp(rule->iifname, wanted->link.ifname, IFNAMSIZ);
}

static bool has_rule(const struct fib_rules *rules, const struct wanted_rule *wanted,
		     uint32_t preference)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].preference == preference && is_wanted(&rules->list[i], wanted))
			return true;
	return false;
}

static int add_missing(struct host *host, const struct fib_rules *rules,
		       const struct wanted_rule *wanted, size_t count, struct error *err)
{
	const uint32_t base = base_preference(rules);

	for (size_t i = 0; i < count; i++) {
		const uint32_t preference = base + wanted[i].kind;
		int ret = 0;

		if (!has_rule(rules, &wanted[i], preference))
			ret = host_rule_add(host, wanted[i].kind, wanted[i].link, preference, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* True if the kernel asks the table local before all rules, as it is unless someone moved that. */
static bool local_is_first(const struct fib_rules *rules)
{
	for (size_t i = 0; i < rules->count && rules->list[i].preference == 0; i++)
		if (rules->list[i].table == RT_TABLE_LOCAL && !rules->list[i].iifname[0] &&
		    rules->list[i].to.length == 0)
			return true;
	return false;
}

/* Lists a VM's rules; returns their number. The packets of a bridged VM meet none. */
static size_t list_rules(const struct fib_rules *rules, const struct vm *vm,
			 struct wanted_rule wanted[MAKER_RULES])
{
	const bool reached = vm->record.published_on || vm->record.attach.dry_run;
	const unsigned int end = vm->record.attach.host_routes ? MAKER_RULE_LOCAL : MAKER_RULES;
	size_t count = 0;

	if (vm->record.path == PATH_BRIDGED)
		return 0;
	for (unsigned int kind = reached ? 0 : MAKER_RULE_LOCAL; kind < end; kind++)
		if (kind != MAKER_RULE_LOCAL || !local_is_first(rules))
			wanted[count++] = (struct wanted_rule){ (enum maker_rule)kind, vm_tap(vm) };
	return count;
}

static bool usable_gateway(const struct vm *vm)
{
	const struct in_addr gateway = vm->record.attach.gateway;
	const struct uplink_facts *uplink = &vm->uplink;

	if (ipv4_unset(gateway))
		return false;
	for (size_t i = 0; i < uplink->subnet_count; i++)
		if (ipv4_prefix_host(&uplink->subnets[i], gateway))
			return true;
	return ipv4_equal(gateway, uplink->router);
}

/* Lists the routes of the tap's table, and those to the guest; returns their number. */
static size_t list_routes(const struct vm *vm, struct table_route wanted[TABLE_ROUTES_MAX])
{
	const struct uplink_facts *uplink = &vm->uplink;
	const struct table_route route = { .table = TAP_TABLE(vm->record.tap_ifindex),
					   .ifindex = uplink->ifindex };
	size_t count = 0;

	wanted[count++] = (struct table_route){ .table = GUEST_TABLE,
						.to = { vm->record.address, 32 },
						.source = uplink->prefix.address,
						.ifindex = vm->record.tap_ifindex };
	wanted[count] = wanted[0];
	wanted[count++].source.s_addr = INADDR_ANY;
	if (vm->record.attach.host_routes)
		return count;
	for (size_t i = 0; i < uplink->subnet_count; i++) {
		wanted[count] = route;
		wanted[count++].to = uplink->subnets[i];
	}
	if (usable_gateway(vm)) {
		wanted[count] = route;
		wanted[count++].router = vm->record.attach.gateway;
	}
	return count;
}

static bool same_destination(const struct table_route *a, const struct table_route *b)
{
	return a->table == b->table && a->to.length == b->to.length &&
	       ipv4_equal(a->to.address, b->to.address);
}

static bool has_route(const struct table_route *routes, size_t count,
		      const struct table_route *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (same_destination(&routes[i], wanted) && routes[i].ifindex == wanted->ifindex &&
		    ipv4_equal(routes[i].router, wanted->router) &&
		    ipv4_equal(routes[i].source, wanted->source))
			return true;
	return false;
}

static int delete_route(struct host *host, const struct table_route *route, struct error *err)
{
	char ifname[IFNAMSIZ];

	if (!if_indextoname(route->ifindex, ifname) || !ifname_valid(ifname))
		memcpy(ifname, "IF", sizeof("IF"));
	return host_tap_route_delete(host, route, ifname, err);
}

/* True for a route of the tap's table, or to the guest. */
static bool is_of(const struct vm *vm, const struct table_route *route)
{
	return route->table == GUEST_TABLE ? route->ifindex == vm->record.tap_ifindex
					   : route->table == TAP_TABLE(vm->record.tap_ifindex);
}

static int publish_table(struct host *host, const struct vm *vm, const struct table_routes *routes,
			 struct error *err)
{
	struct table_route wanted[TABLE_ROUTES_MAX];
	const size_t count = list_routes(vm, wanted);
	int ret = 0;

	for (size_t i = 0; i < routes->count && ret == 0; i++)
		if (is_of(vm, &routes->list[i]) && !has_route(wanted, count, &routes->list[i]))
			ret = delete_route(host, &routes->list[i], err);
	for (size_t i = 0; i < count && ret == 0; i++)
		if (!has_route(routes->list, routes->count, &wanted[i]))
			ret = host_tap_route_add(host, &wanted[i],
						 wanted[i].table == GUEST_TABLE ? vm->record.tap
										: vm->uplink.ifname,
						 err);
	return ret;
}

int guest_rules_publish(struct host *host, const struct vm *vm, struct error *err)
{
	struct wanted_rule wanted[MAKER_RULES];
	cleanup_routes routes = { 0 };
	cleanup_rules rules = { 0 };
	size_t count;
	int ret;

	ret = fib_rule_dump(host->route, &rules, err);
	if (ret == 0)
		ret = fib_rule_dump_routes(host->route, HOST_PROTOCOL, &routes, err);
	if (ret == 0)
		ret = publish_table(host, vm, &routes, err);
	if (ret < 0)
		return ret;
	count = list_rules(&rules, vm, wanted);
	return add_missing(host, &rules, wanted, count, err);
}

/* Lists the rules of an uplink; returns their number. */
static size_t list_guard(const struct fib_rules *rules, struct interface_id uplink,
			 struct wanted_rule wanted[2])
{
	size_t count = 0;

	if (!local_is_first(rules))
		wanted[count++] = (struct wanted_rule){ MAKER_RULE_LOCAL, uplink };
	wanted[count++] = (struct wanted_rule){ MAKER_RULE_STOP, uplink };
	return count;
}

int guest_rules_guard(struct state *state, struct host *host, const struct vm *vm,
		      struct error *err)
{
	const struct interface_id uplink = uplink_check_id(&vm->uplink);
	struct wanted_rule wanted[2];
	cleanup_rules rules = { 0 };
	int ret;

	if (uplink_values_forwards(&state->uplinks, uplink))
		return 0;
	ret = fib_rule_dump(host->route, &rules, err);
	if (ret < 0)
		return ret;
	return add_missing(host, &rules, wanted, list_guard(&rules, uplink, wanted), err);
}

static bool find_in(const struct wanted_rule *wanted, size_t count, const struct fib_rule *rule,
		    struct wanted_rule *found)
{
	for (size_t i = 0; i < count; i++) {
		*found = wanted[i];
		if (is_wanted(rule, found))
			return true;
	}
	return false;
}

/* Finds what the rule is for; false if nothing of the state needs it. */
static bool find_wanted(struct state *state, const struct fib_rules *rules,
			const struct fib_rule *rule, struct wanted_rule *found)
{
	struct wanted_rule wanted[MAKER_RULES];
	const struct interface_id uplink = { rule->iifname, if_nametoindex(rule->iifname) };

	for (const struct vm *vm = state->vms; vm; vm = vm->next) {
		if (!vm->record.tap_ifindex || vm_dead(vm))
			continue;
		if (find_in(wanted, list_rules(rules, vm, wanted), rule, found))
			return true;
	}
	return uplink.ifindex && uplink_values_ours(&state->uplinks, uplink) &&
	       find_in(wanted, list_guard(rules, uplink, wanted), rule, found);
}

/* A rule at another preference than the present one goes once the one there has been made. */
static bool rule_needed(struct state *state, const struct fib_rules *rules,
			const struct fib_rule *rule)
{
	struct wanted_rule found;
	uint32_t preference;

	if (!find_wanted(state, rules, rule, &found))
		return false;
	preference = base_preference(rules) + found.kind;
	return rule->preference == preference || !has_rule(rules, &found, preference);
}

static bool route_needed(const struct state *state, const struct table_route *route)
{
	for (const struct vm *vm = state->vms; vm; vm = vm->next)
		if (is_of(vm, route) && !vm_dead(vm) && vm->record.path == PATH_ROUTED &&
		    vm->record.published_on &&
		    (vm->record.published_on == route->ifindex ||
		     vm->record.tap_ifindex == route->ifindex))
			return true;
	return false;
}

int guest_rules_sweep(struct state *state, struct host *host, struct error *err)
{
	cleanup_routes routes = { 0 };
	cleanup_rules rules = { 0 };
	int ret, result;

	result = fib_rule_dump(host->route, &rules, err);
	for (size_t i = 0; result == 0 && i < rules.count; i++) {
		if (kind_of(&rules.list[i]) == MAKER_RULES ||
		    rule_needed(state, &rules, &rules.list[i]))
			continue;
		ret = host_rule_delete(host, kind_of(&rules.list[i]), &rules.list[i], err);
		result = ret < 0 ? ret : result;
	}
	ret = fib_rule_dump_routes(host->route, HOST_PROTOCOL, &routes, err);
	for (size_t i = 0; ret == 0 && i < routes.count; i++)
		if (routes.list[i].table >= GUEST_TABLE && !route_needed(state, &routes.list[i]))
			ret = delete_route(host, &routes.list[i], err);
	return ret < 0 ? ret : result;
}

bool guest_rules_has_route(const struct host *host, const struct vm *vm)
{
	const struct table_route wanted = { .table = RT_TABLE_MAIN,
					    .to = { vm->record.address, 32 },
					    .ifindex = vm->record.tap_ifindex };
	cleanup_routes routes = { 0 };
	struct error ignored;

	return fib_rule_dump_routes(host->route, HOST_PROTOCOL, &routes, &ignored) == 0 &&
	       has_route(routes.list, routes.count, &wanted);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Follows packets through real rules, and finds firewalls without the right to read them.
#include <cap-ng.h>
#include <errno.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "launcher/doctor/firewall.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/ipv4.h"
#include "tests/unit/support/namespace.h"
#include "tests/unit/support/scratch.h"

enum seen {
	SEEN_UFW = 1,
	SEEN_FIREWALLD = 2,
	SEEN_RULES = 4,
	FAILED = 99,
};

/* Looks in a child without capabilities, to which the kernel does not show its rules. */
static int look(void)
{
	struct firewall firewall;
	int status;
	pid_t child = fork();

	if (child == 0) {
		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_apply(CAPNG_SELECT_CAPS) != 0)
			_exit(FAILED);
		firewall_look(scratch, &firewall);
		_exit((firewall.ufw ? SEEN_UFW : 0) | (firewall.firewalld ? SEEN_FIREWALLD : 0) |
		      (firewall.readable ? SEEN_RULES : 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_none(void **state)
{
	assert_int_equal(look(), 0);
}

static void test_ufw(void **state)
{
	scratch_text("etc/ufw/ufw.conf", "# comment\nENABLED=no\nLOGLEVEL=low\n");
	scratch_text("etc/default/ufw", "IPV6=yes\nDEFAULT_FORWARD_POLICY=\"DROP\"\n");
	assert_int_equal(look(), 0);
	scratch_text("etc/ufw/ufw.conf", "# comment\n ENABLED = yes  # now\nLOGLEVEL=low\n");
	assert_int_equal(look(), SEEN_UFW);
	scratch_text("etc/default/ufw", "DEFAULT_FORWARD_POLICY=\"ACCEPT\"\n");
	assert_int_equal(look(), 0);
}

static void test_firewalld(void **state)
{
	scratch_text("sys/fs/cgroup/system.slice/firewalld.service/cgroup.procs", "");
	assert_int_equal(look(), SEEN_FIREWALLD);
}

#define NFT(rules)     "nft -f - <<'END'\n" rules "\nEND"
#define FORWARD(rules) "chain f { type filter hook forward priority 0; " rules " };"
#define TABLE(rules)   NFT("table inet t {" rules "}")
#define NAT(rules)                                                            \
	NFT("table ip n { chain p { type nat hook postrouting priority 100; " \
	    "policy accept; " rules " }; }")
#define LEGACY "iptables-legacy -A FORWARD "

/* Rules, and the fate of packets from and to a VM and of their source; the uplink is e0. */
static const struct row {
	const char *what;
	const char *script;
	enum packet_outcome from;
	enum packet_outcome to;
	enum packet_outcome hidden;
	const char *chain;
	bool unsure;
} rows[] = {
	{ "nothing", "true", PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "a policy", TABLE(FORWARD("policy drop;")), PACKET_DROP, PACKET_DROP, PACKET_ACCEPT,
	  "inet t f", false },
	{ "a policy of another hook",
	  NFT("table ip t { chain i { type filter hook input priority 0; "
	      "policy drop; }; }"),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "one direction", TABLE(FORWARD("policy drop; iifname \"vmr-*\" accept;")), PACKET_ACCEPT,
	  PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "the other direction", TABLE(FORWARD("policy drop; oifname \"vmr-web\" counter accept;")),
	  PACKET_DROP, PACKET_ACCEPT, PACKET_ACCEPT, "inet t f", false },
	{ "both",
	  TABLE(FORWARD("policy drop; iifname \"vmr-*\" accept; oifname \"vmr-*\" accept;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "a final reject",
	  TABLE(FORWARD("policy accept; ct state established,related accept; "
			"reject with icmpx type admin-prohibited;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "a final drop", TABLE(FORWARD("ct state vmap { established : accept } ; log; drop;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", true },
	{ "drops of other packets",
	  TABLE(FORWARD("ct state invalid drop; tcp dport 25 drop; "
			"iifname \"docker0\" drop; ip saddr 10.0.0.0/8 "
			"drop; meta nfproto ipv6 drop; ct mark 7 drop;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "what is for all but another interface", TABLE(FORWARD("iifname != \"docker0\" drop;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "other interfaces' exceptions",
	  TABLE(FORWARD("policy drop; iifname \"virbr0\" accept; oifname \"v\" accept;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "addresses",
	  TABLE(FORWARD("policy drop; ip saddr 192.168.7.0/24 ip daddr != "
			"192.168.0.0/16 accept; ip daddr 192.168.7.0/25 accept;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "jumps",
	  TABLE("chain a { return; drop; }; chain b { iifname \"vmr-*\" drop; }; "
		"chain c { jump a; goto b; }; " FORWARD("jump a; jump c; oifname \"vmr-*\" drop;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "a jump of others",
	  TABLE("chain a { drop; }; " FORWARD("tcp dport 25 jump a; "
					      "iifname \"docker0\" jump a;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "a goto does not come back",
	  TABLE("chain a { iifname \"x\" drop; }; " FORWARD("policy accept; goto a; drop;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "zones as of firewalld, one by name",
	  TABLE("chain z { oifname \"e0\" accept; }; chain d { reject; }; "
		"chain zones { iifname \"e0\" goto z; goto d; }; " FORWARD(
			"policy accept; ct state established accept; jump zones; reject;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", false },
	{ "zones as of firewalld, both by name",
	  TABLE("chain z { oifname \"e0\" accept; oifname \"vmr-web\" accept; }; chain d { reject; "
		"}; "
		"chain zones { iifname \"vmr-web\" goto z; iifname \"e0\" goto z; goto d; "
		"}; " FORWARD("policy accept; ct state established accept; jump zones; reject;")),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "a second table",
	  NFT("table ip a { " FORWARD("iifname \"vmr-*\" accept;") " }\n"
								   "table ip b { " FORWARD(
									   "policy drop;") " }"),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "ip b f", false },
	{ "a set", TABLE(FORWARD("policy drop; iifname { \"vmr-web\", \"e0\" } accept;")),
	  PACKET_DROP, PACKET_DROP, PACKET_ACCEPT, "inet t f", true },
	{ "iptables-nft",
	  "iptables-nft -A FORWARD -i vmr-+ -m comment --comment vm -j ACCEPT && "
	  "iptables-nft -A FORWARD -p icmp -j ACCEPT && "
	  "iptables-nft -A FORWARD -j REJECT",
	  PACKET_ACCEPT, PACKET_DROP, PACKET_ACCEPT, "ip filter FORWARD", false },
	{ "masquerade", NAT("oifname \"e0\" masquerade;"), PACKET_ACCEPT, PACKET_ACCEPT,
	  PACKET_TRANSLATE, "ip n p", false },
	{ "a fixed source", NAT("ip saddr 192.168.0.0/16 snat to 192.168.7.5;"), PACKET_ACCEPT,
	  PACKET_ACCEPT, PACKET_TRANSLATE, "ip n p", false },
	{ "masquerade, but for VMs", NAT("iifname \"vmr-*\" accept; oifname \"e0\" masquerade;"),
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "masquerade of containers, and what is for input",
	  "iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE && "
	  "iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to 172.17.0.2",
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "masquerade by iptables-nft", "iptables-nft -t nat -A POSTROUTING -o e0 -j MASQUERADE",
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_TRANSLATE, "ip nat POSTROUTING", false },
	{ "legacy: a policy", "iptables-legacy -P FORWARD DROP", PACKET_DROP, PACKET_DROP,
	  PACKET_ACCEPT, "iptables-legacy FORWARD", false },
	{ "legacy: a policy and one direction",
	  "iptables-legacy -P FORWARD DROP && " LEGACY "-o vmr-+ -j ACCEPT", PACKET_DROP,
	  PACKET_ACCEPT, PACKET_ACCEPT, "iptables-legacy FORWARD", false },
	{ "legacy: a final reject",
	  LEGACY "-i vmr-web -j ACCEPT && " LEGACY
		 "-m conntrack --ctstate ESTABLISHED -j ACCEPT && " LEGACY "-j REJECT",
	  PACKET_ACCEPT, PACKET_DROP, PACKET_ACCEPT, "iptables-legacy FORWARD", false },
	{ "legacy: drops of other packets",
	  LEGACY "-p tcp --dport 25 -j DROP && " LEGACY "-i docker0 -j DROP && " LEGACY
		 "! -i e0 -o docker0 -j DROP && " LEGACY "-s 10.0.0.0/8 -j DROP",
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_ACCEPT, "", false },
	{ "legacy: chains",
	  "iptables-legacy -N A && iptables-legacy -N B && iptables-legacy -A A -j RETURN && "
	  "iptables-legacy -A A -j DROP && iptables-legacy -A B -o vmr-+ -j DROP && " LEGACY
	  "-j A && " LEGACY "-j B",
	  PACKET_ACCEPT, PACKET_DROP, PACKET_ACCEPT, "iptables-legacy FORWARD", false },
	{ "legacy: masquerade", "iptables-legacy -t nat -A POSTROUTING -o e0 -j MASQUERADE",
	  PACKET_ACCEPT, PACKET_ACCEPT, PACKET_TRANSLATE, "iptables-legacy POSTROUTING", false },
	{ "legacy: masquerade of others",
	  "iptables-legacy -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE", PACKET_ACCEPT,
	  PACKET_ACCEPT, PACKET_ACCEPT, "", false },
};

static struct in_addr address(const char *text)
{
	struct in_addr parsed;

	assert_true(ipv4_parse(text, &parsed));
	return parsed;
}

static void check_row(const struct row *row, const struct firewall *firewall)
{
	const struct in_addr guest = address("192.168.7.4");
	const struct packet sent = { NULL, "e0", guest, address("203.0.113.1") };
	const struct packet received = { "e0", NULL, address("192.168.7.7"), guest };
	const struct packet_fate from = firewall_follow(firewall, NF_INET_FORWARD, &sent);
	const struct packet_fate to = firewall_follow(firewall, NF_INET_FORWARD, &received);
	const struct packet_fate hidden = firewall_follow(firewall, NF_INET_POST_ROUTING, &sent);
	const struct packet_fate *fate = from.outcome == PACKET_DROP ? &from
					 : to.outcome == PACKET_DROP ? &to
								     : &hidden;

	if (from.outcome != row->from || to.outcome != row->to || hidden.outcome != row->hidden)
		fail_msg("%s: from %d, to %d, hidden %d", row->what, from.outcome, to.outcome,
			 hidden.outcome);
	assert_string_equal(fate->chain, row->chain);
	assert_int_equal(fate->unsure, row->unsure);
}

static const struct row *current;

static void follow(void)
{
	struct firewall firewall;

	if (namespace_run(current->script) != 0)
		fail_msg("%s: cannot make the rules", current->what);
	firewall_look("", &firewall);
	assert_true(firewall.readable);
	check_row(current, &firewall);
	firewall_done(&firewall);
}

static void test_follow(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		current = &rows[i];
		namespace_test(follow);
	}
}

/* A kernel without nf_tables, as this process sees it, can still have iptables-legacy. */
static void without_nftables(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct firewall firewall;
	const struct scmp_arg_cmp netfilter[] = { { 0, SCMP_CMP_EQ, AF_NETLINK, 0 },
						  { 2, SCMP_CMP_EQ, NETLINK_NETFILTER, 0 } };

	assert_int_equal(namespace_run("iptables-legacy -P FORWARD DROP"), 0);
	assert_int_equal(seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT),
						SCMP_SYS(socket), ARRAY_SIZE(netfilter), netfilter),
			 0);
	assert_int_equal(seccomp_load(filter), 0);
	seccomp_release(filter);
	firewall_look("", &firewall);
	assert_true(firewall.readable && firewall.missing);
	check_row(&(struct row){ "no nf_tables", "", PACKET_DROP, PACKET_DROP, PACKET_ACCEPT,
				 "iptables-legacy FORWARD", false },
		  &firewall);
	firewall_done(&firewall);
}

static void test_without_nftables(void **state)
{
	namespace_test(without_nftables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_ufw, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_firewalld, scratch_setup, scratch_teardown),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_without_nftables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

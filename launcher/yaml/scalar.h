// SPDX-License-Identifier: GPL-2.0-or-later
// Converts the text of single values: numbers, sizes, durations, addresses, names.
#ifndef LAUNCHER_YAML_SCALAR_H
#define LAUNCHER_YAML_SCALAR_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define SCALAR_SIZE_TEXT_SIZE 24
#define SCALAR_DOMAIN_SIZE    254 /* a name (RFC 1035 section 2.3.4), with its NUL */
#define ARP_MAC_TEXT_SIZE     18

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/*
 * Each scalar_X() reads a whole text and returns true if it is valid, else leaves its outputs
 * untouched. Numbers are decimal, without sign, leading zeros or separators.
 */
bool scalar_count(const char *text, uint64_t *count);

/* scalar_size() - read bytes: a number and K, M, G, T, KiB, MiB, GiB or TiB; below 2^63. */
bool scalar_size(const char *text, uint64_t *bytes);

/* scalar_duration() - read seconds: a number and s, m or h, or 0; below 2^31. */
bool scalar_duration(const char *text, unsigned int *seconds);

/* scalar_mac() - read six octets of two hexadecimal digits, with ':' between them. */
bool scalar_mac(const char *text, struct ether_addr *mac);

/* scalar_range() - read FIRST-LAST, both inclusive; the caller must check their order. */
bool scalar_range(const char *text, struct in_addr *first, struct in_addr *last);

/* scalar_model() - check a name of a QEMU device or machine: [A-Za-z0-9._+-], 1 to 63. */
bool scalar_model(const char *text);

/*
 * scalar_domain() - check a host's domain name (RFC 952, RFC 1123 section 2.1): labels of letters,
 * digits and inner hyphens, the last not a number, no dot at the end. Any network can set the name,
 * and guests use it in shell scripts: no other character is accepted.
 */
bool scalar_domain(const char *text);

/* scalar_user() - check a login name: [a-z_][a-z0-9_-]*, 1 to 32 (useradd(8), CAVEATS). */
bool scalar_user(const char *text);

/* scalar_size_text() - write the shortest text that scalar_size() reads; returns @text. */
const char *scalar_size_text(uint64_t bytes, char text[SCALAR_SIZE_TEXT_SIZE]);

/* scalar_mac_text() - write a MAC address in lower case; returns @text. */
const char *scalar_mac_text(const struct ether_addr *mac, char text[ARP_MAC_TEXT_SIZE]);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the surrogate pairs of JSON, which libyaml refuses.
#ifndef LAUNCHER_YAML_SURROGATE_H
#define LAUNCHER_YAML_SURROGATE_H

#include <stdbool.h>

/**
 * surrogate_hide() - replace escapes of surrogates ("\ud83d\ude00") by others that libyaml reads.
 * No position in the text changes.
 * @text: YAML; if it has no surrogates, or has the characters that stand for them, it is unchanged.
 *
 * Return: true if there was one; then each scalar needs surrogate_show().
 */
bool surrogate_hide(char *text);

/**
 * surrogate_show() - undo surrogate_hide() in the text of a scalar.
 * @quoted: true for a double-quoted scalar, whose pairs become characters (RFC 8259, section 7).
 *
 * Return: false if a surrogate has no other half.
 */
bool surrogate_show(char *text, bool quoted);

#endif

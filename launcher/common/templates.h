// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the templates of vmrun and the files that a mistyped name may mean.
#ifndef LAUNCHER_COMMON_TEMPLATES_H
#define LAUNCHER_COMMON_TEMPLATES_H

#include <limits.h>

#include "netsetup/base/error.h"

#define TEMPLATES_SUFFIX ".yaml"

/**
 * templates_directory() - find the directory of the schema and of "templates/".
 * @path: the result, for this program in a build tree or in an installation.
 *
 * Return: 0 or a negative errno.
 */
int templates_directory(char path[PATH_MAX], struct error *err);

/**
 * templates_suggest() - find what the name of a missing definition file may mean.
 * @path: the name, as the user typed it.
 *
 * Return: a line that offers a file of the same directory or a template, allocated; or NULL.
 */
char *templates_suggest(const char *path);

#endif

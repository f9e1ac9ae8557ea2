// SPDX-License-Identifier: GPL-2.0-or-later
// Picks the login user and SSH keys when the definition names none.
#ifndef LAUNCHER_GUEST_LOGIN_H
#define LAUNCHER_GUEST_LOGIN_H

#include <stdbool.h>

#include "launcher/common/remove.h"
#include "launcher/definition/machine_plan.h"
#include "netsetup/base/error.h"

/* The size of a login name that scalar_user() accepts, with its NUL. */
#define LOGIN_USER_SIZE 33

/* login_wanted() - true if cloud-init or credentials configure the guest's login. */
bool login_wanted(const struct definition *definition);

/**
 * login_choose() - choose the login user and the authorized keys: those of the definition's
 * `cloud-init`. For `auto`, the user gets a name like the host user's, and the keys are the public
 * keys in the host user's home that ssh(1) tries.
 *
 * If the host user has no key, this function makes a key pair for this VM, once: "id_ed25519" in
 * the VM's data directory. As long as it exists, the guest authorizes it beside the user's keys,
 * and `vmrun ssh` uses it, since the guest may have been installed with it.
 * @plan: its @login is set, unless the guest has no login.
 * @dry_run: true to show the command and make no key.
 *
 * Return: 0 or a negative errno.
 */
int login_choose(struct machine_plan *plan, bool dry_run, struct error *err);

/**
 * login_user() - make a guest's login name from the host's, which may have letters, dots or a
 * domain that useradd(8) of a guest refuses: "Ann.Lee@example.org" becomes "ann_lee".
 * @login: the host's name, or NULL if the user has none.
 * @user: the guest's name; "user" if no usable character of @login is left.
 */
void login_user(const char *login, char user[LOGIN_USER_SIZE]);

/**
 * login_reset() - remove the VM's key pair.
 * @directory: the VM's data directory.
 */
void login_reset(const char *directory, const struct removal *removal);

#endif

# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls of the laptop: the real programs where they run in a namespace, else their rules."""

import shutil
import subprocess
from pathlib import Path

from lab import Lab

# /etc/ufw is the machine's own: ufw gets a copy, in a mount namespace of its own.
UFW = ('mount --bind "$0/etc" /etc/ufw && mount --bind "$0/default" /etc/default/ufw && '
       'mount --bind "$0/lock" /run/ufw.lock && exec ufw "$@"')


def script(lab: Lab, text: str) -> None:
    """Run a shell script on the laptop."""
    lab.run(["sh", "-ec", text])


class Ufw:
    """ufw(8) with its own defaults; a context manager."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._directory = lab, lab.directory / "ufw"

    def __call__(self, *arguments: str) -> str:
        """Run `ufw @arguments`."""
        return self._lab.run(["unshare", "-m", "sh", "-ec", UFW, self._directory,
                              *arguments]).stdout

    def __enter__(self) -> "Ufw":
        shutil.copytree("/etc/ufw", self._directory / "etc")
        lines = Path("/etc/default/ufw").read_text().splitlines()
        # Its sysctls are the namespace's, which a test must leave as they were.
        kept = [line for line in lines if not line.startswith(("IPT_SYSCTL", "IPV6"))]
        (self._directory / "default").write_text("\n".join(kept + ["IPV6=no", "IPT_SYSCTL=", ""]))
        (self._directory / "lock").touch()
        (self._lab.run_dir / "ufw.lock").touch()
        self("--force", "enable")
        return self

    def __exit__(self, *_: object) -> None:
        self("disable")


class Firewall:
    """The rules of a @text in sh(1); a context manager that removes all rules at its end."""

    def __init__(self, lab: Lab, text: str) -> None:
        self._lab, self._text = lab, text

    def __enter__(self) -> "Firewall":
        script(self._lab, self._text)
        return self

    def __exit__(self, *_: object) -> None:
        clear(self._lab)


def clear(lab: Lab) -> None:
    """Remove all rules, of both kinds of iptables."""
    script(lab, "nft flush ruleset; iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F; "
                "iptables-legacy -X")


# The chain FORWARD as dockerd 28 makes it when it turns ip_forward on itself.
DOCKER = """
iptables-nft -P FORWARD DROP
for chain in DOCKER-USER DOCKER-FORWARD DOCKER-CT DOCKER-BRIDGE DOCKER; do
	iptables-nft -N $chain
done
iptables-nft -A FORWARD -j DOCKER-USER
iptables-nft -A FORWARD -j DOCKER-FORWARD
iptables-nft -A DOCKER-FORWARD -j DOCKER-CT
iptables-nft -A DOCKER-FORWARD -j DOCKER-BRIDGE
iptables-nft -A DOCKER-FORWARD -i docker0 -j ACCEPT
iptables-nft -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A DOCKER-BRIDGE -o docker0 -j DOCKER
iptables-nft -A DOCKER ! -i docker0 -o docker0 -j DROP
"""

LEGACY = "iptables-legacy -P FORWARD DROP"


def nft(text: str) -> str:
    """A shell script that loads a table."""
    text = text.replace("}", "}\n")
    return f"nft -f - <<'end'\n{text}\nend\n"

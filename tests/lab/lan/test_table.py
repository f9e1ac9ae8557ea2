# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of an uplink: what passes between the LAN, the host and its guests, and what does not."""

import pytest

from lab import Lab
from table import Holder


@pytest.mark.parametrize("paths", [("bridged", "bridged"), ("bridged", "routed"), ("routed", "routed")])
def test_everybody_reaches_everybody(lab: Lab, paths: tuple[str, str]) -> None:
    """Guests on either path, the host, a station and the router."""
    with Holder(lab) as holder:
        guests = [holder.guest(path) for path in paths]
        everybody = [*guests, lab.laptop, lab.phone, lab.router]
        bad = [f"{one} -> {other}" for one in everybody for other in everybody
               if one is not other and not one.ping(other.address, timeout=3)]
        if bad:
            print(lab.laptop.netns.run(["nft", "list", "ruleset"]).stdout)
        assert not bad

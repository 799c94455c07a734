"""The player of packages: the page that plays a launch, and the packages' files."""

from headway.player.framing import SANDBOXED, Framing
from headway.player.hosts import Hosts, host_of
from headway.player.site import PlayerSite

__all__ = ["SANDBOXED", "Framing", "Hosts", "PlayerSite", "host_of"]

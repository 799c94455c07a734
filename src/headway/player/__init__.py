"""The player of packages: the page that plays a launch, and the packages' files."""

from headway.player.site import PlayerSite

__all__ = ["PlayerSite"]

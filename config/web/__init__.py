"""What every page of ours shares: ``furnish(app, services=…)`` applied by the entry points."""

from config.web.front import furnish

__all__ = ["furnish"]

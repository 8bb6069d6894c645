"""Model files to elsewhere: web pages, and their check in a browser."""

from littoral.export.web import Exported, to_web

__all__ = ["Exported", "to_web"]

"""Cached figures for dashboards, and the cache itself."""

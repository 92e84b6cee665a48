"""Payments of every domain."""

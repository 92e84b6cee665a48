"""Alerts on their way."""

from tests.factories.alert_fixtures import desk, receiving, running_receivers

__all__ = ["desk", "receiving", "running_receivers"]

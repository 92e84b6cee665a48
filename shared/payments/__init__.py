"""Money through the gateway, for every domain that takes it."""

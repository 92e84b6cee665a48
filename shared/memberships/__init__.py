"""Paid monthly tiers with a discount at checkout."""

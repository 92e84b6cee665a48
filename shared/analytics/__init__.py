"""Figures of the shop, from what the syncs have put into BigQuery."""

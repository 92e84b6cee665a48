"""Raffles."""

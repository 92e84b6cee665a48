"""Answers that are dear to make and may be some seconds old, kept in Firestore for all instances (docs/caching.md)."""

"""Prize raffles: never one ticket too many, and a draw that anyone can check."""

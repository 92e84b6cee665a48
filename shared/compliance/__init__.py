"""How well the shop keeps the rules, in figures."""

"""Hands: one outside library each. They report and obey; they decide nothing."""

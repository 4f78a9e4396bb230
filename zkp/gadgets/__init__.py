"""Pieces that circuits are built from: ranges, comparisons, choices, division, hashing."""

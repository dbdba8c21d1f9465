"""Groupings found from faces: which emotions the single network confuses on val decides which share an expert."""

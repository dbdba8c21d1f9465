"""Groupings found from faces: which emotions the single network confuses on val decides which share an expert.

The only stage between trainings: the singles' outputs go in, experts' emotions come out, one file a grouping.
"""

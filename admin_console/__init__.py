"""Operators' pages: credits, bans, switches, statistics, audit."""

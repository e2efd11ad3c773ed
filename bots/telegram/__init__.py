"""Telegram: events in, messages out."""

"""The same commands in a chat page and as a JSON API."""

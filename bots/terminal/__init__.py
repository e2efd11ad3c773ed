"""The same commands at a prompt: the smallest front."""

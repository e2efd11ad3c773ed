"""What the bots can do, on no platform: one command a file."""

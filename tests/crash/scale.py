"""How big the crash tests are: EASEL_KILLS=n makes soaks of them, with the product's own waiting times; EASEL_SEED
repeats random kills."""

import os
import secrets

IS_SOAK = "EASEL_KILLS" in os.environ
KILLS = int(os.environ.get("EASEL_KILLS", "16"))
PAUSE = 3.0 if IS_SOAK else 0.5
"""Between two kills, on average, in seconds."""
GENERATIONS = max(30, 2 * KILLS)
SEED = int(os.environ.get("EASEL_SEED", secrets.randbelow(2**31)))

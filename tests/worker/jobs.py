"""Jobs as providers are told them."""

from dataclasses import replace

from engine.ports import Job

FLUX = Job(
    provider="fal",
    generation_id=7,
    attempt=1,
    model_id="flux-dev",
    endpoint="fal-ai/flux/dev",
    input="image_size",
    output="images_and_flags",
    prompt="a fox",
    size="16:9",
    seed=42,
    takes_seed=True,
    pictures=2,
    start_seconds=60,
    cost_microdollars=25_000,
    cost_unit="megapixel",
)
ONE = replace(FLUX, size=None, pictures=1, start_seconds=30)
BANANA = replace(
    FLUX,
    model_id="nano-banana",
    endpoint="fal-ai/nano-banana",
    input="aspect_ratio",
    output="images",
    takes_seed=False,
    cost_microdollars=39_800,
    cost_unit="image",
)

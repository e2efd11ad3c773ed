"""What the JSON API takes and gives. Credits are numbers with at most two decimals, moments ISO 8601 in UTC."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

from engine.generations.asking import SEEDS
from engine.tables import State


def number(hundredths: int) -> int | float:
    """Hundredths as the JSON number a person would write: 50 is 0.5, 2500 is 25."""
    exact = Decimal(hundredths) / 100
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _decimals(description: str, example: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", "description": description, "examples": [example]})


Amount = Annotated[
    int, PlainSerializer(number), _decimals("A number of credits, with at most two decimals: 0.5 is half a credit", 0.5)
]
Dollars = Annotated[int, PlainSerializer(number), _decimals("US dollars, with at most two decimals", 4.99)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class Taken(BaseModel):
    """What clients send: nothing that we don't know, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Wish(Taken):
    """A picture to draw."""

    prompt: Annotated[Words, Field(max_length=20_000, description="What to draw", examples=["a fox in the snow"])]
    size: Annotated[Name | None, Field(description="One of the model's sizes", examples=["1:1"])] = None
    seed: Annotated[
        int | None, Field(ge=0, lt=SEEDS, description="The same seed draws the same picture again, where a model can")
    ] = None
    use_bought_credits: Annotated[
        bool, Field(description="Yes to the question whether bought credits may pay for this picture")
    ] = False


class WishWithModel(Wish):
    """A picture to draw, perhaps with a certain model."""

    model: Annotated[
        Name | None,
        Field(description="Without one: your default model, else the cheapest you may use", examples=["nano-banana"]),
    ] = None


class Given(BaseModel):
    """What clients get."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Image(Given):
    """A stored picture."""

    url: Annotated[str, Field(description="Anyone who has this address may read the picture for an hour")]
    thumbnail_url: Annotated[str, Field(description="The same, small")]
    width: Annotated[int, Field(description="Pixels")]
    height: Annotated[int, Field(description="Pixels")]
    content_type: str


class Failure(Given):
    """Why there is no picture. Nothing was charged."""

    kind: Annotated[
        str, Field(description="refused, unfit, provider, unknown, too_late, broken_picture, storage, banned ...")
    ]
    message: Annotated[str, Field(description="The same for people, in the language of Accept-Language")]


class Drawing(Given):
    """A generation: how far it is, what it costs, what came of it."""

    id: int
    state: Annotated[State, Field(description="stored, failed and cancelled are ends")]
    model: str
    prompt: str
    size: str | None
    seed: int
    cost: Annotated[Amount, Field(description="Credits: on hold while it runs, charged once stored, 0 otherwise")]
    remaining: Annotated[Amount, Field(description="Credits you can still spend")]
    free_pictures_left: Annotated[int | None, Field(description="For guests, who have no credits")]
    status_url: Annotated[str, Field(description="GET this to see how far it is")]
    created_at: datetime
    ended_at: datetime | None
    images: Annotated[list[Image], Field(description="Empty until stored, and after they were deleted")]
    error: Failure | None


class Line(Given):
    """One line of the statement."""

    at: datetime
    kind: Annotated[str, Field(description="hold, settle, grant, daily, welcome, lapse ...")]
    text: Annotated[str, Field(description="What happened, in the language of Accept-Language")]
    change: Annotated[Amount, Field(description="Credits that became available, or less than zero")]
    spent: Annotated[Amount, Field(description="Credits charged for good")]
    balance: Annotated[Amount, Field(description="Credits available after it")]


class Page(Given):
    """A page of the statement, newest first."""

    lines: list[Line]
    after: Annotated[str | None, Field(description="The cursor of the next page; null on the last")]


class Model(Given):
    """A model to draw with."""

    id: str
    name: str
    kind: str
    tier: str
    best_for: str
    price: Annotated[Amount, Field(description="Credits a picture; guests pay with a free picture instead")]
    sizes: list[str]
    takes_seed: bool
    is_within_reach: Annotated[bool | None, Field(description="For you, now; null when we don't know who asks")]
    reason: Annotated[str | None, Field(description="Why it is out of reach")]


class Models(Given):
    """All models."""

    models: list[Model]


class Pack(Given):
    """A pack of credits on sale."""

    id: str
    name: str
    price: Dollars
    currency: str
    credits: Amount
    bonus: Annotated[Amount, Field(description="Credits more than Starter gives for the same money")]
    bonus_percent: Annotated[int, Field(description="The same in percent, rounded down")]
    saving_percent: Annotated[int, Field(description="How much less a credit costs than in Starter, rounded down")]
    is_best_value: bool


class Packs(Given):
    """All packs."""

    packs: list[Pack]

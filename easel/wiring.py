"""Settings into the parts that need them; explicit, nothing is looked up by name."""

import getpass
import os
import sys

from engine.database import Database
from engine.migrations import is_current
from engine.settings import Settings, read_settings


def open_database() -> Database:
    """The database that the settings name, for one command; ends with advice when its schema is not current."""
    here = database(read_settings())
    if not is_current(here):
        sys.exit("Not done: the database has not this program's schema. Run: easel migrate")
    return here


def actor() -> str:
    """Who acts when a person types: whoever reaches this prompt has the database anyway."""
    try:
        return f"terminal:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return f"terminal:{os.getuid()}"


def database(settings: Settings) -> Database:
    """The database of this installation."""
    return Database(settings)

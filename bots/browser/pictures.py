"""The owner's way to a picture at full size: an address that lasts, in front of those of the store that do not."""

from bots.browser.desk import PLATFORM
from bots.browser.front import Front
from bots.browser.visitor import Visitor
from engine import accounts, generations
from engine.errors import NotFound
from engine.generations import StoredPicture

ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


def link(front: Front, visitor: Visitor, generation_id: int, number: int, is_to_save: bool = False) -> str | None:
    """Where the picture is now; None when there is none, or it is another's."""
    picture = _picture(front, visitor, generation_id, number) if 0 < generation_id < 2**63 else None
    if picture is None:
        return None
    filename = f"{front.settings.name}-{generation_id}-{number}.{ENDINGS.get(picture.content_type, 'bin')}"
    return front.media.link(picture.key, filename if is_to_save else None)


def _picture(front: Front, visitor: Visitor, generation_id: int, number: int) -> StoredPicture | None:
    with front.database.read() as work:
        account_id = accounts.find(work, PLATFORM, visitor.user_id) if visitor.user_id else None
        try:
            generations.mine(work, account_id or 0, generation_id)
        except NotFound:
            return None
        kept = generations.stored_pictures(work, [generation_id]).get(generation_id, [])
    return next((picture for picture in kept if picture.number == number), None)

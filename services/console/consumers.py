"""What the console hears: that a message was posted, for the browsers that show an inbox."""

from typing import Any

from services.console.live import live
from sinergi.bus import Bus
from sinergi.events import MessagePosted

bus = Bus("console")


@bus.listen(MessagePosted)
async def when_message_posted_hint_the_browsers(event: dict[str, Any]) -> None:
    """Heard by every replica, each for its own browsers."""
    live.tell(str(event["recipient"]))

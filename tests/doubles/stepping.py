"""One mail through a connection that answers by a call, for a test that waits for the answer."""

import asyncio

from campaigns.message.message import Envelope, Message
from scheduler.transports.contract import Outcome, SteppingConnection


async def stepped(connection: SteppingConnection, message: Message, then: Envelope | None = None) -> Outcome:
    """What became of the prepared message; as the dispatcher does, a wait that is given up abandons the connection."""
    answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    connection.begin(message, then, answered.set_result)
    try:
        return await answered
    except asyncio.CancelledError:
        await connection.abandon()
        raise

"""A chat for a few people in a few rooms: the application's side, in FastAPI.

What is said comes by ordinary HTTP and goes to everybody in the room as one message for many
channels. Who is here the application learns from presence notices. README.md says how to
run it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import uvicorn
from fastapi import Cookie, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, StringConstraints

import downlink

HERE = Path(__file__).parent
log = logging.getLogger("chat")

# Rooms, people and what was said live in memory; the oldest make room.
ROOMS_MAX = 1_000
PEOPLE_MAX = 200
SAID_KEPT = 100

# A client id is `<room>.<person>`, so neither has a dot in it.
RoomName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
Person = Annotated[Optional[str], Cookie(pattern=r"^[A-Za-z0-9_-]{10,64}$")]


@dataclass
class Member:
    """Somebody who has entered a room."""

    name: str
    here: bool = False
    generation: int = -1
    """Of the last presence notice, so that one that comes late changes nothing."""


@dataclass
class Room:
    """Who is in it, and what was said last. Whoever changes it holds its lock."""

    members: OrderedDict[str, Member] = field(default_factory=OrderedDict)
    """By their client ids."""
    said: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=SAID_KEPT))
    number: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while something is sent as well, so that everybody has everything in one order."""

    def people(self) -> list[dict[str, Any]]:
        """What the pages show."""
        return [
            {"id": face(client_id), "name": member.name, "here": member.here}
            for client_id, member in self.members.items()
        ]

    async def tell(self, message: dict[str, Any], ttl: Optional[int] = None) -> None:
        """Sends to everybody: one record, stored once, in everybody's channel."""
        item = downlink.Item(list(self.members), json.dumps(message), ttl=ttl)
        for answer in await client.send_many([item]):
            if isinstance(answer, downlink.ItemError):
                log.warning("not sent: %s", answer.detail)


rooms: OrderedDict[str, Room] = OrderedDict()
client = downlink.AsyncClient()  # DOWNLINK_URL, DOWNLINK_API_KEY


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Ends the connections to Downlink with the application."""
    yield
    await client.close()


app = FastAPI(lifespan=lifespan, openapi_url=None)
app.mount("/look", StaticFiles(directory=HERE.parent / "look"))


class Enter(BaseModel):
    """Somebody comes in."""

    room: RoomName
    name: Name


class Say(BaseModel):
    """Somebody says something."""

    room: RoomName
    text: Text


class InRoom(BaseModel):
    """Somebody does something in a room."""

    room: RoomName


def face(client_id: str) -> str:
    """What the pages may know of a person: not the cookie that lets them speak."""
    return client_id.rpartition(".")[2][:8]


def seat(room_name: str, person: Optional[str]) -> tuple[Room, str, Member]:
    """The room, the client id and the member, for somebody who has entered."""
    room = rooms.get(room_name)
    client_id = f"{room_name}.{person}"
    if room is None or client_id not in room.members:
        raise HTTPException(401, "Enter the room first.")
    return room, client_id, room.members[client_id]


async def view(room: Room, client_id: str) -> dict[str, Any]:
    """A token, and what was said before it: what is said later comes over the channel."""
    channel = await client.create_channel(client_id)
    said, people = list(room.said), room.people()
    return {"token": channel.token, "you": face(client_id), "said": said, "people": people}


@app.get("/")
async def page() -> FileResponse:
    """The page, the same for everybody."""
    return FileResponse(HERE / "page" / "index.html")


@app.post("/enter")
async def enter(body: Enter, response: Response, person: Person = None) -> dict[str, Any]:
    """Gives a place in the room. The cookie stands for the login that a real application has."""
    person = person or secrets.token_urlsafe(16)
    response.set_cookie("person", person, httponly=True, samesite="lax")
    room = rooms.setdefault(body.room, Room())
    if len(rooms) > ROOMS_MAX:
        rooms.popitem(last=False)
    async with room.lock:
        client_id = f"{body.room}.{person}"
        room.members.setdefault(client_id, Member(body.name)).name = body.name
        if len(room.members) > PEOPLE_MAX:
            room.members.popitem(last=False)
        await room.tell({"people": room.people()})
        return await view(room, client_id)


@app.get("/room", response_model=None)
async def look(room: RoomName, person: Person = None) -> Union[dict[str, Any], Response]:
    """The room, for who has entered it before; nothing for everybody else."""
    client_id = f"{room}.{person}"
    found = rooms.get(room)
    if found is None or client_id not in found.members:
        return Response(status_code=204)
    async with found.lock:
        return await view(found, client_id)


@app.post("/say", status_code=204)
async def say(body: Say, person: Person = None) -> None:
    """Somebody says something to everybody in the room."""
    room, client_id, member = seat(body.room, person)
    async with room.lock:
        room.number += 1
        said = {"n": room.number, "who": face(client_id), "name": member.name, "text": body.text}
        room.said.append(said)
        await room.tell(said)


@app.post("/typing", status_code=204)
async def typing(body: InRoom, person: Person = None) -> None:
    """Somebody types: for those who look now, stored nowhere."""
    room, client_id, member = seat(body.room, person)
    await room.tell({"typing": face(client_id), "name": member.name}, ttl=0)


@app.post("/_ah/channel/connected/", status_code=204)
@app.post("/_ah/channel/disconnected/", status_code=204)
async def presence(request: Request) -> None:
    """Downlink says that somebody came or went."""
    try:
        notice = downlink.verify_notice(request.headers, await request.body())
    except downlink.InvalidNotice as reason:
        raise HTTPException(403, str(reason)) from reason
    room = rooms.get(notice.client_id.rpartition(".")[0])
    member = room.members.get(notice.client_id) if room else None
    if room is None or member is None:
        return  # Also for a room that is gone, or the notice would come again and again.
    async with room.lock:
        if notice.generation > member.generation:
            member.here = notice.connected
            await room.tell({"people": room.people()})
            # Last: if telling failed, the notice comes again, and must count again.
            member.generation = notice.generation


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    port = int(os.environ.get("PORT", "8080"))
    log.info("The application listens on http://127.0.0.1:%d", port)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")

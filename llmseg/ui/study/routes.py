"""Plain HTTP between the pages and the reading room: JSON in, JSON out, and the ticket in a cookie.

A cookie works, as nothing of this goes through Gradio's events: it is HttpOnly (no script of the page can read it) and
SameSite=Strict (no other page can make a browser send it), and a body has to say that it is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from llmseg.case import InputError
from llmseg.study.access import SignedOut, Ticket, TooManyAttempts
from llmseg.study.protocol import OPERATOR, READER, Question
from llmseg.study.room import NotCurrent, Place, Submitted
from llmseg.study.store import StoreError
from llmseg.ui.study.desk import Desk

COOKIES = {READER: "llmseg-reader", OPERATOR: "llmseg-operator"}
PATHS = {READER: "/reading", OPERATOR: "/operating"}
"""Where a browser sends each: an operator may look through a reader's eyes beside his own page."""
SMALL_BODY, EDIT_BODY = 256_000, 24_000_000
"""Bytes that are read of an answer, and of an edit."""
STATUS = {SignedOut: 401, NotCurrent: 409, TooManyAttempts: 429, StoreError: 503}
"""What went wrong -> HTTP status; any other InputError is 422. A page sends again what it was answered 503."""
SHOWING = ("reading", "training feedback", "note")
"""States in which there is something to see."""
OTHER_DOOR = {
    READER: "This is an operator's code. Sign in on the operator's page.",
    OPERATOR: "This is a reader's code. Sign in on the reader's page.",
}


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Give an app the routes of both pages."""
    app.include_router(_doors(desk))
    app.include_router(_reading(desk))
    app.include_router(_operating(desk))

    @app.exception_handler(InputError)
    def refused(request: Request, error: InputError) -> JSONResponse:
        status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422)
        return JSONResponse({"error": str(error)}, status)


# ---- what comes in ----


def _body(most: int) -> Callable:
    async def read(request: Request) -> dict:
        """The body as a JSON object, never more of it than may be."""
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise HTTPException(415, "Send JSON.")
        read, length = bytearray(), 0
        async for chunk in request.stream():
            length += len(chunk)
            if length > most:
                raise HTTPException(413, f"This is larger than the {most} bytes that are taken.")
            read += chunk
        try:
            sent = json.loads(read)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "This is no JSON.") from error
        if not isinstance(sent, dict):
            raise HTTPException(400, "Send a JSON object.")
        return sent

    return read


def _ticket(role: str) -> Callable:
    def read(request: Request) -> str:
        secret = request.cookies.get(COOKIES[role], "")
        if not secret:
            raise SignedOut("You are not signed in. Sign in with your code.")
        return secret

    return read


Sent = Annotated[dict, Depends(_body(SMALL_BODY))]
SentEdit = Annotated[dict, Depends(_body(EDIT_BODY))]
ReaderTicket = Annotated[str, Depends(_ticket(READER))]
OperatorTicket = Annotated[str, Depends(_ticket(OPERATOR))]


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _name(sent: Mapping) -> str:
    name = sent.get("name")
    if not isinstance(name, str):
        raise InputError("The name is missing. Reload the page.")
    return name


# ---- doors ----


def _doors(desk: Desk) -> APIRouter:
    router = APIRouter()

    def sign_in(role: str, sent: dict, request: Request) -> Ticket:
        code = sent.get("code")
        ticket = desk.room.sign_in(code if isinstance(code, str) else "", _address(request))
        if ticket.role != role:
            desk.room.sign_out(ticket)
            raise InputError(OTHER_DOOR[role])
        return ticket

    def let_in(role: str, ticket: Ticket, content: dict, request: Request) -> Response:
        response = JSONResponse(content)
        is_safe = request.url.scheme == "https"
        response.set_cookie(
            COOKIES[role], ticket.secret, path=PATHS[role], httponly=True, samesite="strict", secure=is_safe
        )
        return response

    def sign_out(role: str, request: Request) -> Response:
        if secret := request.cookies.get(COOKIES[role]):
            with suppress(SignedOut):
                desk.room.sign_out(secret)
        response = JSONResponse({})
        response.delete_cookie(COOKIES[role], path=PATHS[role], httponly=True, samesite="strict")
        return response

    @router.post("/reading/sign-in")
    def reader_in(sent: Sent, request: Request) -> Response:
        ticket = sign_in(READER, sent, request)
        return let_in(READER, ticket, _told(desk, desk.room.present(ticket)), request)

    @router.post("/operating/sign-in")
    def operator_in(sent: Sent, request: Request) -> Response:
        ticket = sign_in(OPERATOR, sent, request)
        return let_in(OPERATOR, ticket, _overview(desk, ticket.secret), request)

    @router.post("/reading/sign-out")
    def reader_out(sent: Sent, request: Request) -> Response:
        return sign_out(READER, request)

    @router.post("/operating/sign-out")
    def operator_out(sent: Sent, request: Request) -> Response:
        return sign_out(OPERATOR, request)

    return router


# ---- readers ----


def _reading(desk: Desk) -> APIRouter:
    router, room = APIRouter(prefix="/reading"), desk.room

    @router.get("/place")
    def place(ticket: ReaderTicket) -> dict:
        return _told(desk, room.present(ticket))

    @router.get("/scene")
    def scene(ticket: ReaderTicket) -> dict:
        place = room.present(ticket)
        if place.state not in SHOWING:
            raise NotCurrent("Nothing is open now. Reload the page.")
        return desk.gallery.scene(ticket, place)

    @router.get("/files/{reading}/{name}")
    def file(reading: str, name: str, ticket: ReaderTicket) -> Response:
        return Response(desk.gallery.file(ticket, reading, name), media_type="application/octet-stream")

    @router.post("/answer")
    def answer(sent: Sent, ticket: ReaderTicket) -> dict:
        submitted = Submitted(
            reading=sent.get("reading"),
            answers=sent.get("answers"),
            key=sent.get("key"),
            active_seconds=sent.get("active_seconds"),
            client_time=sent.get("client_time", ""),
        )
        return {"saved": submitted.key, **_told(desk, room.answer(ticket, submitted))}

    @router.post("/edit")
    def edit(sent: SentEdit, ticket: ReaderTicket) -> dict:
        reading = str(sent.get("reading"))
        masks, seconds = desk.gallery.drawn(ticket, reading, sent)
        after, at = sent.get("after", ""), sent.get("client_time", "")
        room.save_edit(ticket, reading, sent.get("key"), masks, seconds, after=after, client_time=at)
        return {"saved": sent.get("key")}

    @router.post("/back")
    def back(sent: Sent, ticket: ReaderTicket) -> dict:
        return _told(desk, room.back(ticket, str(sent.get("reading", ""))))

    @router.post("/on")
    def go_on(sent: Sent, ticket: ReaderTicket) -> dict:
        return _told(desk, room.go_on(ticket, str(sent.get("reading", ""))))

    return router


def _told(desk: Desk, place: Place) -> dict[str, object]:
    """A place as the page takes it."""
    told = {
        "study": {"title": desk.study.title, "introduction": desk.study.introduction},
        **asdict(place),
        "questions": [_question(question) for question in place.questions],
        "until": place.until.isoformat() if place.until else None,
    }
    # Which structures are shown stands in the scene; seconds drawn so far are the clock's.
    return {**told, "structures": list(place.structures), "answers": dict(place.answers)}


def _question(question: Question) -> dict[str, object]:
    scale = question.scale
    return {
        "key": question.key,
        "text": question.text,
        "measure": scale.measure,
        "labels": list(scale.labels),
        "required": question.required,
    }


# ---- operators ----


def _operating(desk: Desk) -> APIRouter:
    router, room = APIRouter(prefix="/operating"), desk.room

    @router.get("/overview")
    def overview(ticket: OperatorTicket) -> dict:
        return _overview(desk, ticket)

    @router.post("/pause")
    def pause(sent: Sent, ticket: OperatorTicket) -> dict:
        if not isinstance(sent.get("yes"), bool):
            raise InputError("Say whether to pause. Reload the page.")
        room.pause(ticket, sent["yes"])
        return _overview(desk, ticket)

    @router.post("/revoke")
    def revoke(sent: Sent, ticket: OperatorTicket) -> dict:
        room.revoke(ticket, _name(sent))
        return _overview(desk, ticket)

    @router.post("/code")
    def code(sent: Sent, ticket: OperatorTicket) -> dict:
        return {"name": _name(sent), "code": desk.new_code(ticket, _name(sent))}

    @router.get("/export")
    def export(ticket: OperatorTicket) -> Response:
        name = f"{desk.study.key}-answers.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(desk.export(ticket), media_type="application/zip", headers=headers)

    return router


def _overview(desk: Desk, ticket: str) -> dict[str, object]:
    found = desk.room.overview(ticket)
    return {
        "title": desk.study.title,
        "is_paused": found.is_paused,
        "wrong_codes": found.wrong_codes,
        "readers": [{**asdict(one), "last_seen": _said(one.last_seen)} for one in found.readers],
    }


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

"""What is served where. On loopback: both pages. In the school's network: the teacher's page, behind its door.

Nothing is loaded from elsewhere, no address carries a secret, and no page is kept by a browser.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kiosk import pages
from kiosk.board import Board
from kiosk.door import PASS_S, Door
from kiosk.shown import for_student, for_teacher
from kiosk.sounds import Sounds
from kiosk.words import Words

COOKIE = "gatepost-teacher"
FORM_BYTES_MAX = 4096
LISTENERS_MAX = 8
"""Teachers' pages open in the school's network at once."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Answer = Callable[[Request], Awaitable[Response]]


class Guarded:
    """Puts the headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_guarded)


class Site:
    """The pages in one language, over one board."""

    def __init__(self, board: Board, words: Words, sounds: Sounds, police_telephone: str) -> None:
        self._board = board
        self._words = words
        self._sounds = sounds
        self._page = pages.fingerprint(
            pages.student_page(words, sounds, police_telephone, ""), pages.teacher_page(words, "")
        )
        self._student = pages.student_page(words, sounds, police_telephone, self._page)
        self._teacher = pages.teacher_page(words, self._page)

    def loopback(self, health: Callable[[], dict[str, object]]) -> ASGIApp:
        """For the kiosk's own browser, and for a technician: everything, and how this process is."""

        async def show_health(_: Request) -> Response:
            return JSONResponse(health())

        routes = [
            Route("/", self._show_student),
            Route("/events", self._student_events),
            Route("/sounds/{name}", self._sound),
            Route("/teacher", self._show_teacher),
            Route("/teacher/events", self._teacher_events),
            Route("/health", show_health),
            Route("/static/{name}", _static),
        ]
        # A page from elsewhere that gives itself a name which leads to this machine is turned away.
        trusted = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[Middleware(Guarded), trusted])

    def school(self, door: Door) -> ASGIApp:
        """For the school's network: the teacher's page, for those who know the word."""
        entrance = Entrance(door, self._words)
        routes = [
            Route("/", _to_teacher),
            Route("/teacher", entrance.guard(self._show_teacher, entrance.ask)),
            Route("/teacher/enter", entrance.enter, methods=["POST"]),
            Route("/teacher/events", entrance.guard(self._few_teacher_events, entrance.refuse)),
            Route("/static/{name}", _static),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Guarded)])

    async def _show_student(self, _: Request) -> Response:
        return HTMLResponse(self._student)

    async def _show_teacher(self, _: Request) -> Response:
        return HTMLResponse(self._teacher)

    async def _student_events(self, _: Request) -> Response:
        make = partial(for_student, words=self._words)
        return StreamingResponse(self._board.stream(self._page, make, screen=True), media_type="text/event-stream")

    async def _teacher_events(self, _: Request) -> Response:
        stream = self._board.stream(
            self._page, lambda kiosk: for_teacher(kiosk, self._words, time.time_ns() // 1_000_000, _clock_time)
        )
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _few_teacher_events(self, request: Request) -> Response:
        if self._board.listeners >= LISTENERS_MAX:
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE)
        return await self._teacher_events(request)

    async def _sound(self, request: Request) -> Response:
        file = self._sounds.files.get(request.path_params["name"])
        return Response(status_code=HTTPStatus.NOT_FOUND) if file is None else FileResponse(file)


class Entrance:
    """Asks for the word, and lets in who has a pass or says it in the header."""

    def __init__(self, door: Door, words: Words) -> None:
        self._door = door
        self._words = words

    def guard(self, inside: Answer, outside: Answer) -> Answer:
        """``inside`` for those who may, ``outside`` for all others."""

        async def answer(request: Request) -> Response:
            if self._door.takes_pass(request.cookies.get(COOKIE, ""), int(time.time())):
                return await inside(request)
            kind, _, word = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer":
                return await outside(request)
            trouble = self._try(request, word)
            return await inside(request) if trouble is None else Response(status_code=trouble)

        return answer

    async def ask(self, _: Request) -> Response:
        """The form."""
        return HTMLResponse(pages.sign_in_page(self._words), status_code=HTTPStatus.UNAUTHORIZED)

    async def refuse(self, _: Request) -> Response:
        """A short no, for programs."""
        return Response(status_code=HTTPStatus.UNAUTHORIZED)

    async def enter(self, request: Request) -> Response:
        """What the form sends."""
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES_MAX:
                return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        trouble = self._try(request, _word_in(bytes(body)))
        if trouble is not None:
            teacher = self._words.teacher
            complaint = teacher.too_many if trouble is HTTPStatus.TOO_MANY_REQUESTS else teacher.wrong
            return HTMLResponse(pages.sign_in_page(self._words, complaint), status_code=trouble)
        answer = RedirectResponse("/teacher", status_code=HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            COOKIE, self._door.make_pass(int(time.time())), max_age=PASS_S, path="/teacher", httponly=True,
            samesite="strict",
        )  # fmt: skip
        return answer

    def _try(self, request: Request, word: str) -> HTTPStatus | None:
        address = "unknown" if request.client is None else request.client.host
        if not self._door.may_try(address, time.monotonic_ns() // 1_000_000):
            return HTTPStatus.TOO_MANY_REQUESTS
        if not self._door.fits(word):
            return HTTPStatus.UNAUTHORIZED
        self._door.forgive(address)
        return None


def by_address(apps: dict[tuple[str, int], ASGIApp]) -> ASGIApp:
    """One app for each address that is listened on. The kernel says by which one a request came in, not the request."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        app = apps.get((scope["server"][0], scope["server"][1]))
        assert app is not None, scope["server"]
        await app(scope, receive, send)

    return answer


async def _static(request: Request) -> Response:
    file = pages.STATIC.get(request.path_params["name"])
    return Response(status_code=HTTPStatus.NOT_FOUND) if file is None else FileResponse(file)


async def _to_teacher(_: Request) -> Response:
    return RedirectResponse("/teacher")


def _word_in(body: bytes) -> str:
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=2)
    except ValueError:
        return ""
    return fields.get("word", [""])[0].strip()


def _clock_time(wall_ms: int) -> str:
    return time.strftime("%H:%M", time.localtime(wall_ms / 1000))

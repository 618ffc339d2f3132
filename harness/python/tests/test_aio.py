"""Boards in asyncio: the same names, awaited."""

import asyncio

import espalier
import pytest
from espalier import aio

BOOTED = aio.BootOnce(ready="@event address ")


def test_waits_are_awaited_and_joined() -> None:
    async def play() -> tuple[float, int | None]:
        board = await BOOTED.fork()
        begin = board.now
        await board.console.send_line("hello")
        found, passed = await asyncio.gather(board.console.expect("@hello espalier-app"), board.run_for(0.2))
        assert found.text == "@hello espalier-app" and passed is None
        assert 0.2 <= board.now - begin < 0.3, "joined waits share the board's time"
        listener = await board.peer.listen(5001)

        async def serve() -> bytes:
            socket = await listener.accept(within=5)
            await socket.expect("hello mPython,I am TCP Client")
            await socket.send("asyncio")
            return await socket.expect("asyncio")

        async def command() -> None:
            await board.console.send_line(f"client {board.peer.address} 5001")
            await board.console.expect("@event connected")

        await asyncio.gather(serve(), command())
        await board.run_for(0.1)
        return board.now, board.trace_hash()

    assert asyncio.run(play()) == asyncio.run(play()), "tasks act on a board in the same order every time"


def test_failures_are_raised_where_they_are_awaited() -> None:
    async def fail() -> None:
        board = await BOOTED.fork()
        with pytest.raises(espalier.TimeoutError):
            await board.console.expect("never", within=0.1)
        wait = board.run_for(0.001)
        await wait
        with pytest.raises(RuntimeError, match="waited for already"):
            await wait

    asyncio.run(fail())


def test_waits_are_cancelled() -> None:
    async def cancel() -> None:
        board = await BOOTED.fork()
        task = asyncio.ensure_future(forever(board))
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await board.console.send_line("hello")
        await board.console.expect("@hello espalier-app")

    async def forever(board: aio.Board) -> None:
        await board.run_for(1e9)

    asyncio.run(cancel())

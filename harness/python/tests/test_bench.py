"""Boards in wall time: a program plays one at a TCP socket, as a serial server on a bench does."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import espalier
import pytest
from espalier import Board, aio


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a board that answers each line."""
    server = socket.create_server(("127.0.0.1", 0))

    def play() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    while received := connection.recv(1000):
                        for line in received.split(b"\r")[:-1]:
                            connection.sendall(b"heard " + line.strip() + b"\r\n")
                except OSError:
                    pass

    thread = threading.Thread(target=play)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_other_threads_run_while_a_board_is_waited_for(port: int) -> None:
    # The board is played by one of them: without its turn no answer could come.
    board = Board.start(board=f"socket://127.0.0.1:{port}", flash=False)
    assert board.kind == "bench"
    board.console.send_line("hello")
    assert board.console.expect_regex(r"heard (\w+)", within=20)[1] == "hello"
    with pytest.raises(espalier.TimeoutError):
        board.console.expect("never", within=0.1)
    with pytest.raises(espalier.UnsupportedError):
        board.network.cut_cable()


def test_loop_runs_while_a_board_on_a_bench_is_awaited(port: int) -> None:
    async def play() -> int:
        board = await aio.Board.start(board=f"socket://127.0.0.1:{port}", flash=False)
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        ticking = asyncio.ensure_future(tick())
        await board.run_for(0.1)
        await board.console.send_line("hello")
        await board.console.expect("heard hello", within=20)
        ticking.cancel()
        return turns

    assert asyncio.run(play()) > 0


def test_board_that_cannot_be_reached_is_told() -> None:
    with pytest.raises(espalier.BoardError, match="127.0.0.1:1"):
        Board.start(board="socket://127.0.0.1:1", flash=False)

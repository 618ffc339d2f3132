"""The tutorial's client and server: the board shows what its peer sends, and sends it back."""

import pytest
from espalier import Board, PeerStream

SHOWN = {
    "ascii": "Hello, OLED!",
    "chinese": "你好,掌控板!",
    "long": "The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸跳过懒狗。" * 4,
}


@pytest.fixture
def socket(board: Board) -> PeerStream:
    """The connection over which the board's client has just sent its greeting."""
    listener, peer = board.peer.listen(5001), board.peer.address
    board.console.send_line(f"client {peer} 5001")
    socket = listener.accept()
    socket.expect("hello mPython,I am TCP Client")
    board.console.expect(f"@event connected {peer}:5001")
    return socket


@pytest.mark.parametrize("name", SHOWN)
def test_client_shows_and_echoes(board: Board, socket: PeerStream, name: str) -> None:
    board.screen.settled().assert_golden("client-connected")
    socket.send(SHOWN[name])
    socket.expect(SHOWN[name])
    board.screen.settled().assert_golden(f"client-received-{name}")


def test_peer_that_closes_is_said(board: Board, socket: PeerStream) -> None:
    socket.close()
    board.console.expect(f"@event closed {board.peer.address}:5001")
    socket.expect_close()
    board.screen.settled().assert_golden("client-closed")


def test_peer_that_resets_is_said(board: Board, socket: PeerStream) -> None:
    socket.abort()
    board.console.expect(f"@event reset {board.peer.address}:5001")
    board.screen.settled().assert_golden("client-reset")


def test_peer_that_vanishes_is_said(board: Board, socket: PeerStream) -> None:
    board.needs("vanishing_peer")
    socket.vanish()
    board.console.expect(f"@event silent {board.peer.address}:5001", within=300)
    board.screen.settled().assert_golden("client-silent")


def test_server_shows_what_clients_send(board: Board) -> None:
    board.console.send_line("server 5001")
    board.console.expect(f"@event listening {board.address()}:5001")
    board.screen.settled().assert_golden("server-accepting")
    with board.peer.connect(5001) as socket:
        for text, golden in [("Hello, server!", "server-received"), ("你好,服务器", "server-received-chinese")]:
            socket.send(text)
            socket.expect(text)
            board.screen.settled().assert_golden(golden)

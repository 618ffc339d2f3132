//! Both roles at once, UDP, ping, names, and what a sniffer sees.

use std::net::{Ipv4Addr, SocketAddrV4};

use espalier::{Board, Result, Units};

use crate::official::Case;
use crate::{PASSWORD, case};

pub const ALL: &[Case] = &[
    case!(the_board_is_station_and_access_point_at_once, Air),
    case!(datagrams_go_both_ways, Air),
    case!(the_board_answers_to_its_name, Air),
    case!(names_and_groups_of_the_lan_reach_the_board, Air),
    case!(a_capture_has_the_handshake_and_no_clear_text, Air),
    case!(a_capture_of_an_open_network_has_the_text, Air),
];

const JOIN: &str = "import wifi\nw = wifi.join('home', PASSWORD)\n";

/// The board joins the network "home".
async fn join(board: &Board, password: Option<&str>) -> Result<()> {
    let network = board.air().access_point("home").channel(6);
    match password {
        Some(password) => network.password(password).start()?,
        None => network.start()?,
    }
    let script = JOIN.replace("PASSWORD", &format!("{:?}", password.unwrap_or_default()));
    board.micropython().exec(script).within(30.s()).await?;
    Ok(())
}

/// An echo server for both sides, one connection after the other.
const ECHO: &str = "import socket\n\
    l = socket.socket()\n\
    l.bind(('0.0.0.0', 7))\n\
    l.listen(2)\n\
    print('listening')\n\
    while True:\n \
      c, a = l.accept()\n \
      while True:\n  \
        d = c.recv(100)\n  \
        if not d: break\n  \
        c.send(d)\n \
      c.close()\n";

/// Both interfaces share one radio: the board's network is on the channel of the one that it has joined. The networks need different
/// addresses, as they do on silicon, and the LAN's are.
async fn the_board_is_station_and_access_point_at_once(board: &Board) -> Result<()> {
    board.air().access_point("home").password(PASSWORD).channel(6).start()?;
    let script = format!(
        "import wifi\na = wifi.open_network('mPython', {PASSWORD:?})\nw = wifi.join('home', {PASSWORD:?})\n\
         print(a.ifconfig()[0], w.ifconfig()[0])\n"
    );
    let addresses = board.micropython().exec(script).within(30.s()).await?;
    assert_eq!(addresses, "192.168.4.1 10.0.2.100\n");
    let phone = board.air().join("mPython").password(PASSWORD).within(20.s()).await?;
    let networks = board.air().networks_of_board()?;
    assert_eq!(networks.iter().map(|network| network.channel).collect::<Vec<_>>(), [6]);
    board.micropython().start(ECHO).await?;
    board.console().expect("listening").await?;
    let peer = board.peer();
    for round in 0..3 {
        for side in [&peer, &*phone] {
            let socket = side.connect(7).await?;
            let text = format!("round {round} from {}", side.address());
            socket.send(&text).await?;
            assert_eq!(socket.expect(&text).await?, b"");
            side.ping().await?;
        }
    }
    Ok(())
}

async fn datagrams_go_both_ways(board: &Board) -> Result<()> {
    join(board, Some(PASSWORD)).await?;
    let socket = board.peer().udp(5005)?;
    let script = "import socket\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        s.sendto(b'hello', ('10.0.2.2', 5005))\n\
        for _ in range(3):\n \
          d, a = s.recvfrom(1500)\n \
          s.sendto(bytes(reversed(d)), a)\n";
    let running = board.micropython().start(script).await?;
    let (greeting, from) = socket.receive().await?;
    assert_eq!((greeting.as_slice(), *from.ip()), (&b"hello"[..], Ipv4Addr::new(10, 0, 2, 100)));
    for length in [1, 100, 1400] {
        let sent: Vec<u8> = (0..length).map(|index| index as u8).collect();
        socket.send_to(&sent, from).await?;
        let (back, _) = socket.receive().await?;
        assert!(back.iter().rev().eq(&sent), "{length} bytes");
    }
    running.finished().await?;
    let nowhere = SocketAddrV4::new(*from.ip(), 9);
    let error = socket.send_to(vec![0; 2000], nowhere).await.unwrap_err();
    assert!(error.to_string().contains("a datagram of 2000 bytes does not fit into a frame"), "{error}");
    Ok(())
}

/// MicroPython's responder for multicast DNS, which starts with the first address.
async fn the_board_answers_to_its_name(board: &Board) -> Result<()> {
    board.micropython().exec("import network\nnetwork.hostname('espalier')\n").await?;
    join(board, None).await?;
    assert_eq!(board.peer().resolve("espalier.local").await?, Ipv4Addr::new(10, 0, 2, 100));
    let error = board.peer().resolve("absent.local").within(3.s()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    Ok(())
}

/// DNS and, in `.local`, multicast DNS; and what the board sends to a multicast group.
async fn names_and_groups_of_the_lan_reach_the_board(board: &Board) -> Result<()> {
    join(board, Some(PASSWORD)).await?;
    let (server, other) = (Ipv4Addr::new(10, 0, 2, 7), Ipv4Addr::new(10, 0, 2, 8));
    board.network().name("Server.local", server)?;
    board.network().name("api.example.com", server)?;
    let python = board.micropython();
    let address = |name: &str| format!("__import__('socket').getaddrinfo('{name}', 80)[0][-1]");
    let at = |address| format!("('{address}', 80)");
    assert_eq!(python.eval(address("server.local")).within(10.s()).await?, at(server));
    assert_eq!(python.eval(address("api.example.com")).within(10.s()).await?, at(server));
    let fork = board.fork()?;
    for (board, answer) in [(&fork, other), (board, server)] {
        board.network().name("WWW.example.com", answer)?;
        let asked = board.micropython().eval(address("www.example.com")).within(10.s()).await?;
        assert_eq!(asked, at(answer));
    }

    let group = Ipv4Addr::new(239, 1, 2, 3);
    let (joined, apart) = (board.peer().udp(5007)?, board.peer().udp(5008)?);
    joined.join_group(group)?;
    let script = "import socket\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        for port in (5008, 5007): s.sendto(b'to all', ('239.1.2.3', port))\n";
    python.exec(script).await?;
    let (greeting, from) = joined.receive().await?;
    assert_eq!((greeting.as_slice(), *from.ip()), (&b"to all"[..], Ipv4Addr::new(10, 0, 2, 100)));
    assert!(apart.receive().within(100.ms()).await.unwrap_err().is_timeout(), "it is not in the group");
    let error = joined.join_group(server).unwrap_err().to_string();
    assert!(error.contains("10.0.2.7 is not the address of a multicast group"), "{error}");
    Ok(())
}

/// The frames of a capture, without their radiotap headers (draft-ietf-opsawg-pcap, radiotap.org).
fn frames(capture: &[u8]) -> Vec<&[u8]> {
    const RADIOTAP: u32 = 127;
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((word(0), word(20)), (0xA1B2_3C4D, RADIOTAP));
    let (mut frames, mut at) = (Vec::new(), 24);
    while at < capture.len() {
        let length = word(at + 8) as usize;
        let packet = &capture[at + 16..at + 16 + length];
        let header = u16::from_le_bytes([packet[2], packet[3]]);
        frames.push(&packet[usize::from(header)..]);
        at += 16 + length;
    }
    frames
}

fn holds(frames: &[&[u8]], text: &[u8]) -> usize {
    frames.iter().filter(|frame| frame.windows(text.len()).any(|window| window == text)).count()
}

/// The LLC and SNAP headers of EAPOL (RFC 1042).
const EAPOL: &[u8] = b"\xAA\xAA\x03\x00\x00\x00\x88\x8E";

async fn capture(board: &Board, password: Option<&str>) -> Result<Vec<u8>> {
    board.air().start_capture()?;
    join(board, password).await?;
    let socket = board.peer().udp(5005)?;
    let script = "import socket\n\
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
        s.sendto(b'in the clear', ('10.0.2.2', 5005))\n";
    board.micropython().exec(script).await?;
    socket.receive().await?;
    board.air().capture()
}

async fn a_capture_has_the_handshake_and_no_clear_text(board: &Board) -> Result<()> {
    let capture = capture(board, Some(PASSWORD)).await?;
    let frames = frames(&capture);
    assert_eq!((holds(&frames, EAPOL), holds(&frames, b"in the clear")), (4, 0));
    Ok(())
}

async fn a_capture_of_an_open_network_has_the_text(board: &Board) -> Result<()> {
    let capture = capture(board, None).await?;
    let frames = frames(&capture);
    assert_eq!((holds(&frames, EAPOL), holds(&frames, b"in the clear")), (0, 1));
    Ok(())
}

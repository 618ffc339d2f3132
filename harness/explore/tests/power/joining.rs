//! MicroPython joins a network with WPA2 and talks to its peer, and fails after a deauthentication; and inputs between two steps of
//! a script.

use espalier::{Board, Result, Units};
use espalier_explore::{Input, InputCase, Inputs, NetworkCase, NetworkFaults, Replayed, replay};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(a_script_that_does_not_connect_again_fails_after_a_deauthentication, Air, Fork),
    case!(a_script_that_tries_again_joins_whatever_frame_fails_first, Air, Fork),
    case!(an_edge_between_two_steps_is_lost, Pins, Fork),
];

const CLIENT: &str = "import network, socket, time\n\
    w = network.WLAN(network.STA_IF)\n\
    w.active(True)\n\
    w.connect('workshop', 'correct horse')\n\
    while not w.isconnected(): time.sleep_ms(50)\n\
    s = socket.socket()\n\
    s.connect(socket.getaddrinfo('10.0.2.2', 5001)[0][-1])\n\
    s.send(b'hello')\n\
    print('@got', s.recv(16))\n\
    s.close()\n";

async fn a_script_that_does_not_connect_again_fails_after_a_deauthentication(board: &Board) -> Result<()> {
    board.air().access_point("workshop").password("correct horse").channel(6).start()?;
    let scenario = async |board: &Board| {
        let listener = board.peer().listen(5001).await?;
        let running = board.micropython().start(CLIENT).await?;
        let socket = listener.accept().within(120.s()).await?;
        socket.expect("hello").within(120.s()).await?;
        socket.send("welcome").await?;
        running.finished().within(120.s()).await.map(drop)
    };
    let invariant = async |board: &Board, _: &NetworkCase| {
        let output = board.micropython().exec("print(w.isconnected())").within(20.s()).await?;
        assert_eq!(output.text().trim_end(), "True");
        Ok(())
    };
    // The kept case: the networks send the board away behind the seventh frame for it.
    let explored = NetworkFaults::new().frames(0).explore(board, scenario, invariant).await?;
    let shortest = explored.shortest().expect("ESP-IDF ends sockets when its network is gone");
    assert!(explored.tried == 1 && shortest.message.contains("ECONNABORTED"), "{explored}");
    Ok(())
}

/// Begins again, with the network or with the connection, until it has its answer.
const PATIENT_CLIENT: &str = "import network, socket, time\n\
    w = network.WLAN(network.STA_IF)\n\
    w.active(True)\n\
    while True:\n \
      s = socket.socket()\n \
      try:\n  \
        if not w.isconnected(): w.connect('workshop', 'correct horse')\n  \
        for _ in range(100):\n   \
          if w.isconnected(): break\n   \
          time.sleep_ms(50)\n  \
        s.settimeout(5)\n  \
        s.connect(socket.getaddrinfo('10.0.2.2', 5001)[0][-1])\n  \
        s.send(b'hello')\n  \
        if s.recv(16) == b'welcome': break\n \
      except OSError as e: print(e)\n \
      finally: s.close()\n \
      time.sleep_ms(500)\n";

async fn a_script_that_tries_again_joins_whatever_frame_fails_first(board: &Board) -> Result<()> {
    board.air().access_point("workshop").password("correct horse").channel(6).start()?;
    let scenario = async |board: &Board| {
        let listener = board.peer().listen(5001).await?;
        let running = board.micropython().start(PATIENT_CLIENT).await?;
        // Until no further connection comes: which one was good enough, the client knows.
        for _ in 0..5 {
            let Ok(socket) = listener.accept().within(30.s()).await else { break };
            if socket.expect("hello").within(20.s()).await.is_ok() && socket.send("welcome").await.is_ok() {
                let _ = socket.expect_close().within(20.s()).await;
            }
        }
        running.finished().within(60.s()).await.map(drop)
    };
    let invariant = async |board: &Board, _: &NetworkCase| {
        let output = board.micropython().exec("print(w.active())").within(20.s()).await?;
        assert_eq!(output.text().trim_end(), "True");
        Ok(())
    };
    // The first four frames in each direction, in the air and behind the access point; `tutorial` has pairs.
    let explored = NetworkFaults::new().frames(4).pairs(0).explore(board, scenario, invariant).await?.check()?;
    assert_eq!(explored.tried, 64, "{explored}");
    println!("{explored}");
    Ok(())
}

/// Counts edges by an interrupt, and turns of a loop in the same variable: it reads, works a while and writes, and an interrupt can come
/// between.
const COUNTER: &str = "import time\n\
    from machine import Pin\n\
    count = edges = 0\n\
    def edge(pin):\n \
      global count, edges\n \
      count += 1\n \
      edges += 1\n\
    Pin(4, Pin.IN, Pin.PULL_UP).irq(edge, Pin.IRQ_FALLING)\n\
    for n in range(4):\n \
      time.sleep_ms(20)\n \
      c = count\n \
      time.sleep_ms(8)\n \
      count = c + 1\n\
    time.sleep_ms(20)\n";

async fn an_edge_between_two_steps_is_lost(board: &Board) -> Result<()> {
    let scenario = async |board: &Board| board.micropython().exec(COUNTER).within(20.s()).await.map(drop);
    let invariant = async |board: &Board, _: &InputCase| {
        let lost = board.micropython().exec("print(4 + edges - count)").await?;
        assert_eq!(lost.text().trim_end(), "0", "edges are lost");
        Ok(())
    };
    let explored = Inputs::new([Input::pulse(4, false)]).moments(60).explore(board, scenario, invariant).await?;
    let shortest = explored.shortest().expect("an edge gets lost between reading and writing");
    assert!(shortest.message.contains("edges are lost"), "{explored}");
    let Replayed { is_same, finding, .. } = replay(shortest.file.as_ref().unwrap()).await?;
    assert!(is_same, "{finding:?}");
    Ok(())
}

//! Abilities of MicroPython in the air, with Espressif's closed Wi-Fi library as it is.

use espalier_core::{Interests, Medium, NetworkFrame, Observer, Span, Time};
use espalier_net::{
    AccessPoint, AirFaults, Announced, ConnectionId, FaultConfig, PingState, Refusal, Station, StationState,
};

use crate::cases::Case;
use crate::repl::Repl;

pub const ALL: &[(&str, Case)] = &[
    ("wifi_scan_shows_the_networks_in_the_air", scan_shows_the_networks_in_the_air),
    ("wifi_joins_an_open_network_as_a_tcp_client", joins_an_open_network_as_a_tcp_client),
    ("wifi_serves_tcp_in_a_protected_network", serves_tcp_in_a_protected_network),
    ("wifi_finds_a_hidden_network", finds_a_hidden_network),
    ("wifi_does_not_join_with_a_wrong_password", does_not_join_with_a_wrong_password),
    ("wifi_does_not_join_what_is_not_there", does_not_join_what_is_not_there),
    ("wifi_comes_back_after_a_deauthentication", comes_back_after_a_deauthentication),
    ("wifi_notices_that_its_network_has_vanished", notices_that_its_network_has_vanished),
    ("wifi_answers_ping_while_it_saves_power", answers_ping_while_it_saves_power),
    ("wifi_joins_in_the_same_microsecond_each_time", joins_in_the_same_microsecond_each_time),
    ("wifi_opens_a_network_that_a_station_joins", opens_a_network_that_a_station_joins),
    ("wifi_station_with_a_wrong_password_is_refused", a_station_with_a_wrong_password_is_refused),
    ("wifi_joins_a_subnet_of_its_own", joins_a_subnet_of_its_own),
    ("wifi_does_not_mind_a_cut_cable", does_not_mind_a_cut_cable),
    ("wifi_joins_although_frames_get_lost", joins_although_frames_get_lost),
    ("wifi_touches_nothing_that_is_not_modelled", touches_nothing_that_is_not_modelled),
    ("wifi_frames_are_observed_and_the_trace_stays", frames_are_observed_and_the_trace_stays),
];

const PASSWORD: &str = "correct horse";
const JOIN: &str = "import network, time\n\
    w = network.WLAN(network.STA_IF)\n\
    w.active(True)\n\
    def join(*a, t=100):\n \
      w.connect(*a)\n \
      while not w.isconnected() and t:\n  \
        time.sleep_ms(100)\n  \
        t -= 1\n \
      print(w.isconnected(), w.status(), w.ifconfig()[0])\n";
const JOINED: &str = "True 1010 10.0.2.100\n";
const PATIENCE: Span = Span::from_secs(30);

/// A board at its prompt, with these networks around it.
fn among(image: &[u8], networks: &[AccessPoint]) -> Repl {
    let mut repl = Repl::booted(image);
    for network in networks {
        repl.machine.air_mut().add_access_point(network.clone()).expect("a possible network");
    }
    repl
}

fn run(repl: &mut Repl, script: &str) -> String {
    let output = repl.run_within(script, PATIENCE);
    assert_eq!(output.error, "", "script failed:\n{script}");
    output.printed
}

fn join(repl: &mut Repl, arguments: &str) -> String {
    run(repl, &format!("{JOIN}join({arguments})\n"))
}

/// Runs until the peer has received `text`.
fn expect(repl: &mut Repl, connection: ConnectionId, text: &str) {
    for _ in 0..200 {
        if repl.machine.lan().available(connection) >= text.len() {
            break;
        }
        repl.machine.run_for(Span::from_millis(20));
    }
    let mut bytes = vec![0; text.len()];
    repl.machine.lan_mut().receive(connection, &mut bytes);
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

fn scan_shows_the_networks_in_the_air(image: &[u8]) {
    let networks = [
        AccessPoint { channel: 6, rssi: -50, bssid: Some([2, 0, 0, 0, 0, 6]), ..AccessPoint::new("open") },
        AccessPoint {
            channel: 11,
            rssi: -70,
            bssid: Some([2, 0, 0, 0, 0, 11]),
            ..AccessPoint::wpa2("locked", PASSWORD)
        },
        AccessPoint {
            channel: 1,
            rssi: -60,
            bssid: Some([2, 0, 0, 0, 0, 1]),
            hidden: true,
            ..AccessPoint::new("secret")
        },
        AccessPoint { channel: 13, rssi: -80, bssid: Some([2, 0, 0, 0, 0, 13]), ..AccessPoint::new("掌控板") },
    ];
    let script = format!("{JOIN}for n in sorted(w.scan()): print(n[0].decode(), n[1][5], *n[2:])\n");
    assert_eq!(
        run(&mut among(image, &networks), &script),
        " 1 1 -60 0 False\nlocked 11 11 -70 3 False\nopen 6 6 -50 0 False\n掌控板 13 13 -80 0 False\n"
    );
}

fn joins_an_open_network_as_a_tcp_client(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint { channel: 6, ..AccessPoint::new("home") }]);
    assert_eq!(join(&mut repl, "'home'"), JOINED);
    assert_eq!(repl.machine.air().stations("home").len(), 1);
    let listener = repl.machine.lan_mut().listen(5001).expect("the port is free");
    repl.start(
        "import socket\n\
         s = socket.socket()\n\
         s.connect(('10.0.2.2', 5001))\n\
         s.send(b'from the board')\n\
         print(s.recv(1024).decode())\n\
         s.close()\n",
    );
    repl.machine.run_for(Span::from_secs(1));
    let connection = repl.machine.lan_mut().accept(listener).expect("the board has connected");
    expect(&mut repl, connection, "from the board");
    repl.machine.lan_mut().send(connection, "你好".as_bytes());
    repl.wait_for("你好", Span::from_secs(5));
}

fn serves_tcp_in_a_protected_network(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint { channel: 3, ..AccessPoint::wpa2("home", PASSWORD) }]);
    assert_eq!(join(&mut repl, &format!("'home', '{PASSWORD}'")), JOINED);
    repl.start(
        "import socket\n\
         s = socket.socket()\n\
         s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
         s.bind(('0.0.0.0', 5001))\n\
         s.listen(3)\n\
         c, a = s.accept()\n\
         n = 0\n\
         while n < 20000:\n \
           d = c.recv(1024)\n \
           n += len(d)\n \
           c.write(d)\n\
         print('received', n)\n",
    );
    repl.machine.run_for(Span::from_millis(100));
    let board = "10.0.2.100:5001".parse().expect("an address");
    let connection = repl.machine.lan_mut().connect(board).expect("a route");
    let sent: String = (0..2000).map(|index| format!("line {index:04}\n")).collect();
    let mut rest = sent.as_bytes();
    let mut echo = Vec::new();
    for _ in 0..2000 {
        let taken = repl.machine.lan_mut().send(connection, rest);
        rest = &rest[taken..];
        repl.machine.run_for(Span::from_millis(5));
        let mut bytes = [0; 4096];
        let count = repl.machine.lan_mut().receive(connection, &mut bytes);
        echo.extend_from_slice(&bytes[..count]);
        if echo.len() == sent.len() {
            break;
        }
    }
    assert_eq!(String::from_utf8_lossy(&echo), sent);
    repl.wait_for("received 20000", Span::from_secs(5));
}

fn finds_a_hidden_network(image: &[u8]) {
    let hidden = AccessPoint { channel: 9, hidden: true, ..AccessPoint::wpa2("cellar", PASSWORD) };
    let mut repl = among(image, &[AccessPoint::new("other"), hidden]);
    assert_eq!(join(&mut repl, &format!("'cellar', '{PASSWORD}'")), JOINED);
}

/// The access point drops the handshake's second message, as the standard has it, until the library gives up with
/// WIFI_REASON_4WAY_HANDSHAKE_TIMEOUT (esp_wifi_types.h); MicroPython hands reasons on as they are. Without a limit of reconnects it
/// would go on trying.
fn does_not_join_with_a_wrong_password(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
    let script = format!(
        "{JOIN}w.config(reconnects=0)\n\
         w.connect('home', 'wrong horse')\n\
         t = 200\n\
         while w.status() == network.STAT_CONNECTING and t:\n \
           time.sleep_ms(100)\n \
           t -= 1\n\
         print(w.isconnected(), w.status())\n"
    );
    assert_eq!(run(&mut repl, &script), "False 15\n");
    assert!(repl.machine.air().stations("home").is_empty());
}

fn does_not_join_what_is_not_there(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::new("home")]);
    let script = format!(
        "{JOIN}w.config(reconnects=0)\n\
         w.connect('elsewhere')\n\
         t = 100\n\
         while w.status() == network.STAT_CONNECTING and t:\n \
           time.sleep_ms(100)\n \
           t -= 1\n\
         print(w.isconnected(), w.status() == network.STAT_NO_AP_FOUND)\n"
    );
    assert_eq!(run(&mut repl, &script), "False True\n");
}

const WATCH: &str = "def wait(up, t=200):\n \
      while w.isconnected() != up and t:\n  \
        time.sleep_ms(100)\n  \
        t -= 1\n \
      print(w.isconnected())\n";

fn comes_back_after_a_deauthentication(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
    assert_eq!(join(&mut repl, &format!("'home', '{PASSWORD}'")), JOINED);
    run(&mut repl, WATCH);
    repl.machine.air_mut().deauthenticate("home").expect("the network is there");
    assert_eq!(run(&mut repl, "wait(False)\nwait(True)\n"), "False\nTrue\n");
}

fn notices_that_its_network_has_vanished(image: &[u8]) {
    let network = AccessPoint::new("home");
    let mut repl = among(image, std::slice::from_ref(&network));
    assert_eq!(join(&mut repl, "'home'"), JOINED);
    run(&mut repl, WATCH);
    repl.machine.air_mut().remove_access_point("home").expect("the network is there");
    assert_eq!(run(&mut repl, "wait(False)\n"), "False\n");
    repl.machine.air_mut().add_access_point(network).expect("a possible network");
    assert_eq!(run(&mut repl, "wait(True)\n"), "True\n");
}

/// In modem sleep, which is the default, the access point keeps frames for the board until it wakes up for a beacon.
fn answers_ping_while_it_saves_power(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
    assert_eq!(join(&mut repl, &format!("'home', '{PASSWORD}'")), JOINED);
    repl.machine.run_for(Span::from_secs(3));
    let board = repl.machine.lan().board_address().expect("the board has an address");
    for _ in 0..3 {
        let ping = repl.machine.lan_mut().ping(board).expect("a route");
        repl.machine.run_for(Span::from_millis(500));
        let state = repl.machine.lan().ping_state(ping);
        assert!(matches!(state, PingState::Answered { .. }), "{state:?}");
    }
}

/// The station gets its address from the board, which hands out its first one. That the LAN has a gateway and a peer with the same
/// addresses is of no account.
fn opens_a_network_that_a_station_joins(image: &[u8]) {
    for password in [None, Some(PASSWORD)] {
        let mut repl = Repl::booted(image);
        let security = password.map_or("security=0".into(), |password| format!("security=3, key='{password}'"));
        let printed = run(
            &mut repl,
            &format!(
                "import network\n\
                 a = network.WLAN(network.AP_IF)\n\
                 a.active(True)\n\
                 a.config(ssid='board', {security})\n\
                 print(a.ifconfig()[0])\n"
            ),
        );
        assert_eq!(printed, "192.168.4.1\n");
        let settings = Station { password: password.map(Into::into), ..Station::open("board") };
        let station = repl.machine.air_mut().add_station(settings).expect("a possible station");
        repl.machine.run_for(Span::from_secs(2));
        let (address, board) = ("192.168.4.2".parse().expect("an address"), "192.168.4.1".parse().expect("an address"));
        let state = repl.machine.air().station_state(station);
        assert_eq!(state, Some(StationState::Ready { address, board }), "{password:?}");
        assert_eq!(run(&mut repl, "print(len(a.status('stations')))\n"), "1\n");
        let announced = Announced { ssid: "board".into(), channel: 1, protected: password.is_some() };
        assert_eq!(repl.machine.air().announced(), [announced]);

        let lan = repl.machine.air_mut().lan_mut(station).expect("the station has an address");
        let listener = lan.listen(5001).expect("the port is free");
        repl.start(
            "import socket\n\
             s = socket.socket()\n\
             s.connect(('192.168.4.2', 5001))\n\
             s.send(b'from the board')\n\
             print(s.recv(1024).decode())\n\
             s.close()\n",
        );
        repl.machine.run_for(Span::from_secs(1));
        let lan = repl.machine.air_mut().lan_mut(station).expect("the station has an address");
        let connection = lan.accept(listener).expect("the board has connected");
        lan.send(connection, b"from the station");
        repl.wait_for("from the station", Span::from_secs(5));
        let mut bytes = [0; 32];
        let lan = repl.machine.air_mut().lan_mut(station).expect("the station has an address");
        let count = lan.receive(connection, &mut bytes);
        assert_eq!(bytes[..count], *b"from the board");
    }
}

fn a_station_with_a_wrong_password_is_refused(image: &[u8]) {
    let mut repl = Repl::booted(image);
    run(
        &mut repl,
        &format!(
            "import network\na = network.WLAN(network.AP_IF)\na.active(True)\n\
             a.config(ssid='board', security=3, key='{PASSWORD}')\n"
        ),
    );
    for (settings, refusal) in [
        (Station::wpa2("board", "wrong horse"), Refusal::WrongPassword),
        (Station::open("board"), Refusal::PasswordNeeded),
    ] {
        let station = repl.machine.air_mut().add_station(settings).expect("a possible station");
        let mut state = None;
        for _ in 0..1000 {
            repl.machine.run_for(Span::from_millis(10));
            state = repl.machine.air().station_state(station);
            if matches!(state, Some(StationState::Refused(_))) {
                break;
            }
        }
        assert_eq!(state, Some(StationState::Refused(refusal)));
        repl.machine.air_mut().remove_station(station).expect("the station is there");
        assert_eq!(repl.machine.air().station_state(station), None);
    }
}

/// A network with a router of its own is apart from the LAN: the board gets its address from there, and reaches the peer there.
fn joins_a_subnet_of_its_own(image: &[u8]) {
    let guests = AccessPoint { gateway: Some([10, 1, 2, 1].into()), ..AccessPoint::wpa2("guests", PASSWORD) };
    let mut repl = among(image, &[AccessPoint { channel: 11, ..AccessPoint::new("home") }, guests]);
    assert_eq!(join(&mut repl, &format!("'guests', '{PASSWORD}'")), "True 1010 10.1.2.100\n");
    assert_eq!(repl.machine.lan().board_address(), None);
    let subnet = repl.machine.air().subnet("guests").expect("the network is a subnet");
    let lan = repl.machine.air_mut().lan_mut(subnet).expect("the subnet has a LAN");
    let listener = lan.listen(80).expect("the port is free");
    repl.start("import socket\ns = socket.socket()\ns.connect(('10.1.2.2', 80))\nprint('connected')\n");
    repl.wait_for("connected", Span::from_secs(5));
    let lan = repl.machine.air_mut().lan_mut(subnet).expect("the subnet has a LAN");
    assert!(lan.accept(listener).is_some());
}

/// Without the cable there is still the air.
fn does_not_mind_a_cut_cable(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::new("home")]);
    repl.machine.lan_mut().set_faults(FaultConfig::cut()).expect("possible faults");
    assert_eq!(join(&mut repl, "'home'"), JOINED);
}

/// The MAC of either side sends again what was not acknowledged.
fn joins_although_frames_get_lost(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
    let faults = AirFaults { loss: 0.2, jitter: Span::from_millis(2) };
    repl.machine.air_mut().set_faults(faults).expect("possible faults");
    assert_eq!(join(&mut repl, &format!("'home', '{PASSWORD}'")), JOINED);
    repl.machine.run_for(Span::from_secs(1));
    let board = repl.machine.lan().board_address().expect("the board has an address");
    // A ping may come to grief when the board sleeps over the beacons that announce it.
    let pings: Vec<_> = (0..10)
        .map(|_| {
            let ping = repl.machine.lan_mut().ping(board).expect("a route");
            repl.machine.run_for(Span::from_secs(1));
            ping
        })
        .collect();
    let answered = |ping: &&_| matches!(repl.machine.lan().ping_state(**ping), PingState::Answered(_));
    let count = pings.iter().filter(answered).count();
    assert!(count >= 7, "{count} of 10 pings answered");
}

fn joins_in_the_same_microsecond_each_time(image: &[u8]) {
    let once = || {
        let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
        join(&mut repl, &format!("'home', '{PASSWORD}'"));
        (repl.machine.now(), repl.machine.trace_hash())
    };
    assert_eq!(once(), once());
}

fn touches_nothing_that_is_not_modelled(image: &[u8]) {
    let mut repl = among(image, &[AccessPoint::wpa2("home", PASSWORD)]);
    let before = repl.machine.unmodelled().len();
    assert_eq!(join(&mut repl, &format!("'home', '{PASSWORD}'")), JOINED);
    run(&mut repl, "w.scan()\nw.disconnect()\nw.active(False)\nw.active(True)\n");
    let after: Vec<String> = repl.machine.unmodelled()[before..].iter().map(ToString::to_string).collect();
    assert_eq!(after, Vec::<String>::new());
}

/// Keeps the frames of the board.
#[derive(Default)]
struct Frames(Vec<NetworkFrame>);

impl Observer for Frames {
    fn interests(&self) -> Interests {
        Interests { frames: true, ..Interests::default() }
    }

    fn frame(&mut self, frame: &NetworkFrame) {
        self.0.push(frame.clone());
    }
}

/// The frames of a capture of the air, which follow each a header of the file and one of radiotap, with their times in nanoseconds.
fn captured(file: &[u8]) -> Vec<(u128, Vec<u8>)> {
    const HEADER: usize = 24;
    const RECORD: usize = 16;
    let mut rest = &file[HEADER..];
    let mut frames = Vec::new();
    while let Some((record, after)) = rest.split_at_checked(RECORD) {
        let number = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().expect("four bytes"));
        let (packet, next) = after.split_at(number(8) as usize);
        let radiotap = usize::from(u16::from_le_bytes([packet[2], packet[3]]));
        frames.push((u128::from(number(0)) * 1_000_000_000 + u128::from(number(4)), packet[radiotap..].to_vec()));
        rest = next;
    }
    frames
}

/// A monitor beside the board hears the same, and also what comes while the board is tuned to another channel.
fn frames_are_observed_and_the_trace_stays(image: &[u8]) {
    const TRANSMITTER: std::ops::Range<usize> = 10..16;
    let network = AccessPoint { channel: 6, bssid: Some([2, 0, 0, 0, 0, 6]), ..AccessPoint::wpa2("home", PASSWORD) };
    let mut expected = among(image, &[network]);
    let mut repl = expected.clone();
    repl.machine.observe(Frames::default());
    repl.machine.air_mut().start_capture(1 << 20);
    for board in [&mut expected, &mut repl] {
        assert_eq!(join(board, &format!("'home', '{PASSWORD}'")), JOINED);
    }
    assert_eq!(repl.machine.trace_hash(), expected.machine.trace_hash());
    assert_eq!(repl.machine.now(), expected.machine.now());
    let mut frames = repl.machine.take_observer::<Frames>().expect("it looks on").0;
    // Frames that the LAN sends to all reach its cable as well.
    frames.retain(|frame| frame.medium == Medium::Radio);
    let captured = captured(&repl.machine.air().capture());
    let mac = frames.iter().find(|frame| frame.is_sent).expect("it asks for networks").bytes[TRANSMITTER].to_vec();
    let is_of_board = |frame: &[u8]| frame.get(TRANSMITTER) == Some(&mac[..]);
    let sent = captured.iter().filter(|(_, bytes)| is_of_board(bytes)).count();
    assert!(sent > 10);
    assert_eq!(frames.iter().filter(|frame| frame.is_sent).count(), sent);
    assert!(frames.iter().filter(|frame| !frame.is_sent).count() > 10);
    let mut heard = captured.iter();
    for frame in &frames {
        assert_eq!(frame.is_sent, is_of_board(&frame.bytes));
        // The chip takes a frame in after the instruction during which it comes.
        let seen = std::time::Duration::from(frame.at.since(Time::ZERO)).as_nanos();
        assert!(
            heard.any(|(at, bytes)| *bytes == frame.bytes && (*at..at + 1000).contains(&seen)),
            "{frame:?} is not in the capture, in its order"
        );
    }
}

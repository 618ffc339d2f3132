//! The page, from the side of a browser and of those who are none of its business.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use espalier_core::Time;
use espalier_net::AccessPoint;
use espalier_serve::{Pace, ServeConfig, Server, WorldPace, WorldPage, WorldPorts, WorldServer};
use espalier_soc::{BoardDefinition, Machine, MachineConfig, Strap};
use espalier_world::World;
use serde_json::{Value, json};

use crate::client::{PATIENCE, downloading, free, machine};

/// A browser that has opened the address of the page.
struct Browser {
    address: SocketAddr,
    token: String,
}

impl Browser {
    fn open(page: &str) -> Browser {
        let (address, token) = page.strip_prefix("http://").unwrap().split_once("/?token=").unwrap();
        Browser { address: address.parse().unwrap(), token: token.to_owned() }
    }

    /// A request with these fields, and the answer to it.
    fn ask(&self, request: &str, fields: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(self.address).unwrap();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        write!(socket, "{request} HTTP/1.1\r\n{fields}\r\n{length}\r\n{body}").unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn host(&self) -> String {
        format!("Host: {}", self.address)
    }

    fn get(&self, path: &str) -> String {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.ask(&format!("GET {path}{sign}token={}", self.token), &self.host(), "")
    }

    fn act(&self, board: usize, action: &Value) -> (String, Value) {
        let request = format!("POST /act?token={}&board={board}", self.token);
        let fields = format!("{}\r\nOrigin: http://{}\r\nContent-Type: application/json", self.host(), self.address);
        let answer = self.ask(&request, &fields, &action.to_string());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().to_owned();
        (status, serde_json::from_str(body).unwrap())
    }

    fn events(&self) -> Events {
        let mut socket = TcpStream::connect(self.address).unwrap();
        write!(socket, "GET /events?token={} HTTP/1.1\r\n{}\r\n\r\n", self.token, self.host()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Events(BufReader::new(socket))
    }
}

/// Events of a page.
struct Events(BufReader<TcpStream>);

impl Events {
    fn next(&mut self, kind: &str) -> Value {
        let mut line = String::new();
        let mut found = false;
        loop {
            line.clear();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream has ended");
            if let Some(event) = line.strip_prefix("event: ") {
                found = event.trim_end() == kind;
            }
            if let (true, Some(data)) = (found, line.strip_prefix("data: ")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// Waits until what a board is said to be fulfils a condition.
    fn until(&mut self, mut fits: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.next("board");
            if fits(&told) {
                return told;
            }
            assert!(Instant::now() < deadline, "{told}");
        }
    }
}

/// The level of a pin, if it is told.
fn level(told: &Value, gpio: u64) -> Option<u64> {
    told["pads"].as_array()?.iter().find(|pad| pad["gpio"] == gpio)?["level"].as_u64()
}

fn mpython() -> Server {
    let board = BoardDefinition::load("mpython").unwrap();
    let mut machine = Machine::new(&MachineConfig { board, ..MachineConfig::default() }).unwrap();
    machine.power_on(Strap::Download);
    let config = ServeConfig { pace: Pace::Fast, http: Some(free()), ..ServeConfig::default() };
    Server::start(machine, &config).unwrap()
}

#[test]
fn a_browser_gets_the_page_and_its_files() {
    let server = downloading(0x10);
    let browser = Browser::open(&server.page().unwrap());
    let page = browser.get("/");
    assert!(page.contains("<main id=\"boards\">") && page.contains("script-src 'self'"), "{page}");
    for (file, kind) in [("/page.js", "text/javascript"), ("/server.js", "text/javascript"), ("/page.css", "text/css")]
    {
        assert!(browser.get(file).contains(&format!("Content-Type: {kind}")), "{file}");
    }
    let screen = browser.get("/screen.png");
    assert!(screen.starts_with("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n") && screen.contains("PNG"), "{screen}");
    while !browser.get("/console").contains("waiting for download") {}
    assert!(browser.get("/status").contains("running\nguest time "));
    assert!(browser.get("/pins.vcd").contains("$enddefinitions"));
    assert!(browser.get("/board.espalier").contains("\r\n\r\nESPWORLD"));
    for file in ["/network.pcap", "/air.pcap"] {
        assert!(browser.get(file).contains("Content-Type: application/vnd.tcpdump.pcap"), "{file}");
    }
    for (path, status) in [("/../etc/passwd", 404), ("/console?uart=3", 404), ("/console?board=1", 404), ("/act", 404)]
    {
        assert!(browser.get(path).starts_with(&format!("HTTP/1.1 {status} ")), "{path}");
    }
    assert!(browser.ask("DELETE /", &browser.host(), "").starts_with("HTTP/1.1 405 "));
}

#[test]
fn only_clients_that_know_the_token_see_or_do_something() {
    let server = downloading(0x10);
    let browser = Browser::open(&server.page().unwrap());
    let post = format!("{}\r\nContent-Type: application/json", browser.host());
    let other = "0".repeat(browser.token.len());
    for query in ["", "?token=", "?token=0", &format!("?token={other}"), &format!("?tokens={}", browser.token)] {
        for path in ["/events", "/console", "/status", "/screen.png", "/network.pcap", "/board.espalier", "/nothing"] {
            let answer = browser.ask(&format!("GET {path}{query}"), &browser.host(), "");
            assert!(
                answer.starts_with("HTTP/1.1 403 ") && answer.contains("lacks the token"),
                "{path}{query}: {answer}"
            );
        }
        for path in ["/act", "/", "/page.js"] {
            let answer = browser.ask(&format!("POST {path}{query}"), &post, r#"{"do":"stop"}"#);
            assert!(answer.starts_with("HTTP/1.1 403 "), "{path}{query}: {answer}");
        }
    }
    assert!(
        browser.ask("GET /", &browser.host(), "").starts_with("HTTP/1.1 200 "),
        "the page says nothing of the board"
    );
}

#[test]
fn pages_of_other_sites_cannot_drive_the_board() {
    let names = vec!["bench.lan".to_owned()];
    let config = ServeConfig { http: Some(free()), http_names: names, ..ServeConfig::default() };
    let server = Server::start(machine(0x10, Strap::Download), &config).unwrap();
    let browser = Browser::open(&server.page().unwrap());
    let (port, host) = (browser.address.port(), browser.host());
    let stop = |fields: &str| {
        let request = format!("POST /act?token={}", browser.token);
        browser.ask(&request, fields, r#"{"do":"stop"}"#)
    };
    let json = "Content-Type: application/json";
    for (fields, status) in [
        // A name that was made to lead here, and pages that ask from elsewhere.
        (format!("Host: evil.example:{port}\r\n{json}"), 403),
        (format!("{host}\r\nOrigin: http://evil.example\r\n{json}"), 403),
        (format!("{host}\r\nOrigin: null\r\n{json}"), 403),
        (format!("{host}\r\nOrigin: http://127.0.0.1:{}\r\n{json}", port ^ 1), 403),
        // Forms send these without asking.
        (format!("{host}\r\nContent-Type: text/plain"), 415),
        (format!("{host}\r\nContent-Type: application/x-www-form-urlencoded"), 415),
    ] {
        let answer = stop(&fields);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{fields}: {answer}");
    }
    assert!(browser.get("/status").contains("running\n"));
    let answer = stop(&format!("Host: bench.lan\r\nOrigin: http://bench.lan\r\n{json}"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("Access-Control-Allow"), "{answer}");
    assert!(browser.get("/status").contains("paused\n"));
}

#[test]
fn the_board_is_told_of_as_it_changes() {
    let server = mpython();
    let browser = Browser::open(&server.page().unwrap());
    let mut events = browser.events();
    let hello = events.next("hello");
    assert_eq!((&hello["boards"], &hello["world"]), (&json!(["mpython"]), &json!(false)));
    let first = events.next("board");
    assert_eq!((&first["board"]["name"], &first["displays"][0]["width"]), (&json!("mpython"), &json!(128)), "{first}");
    assert_eq!(first["leds"][0]["colours"], json!([[0, 0, 0], [0, 0, 0], [0, 0, 0]]));
    assert_eq!(level(&first, 0), Some(1));
    let (status, _) = browser.act(0, &json!({"do": "press", "part": "a", "pressed": true}));
    assert_eq!(status, "200");
    events.until(|told| level(told, 0) == Some(0));
    browser.act(0, &json!({"do": "press", "part": "a", "pressed": false}));
    events.until(|told| level(told, 0) == Some(1));
    browser.act(0, &json!({"do": "set", "part": "light", "property": "level", "value": 0.5}));
    let light = |told: &Value| {
        let parts = told["parts"].as_array()?;
        parts.iter().find(|part| part["name"] == "light")?["properties"]["volts"].as_f64()
    };
    events.until(|told| light(told) == Some(1.65));
    for cut in [true, false] {
        browser.act(0, &json!({"do": "cable", "cut": cut}));
        events.until(|told| told["cable"]["cut"] == cut);
    }
    browser.act(0, &json!({"do": "watch", "gpio": 25, "on": true}));
    browser.act(0, &json!({"do": "pin", "gpio": 25, "level": "high"}));
    events.until(|told| {
        told["edges"][0]["changes"].as_array().is_some_and(|edges| edges.iter().any(|edge| edge["level"] == 1))
    });
    browser.act(0, &json!({"do": "stop"}));
    events.until(|told| told["state"]["running"] == false);
    let said = |told: &Value| told["consoles"][0]["text"].as_str().unwrap_or_default().contains("rst:0x1");
    browser.act(0, &json!({"do": "cont"}));
    browser.act(0, &json!({"do": "reset"}));
    events.until(said);
    drop(server);
    events.next("gone");
}

#[test]
fn refused_actions_are_explained_and_change_nothing() {
    let server = mpython();
    let browser = Browser::open(&server.page().unwrap());
    for (action, status, words) in [
        (json!({"do": "press", "part": "c"}), "422", "no part \"c\"; it has display, a, b"),
        (json!({"do": "press"}), "400", "missing field `part`"),
        (json!({"do": "fly"}), "400", "unknown variant `fly`"),
        (json!({"do": "network", "ssid": "home", "on": true}), "422", "no network \"home\" is in the air"),
        (json!({"do": "send", "text": "x", "uart": 9}), "422", "no UART 9; it has 3"),
        (json!({"do": "step", "milliseconds": 1_000_000}), "422", "1000000 ms is not possible"),
        (json!([]), "400", ""),
    ] {
        let (given, answer) = browser.act(0, &action);
        assert_eq!(given, status, "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
    let (status, _) = browser.act(0, &json!({"do": "state"}));
    assert_eq!(status, "200");
}

#[test]
fn a_page_that_reads_nothing_holds_nothing_up() {
    let server = mpython();
    let browser = Browser::open(&server.page().unwrap());
    let slow: Vec<Events> = (0..8).map(|_| browser.events()).collect();
    let mut quick = browser.events();
    for _ in 0..3 {
        browser.act(0, &json!({"do": "reset"}));
        quick.until(|told| told["consoles"][0]["text"].as_str().is_some_and(|text| text.contains("rst:")));
    }
    drop(slow);
}

#[test]
fn a_page_shows_all_boards_of_a_world() {
    let mut world = World::new(0).unwrap();
    for (number, name) in [(1, "one"), (2, "other")] {
        let mut board = BoardDefinition::load("mpython").unwrap();
        board.mac[5] = 16 * number;
        let board = world.add_board(name, &MachineConfig { board, ..MachineConfig::default() }).unwrap();
        world.board_mut(board).power_on(Strap::Download);
    }
    world.air_mut().add_access_point(AccessPoint::new("home")).unwrap();
    let page = WorldPage { address: free(), names: Vec::new() };
    let server = WorldServer::start(world, &[WorldPorts::default(); 2], Some(&page), WorldPace::RealTime).unwrap();
    let browser = Browser::open(&server.page().unwrap());
    let mut events = browser.events();
    let hello = events.next("hello");
    assert_eq!((&hello["boards"], &hello["world"]), (&json!(["one", "other"]), &json!(true)));
    assert_eq!(browser.act(1, &json!({"do": "press", "part": "a", "pressed": true})).0, "200");
    events.until(|told| told["place"] == 1 && level(told, 0) == Some(0));
    for place in [0, 1] {
        events.until(|told| told["place"] == place);
    }
    let state = |place: usize| browser.act(place, &json!({"do": "state"})).1;
    for on in [false, true] {
        browser.act(0, &json!({"do": "network", "ssid": "home", "on": on}));
        let networks = state(1)["networks"].clone();
        assert_eq!((networks[0]["ssid"].as_str(), networks[0]["away"] == true), (Some("home"), !on), "{networks}");
    }
    browser.act(1, &json!({"do": "cable", "cut": true}));
    assert_eq!([0, 1].map(|place| state(place)["cable"]["cut"].clone()), [json!(false), json!(true)]);
    browser.act(0, &json!({"do": "stop"}));
    let micros = |place| {
        let state = state(place);
        (state["state"]["time"].as_f64().unwrap() * 1e6).round()
    };
    let before = micros(1);
    browser.act(0, &json!({"do": "step", "milliseconds": 3}));
    while micros(1) < before + 3_000.0 {}
    assert!(micros(1) < before + 4_000.0 && micros(0) == micros(1), "from {before} us to {} us", micros(1));
    browser.act(0, &json!({"do": "fast", "on": true}));
    browser.act(0, &json!({"do": "cont"}));
    while micros(0) < before + 100_000.0 {}
    assert!(server.shutdown().now() > Time::ZERO);
}

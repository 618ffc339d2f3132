//! Abilities of boards of one world with each other, with Espressif's closed Wi-Fi library as it is.

use espalier_core::Span;
use espalier_net::AccessPoint;
use espalier_world::World;

use crate::repl::Boards;

pub type Case = fn(&[u8]);

pub const ALL: &[(&str, Case)] = &[
    ("one_opens_a_network_and_another_joins_it", one_opens_a_network_and_another_joins_it),
    ("threads_and_steps_change_nothing", threads_and_steps_change_nothing),
    ("a_world_goes_on_out_of_a_file_on_any_number_of_threads", a_world_goes_on_out_of_a_file),
    ("esp_now_goes_both_ways", esp_now_goes_both_ways),
    ("esp_now_goes_both_ways_in_a_network_and_after_it", esp_now_goes_both_ways_in_a_network_and_after_it),
    ("esp_now_is_encrypted_in_the_air", esp_now_is_encrypted_in_the_air),
    ("both_join_a_network_of_the_air_and_have_the_addresses_of_their_places", both_join_a_network_of_the_air),
];

const PASSWORD: &str = "correct horse";
const ADDRESSES: &str = "import network\nprint(network.WLAN(network.STA_IF).config('mac').hex())\n";

fn open_network(boards: &mut Boards) {
    let script = format!(
        "import network, socket\n\
         ap = network.WLAN(network.AP_IF)\n\
         ap.active(True)\n\
         ap.config(ssid='board', key='{PASSWORD}', authmode=3, channel=6)\n\
         s = socket.socket()\n\
         s.bind(('0.0.0.0', 5001))\n\
         s.listen(1)\n\
         u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
         u.bind(('0.0.0.0', 5002))\n\
         print(ap.ifconfig()[0])\n"
    );
    assert_eq!(boards.run(0, &script), "192.168.4.1\n");
}

fn join(boards: &mut Boards, place: usize, network: &str) -> String {
    let script = format!(
        "import network, socket, time\n\
         w = network.WLAN(network.STA_IF)\n\
         w.active(True)\n\
         w.connect('{network}', '{PASSWORD}')\n\
         t = 200\n\
         while not w.isconnected() and t:\n \
           time.sleep_ms(100)\n \
           t -= 1\n\
         print(w.isconnected(), w.ifconfig()[0])\n"
    );
    boards.run(place, &script)
}

const SERVE: &str = "c, a = s.accept()\n\
    n = 0\n\
    while n < 20000:\n \
      d = c.recv(1024)\n \
      n += len(d)\n \
      c.write(d)\n\
    print('received', n)\n\
    d, a = u.recvfrom(100)\n\
    u.sendto(d + b' back', a)\n";
const ASK: &str = "s = socket.socket()\n\
    s.connect(('192.168.4.1', 5001))\n\
    data = bytes(i & 255 for i in range(1000))\n\
    ok = 0\n\
    for i in range(20):\n \
      s.write(data)\n \
      ok += s.read(1000) == data\n\
    s.close()\n\
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    u.sendto(b'over', ('192.168.4.1', 5002))\n\
    print(ok, u.recv(100))\n";

fn talk(boards: &mut Boards) {
    open_network(boards);
    assert_eq!(join(boards, 1, "board"), "True 192.168.4.2\n");
    boards.start(0, SERVE);
    assert_eq!(boards.run(1, ASK), "20 b'over back'\n");
    assert_eq!(boards.finish(0), "received 20000\n");
}

fn one_opens_a_network_and_another_joins_it(image: &[u8]) {
    talk(&mut Boards::two(image));
}

/// Boot, WPA2 and TCP between the boards, once with each number of threads, and once more in odd steps.
fn threads_and_steps_change_nothing(image: &[u8]) {
    let run = |threads: usize, step: Option<Span>| {
        let mut boards = Boards::power_on(image, 3);
        boards.world.set_threads(threads);
        boards.run_for(Span::from_millis(700));
        (0..2).for_each(|place| drop(boards.wait_for(place, ">>> ", Span::from_secs(5))));
        open_network(&mut boards);
        assert_eq!(join(&mut boards, 1, "board"), "True 192.168.4.2\n");
        boards.start(0, SERVE);
        boards.start(1, ASK);
        let end = boards.world.now() + Span::from_millis(300);
        while boards.world.now() < end {
            let left = end.since(boards.world.now());
            boards.run_for(step.map_or(left, |step| step.min(left)));
        }
        (boards.world.trace_hash(), boards.world.now(), boards.console(1).to_owned())
    };
    let one = run(1, None);
    assert_eq!(run(2, None), one);
    assert_eq!(run(4, None), one);
    assert_eq!(run(2, Some(Span::from_micros(777))), one);
}

/// In the middle of a WPA2 join and in the middle of TCP between the boards: what was loaded goes on as what was not, and so does a
/// fork.
fn a_world_goes_on_out_of_a_file(image: &[u8]) {
    const JOIN: &str = "import network, socket, time\nw = network.WLAN(network.STA_IF)\nw.active(True)\n";
    const JOINED: &str = "while not w.isconnected():\n time.sleep_ms(100)\nprint(w.ifconfig()[0])\n";
    let mut boards = Boards::two(image);
    boards.run_for(Span::from_millis(3));
    open_network(&mut boards);
    boards.start(1, &format!("{JOIN}w.connect('board', '{PASSWORD}')\n"));
    for step in 0..8 {
        boards.run_for(Span::from_micros(24_777));
        goes_on_out_of_a_file(&boards, &format!("step {step} of the join"));
    }
    boards.finish(1);
    assert_eq!(boards.run(1, JOINED), "192.168.4.2\n");
    boards.start(0, SERVE);
    boards.start(1, ASK);
    for step in 0..6 {
        boards.run_for(Span::from_micros(3_777));
        goes_on_out_of_a_file(&boards, &format!("step {step} of the transfer"));
    }
    assert_eq!(boards.finish(1), "20 b'over back'\n");
    assert_eq!(boards.finish(0), "received 20000\n");
}

pub fn goes_on_out_of_a_file(boards: &Boards, when: &str) {
    let file = boards.world.save(b"attached");
    let outcome = |boards: &Boards, threads: usize| {
        let mut boards = boards.clone();
        boards.world.set_threads(threads);
        boards.run_for(Span::from_millis(20));
        (boards.world.trace_hash(), boards.world.now(), boards.console(1).to_owned(), boards.world.save(b""))
    };
    let straight = outcome(boards, 1);
    for threads in [1, 2, 4] {
        let (world, attachment) = World::load(&file).expect("it was saved by this build");
        assert_eq!(attachment, b"attached");
        let loaded = Boards { world, ..boards.clone() };
        assert!(loaded.world.save(b"attached") == file, "another file than it came from, at {when}");
        assert!(outcome(&loaded, threads) == straight, "on {threads} threads, at {when}");
    }
}

fn both_join_a_network_of_the_air(image: &[u8]) {
    let mut boards = Boards::two(image);
    boards.world.air_mut().add_access_point(AccessPoint::wpa2("home", PASSWORD)).expect("a possible network");
    let third = boards.add(image);
    let addresses: Vec<_> = [0, 1, third].into_iter().map(|place| boards.run(place, ADDRESSES)).collect();
    assert_eq!(addresses, ["240ac4000110\n", "240ac4000114\n", "240ac4000118\n"]);
    // Not in the order of their places.
    for place in [third, 1, 0] {
        assert_eq!(join(&mut boards, place, "home"), format!("True 10.0.4.{}\n", 100 + 2 * place));
    }
    assert_eq!(boards.world.air().stations("home").len(), 3);
    boards.start(
        0,
        "s = socket.socket()\ns.bind(('0.0.0.0', 80))\ns.listen(1)\nc, a = s.accept()\nprint(a[0], c.read(5))\n",
    );
    let script = "s = socket.socket()\ns.connect(('10.0.4.100', 80))\ns.write(b'hello')\ns.close()\n";
    assert_eq!(boards.run(1, script), "");
    assert_eq!(boards.finish(0), "10.0.4.102 b'hello'\n");
}

const ESP_NOW: &str = "import network, espnow, time\n\
    w = network.WLAN(network.STA_IF)\n\
    w.active(True)\n\
    e = espnow.ESPNow()\n\
    e.active(True)\n\
    ALL = b'\\xff' * 6\n\
    ABSENT = bytes([2, 0, 0, 0, 0, 9])\n\
    MACS = [bytes([0x24, 0x0a, 0xc4, 0, 1, n]) for n in (0x10, 0x14)]\n";

/// To the broadcast address and back to the sender that was heard; the sender is told whether that was acknowledged.
fn esp_now_goes_both_ways(image: &[u8]) {
    let mut boards = Boards::two(image);
    (0..2).for_each(|place| drop(boards.run(place, ESP_NOW)));
    talk_by_esp_now(&mut boards);
}

/// A network in the air does not stand between the boards: neither while they are in it, nor after they have left it.
fn esp_now_goes_both_ways_in_a_network_and_after_it(image: &[u8]) {
    let mut boards = Boards::two(image);
    boards.world.air_mut().add_access_point(AccessPoint::wpa2("home", PASSWORD)).expect("a possible network");
    for place in 0..2 {
        assert_eq!(join(&mut boards, place, "home"), format!("True 10.0.4.{}\n", 100 + 2 * place));
        // A station that saves power misses frames that no beacon announces.
        boards.run(place, &format!("{ESP_NOW}w.config(pm=w.PM_NONE)\n"));
    }
    talk_by_esp_now(&mut boards);
    // A new start forgets the peers.
    (0..2).for_each(|place| drop(boards.run(place, "w.disconnect()\ne.active(False)\ne.active(True)\n")));
    talk_by_esp_now(&mut boards);
}

fn talk_by_esp_now(boards: &mut Boards) {
    boards.start(
        1,
        "h, m = e.recv(5000)\n\
         e.add_peer(h)\n\
         print(h.hex(), m, e.send(h, b'to you', True))\n",
    );
    let script = "e.add_peer(ALL)\n\
        e.send(ALL, b'to all', True)\n\
        h, m = e.recv(5000)\n\
        print(h.hex(), m)\n\
        e.add_peer(ABSENT)\n\
        print(e.send(ABSENT, b'lost', True))\n";
    assert_eq!(boards.run(0, script), "240ac4000114 b'to you'\nFalse\n");
    assert_eq!(boards.finish(1), "240ac4000110 b'to all' True\n");
}

fn esp_now_is_encrypted_in_the_air(image: &[u8]) {
    const MESSAGE: &[u8] = b"no other board may read it";
    for encrypted in [false, true] {
        let mut boards = Boards::two(image);
        boards.world.air_mut().start_capture(1 << 20);
        for place in 0..2 {
            boards.run(place, ESP_NOW);
            let key = if encrypted { ", b'a local key o 16', encrypt=True" } else { "" };
            let script = format!("e.set_pmk(b'a primary key o1')\ne.add_peer(MACS[{}]{key})\n", 1 - place);
            boards.run(place, &script);
        }
        boards.start(1, "h, m = e.recv(5000)\nprint(h.hex(), m, e.send(h, m + b', twice', True))\n");
        let message = String::from_utf8_lossy(MESSAGE).into_owned();
        let script = format!("print(e.send(MACS[1], b'{message}', True))\nprint(e.recv(5000)[1])\n");
        assert_eq!(boards.run(0, &script), format!("True\nb'{message}, twice'\n"));
        assert_eq!(boards.finish(1), format!("240ac4000110 b'{message}' True\n"));
        let capture = boards.world.air().capture();
        let is_readable = capture.windows(MESSAGE.len()).any(|bytes| bytes == MESSAGE);
        assert_eq!(is_readable, !encrypted);
    }
}

//! Console, address, cable and display.

use crate::common::Bench;

#[test]
fn says_who_it_is() {
    let mut bench = Bench::new();
    bench.expect("@event started espalier-app ");
    bench.type_line("hello");
    assert_eq!(bench.expect("@hello "), format!("@hello espalier-app {} protocol=1", env!("CARGO_PKG_VERSION")));
    bench.type_line("help");
    bench.expect("net static ADDRESS");
}

#[test]
fn gets_an_address_and_shows_it() {
    Bench::ready().assert_golden("idle");
}

#[test]
fn garbage_costs_only_itself() {
    let mut bench = Bench::ready();
    bench.type_bytes(b"\xFF\x00\xFE garbage\r");
    bench.expect("@err line is not UTF-8");
    bench.type_bytes(&[b'x'; 5000]);
    bench.type_bytes(b"\n");
    bench.expect("@err line is longer than 320 bytes");
    bench.type_line("server 70000");
    bench.expect("@err port 70000 is out of range 0..=65535");
    bench.type_bytes(b"hello\nstat");
    bench.expect("@hello ");
    bench.type_bytes(b"us\n");
    bench.expect("@status role=none ");
}

#[test]
fn goes_on_asking_when_dhcp_does_not_answer() {
    let mut bench = Bench::new();
    bench.peer.dhcp_answers = false;
    bench.type_line("client 10.0.2.2 5001");
    bench.run(100);
    bench.assert_golden("client-waiting");
    bench.expect("@event dhcp-silent");
    bench.assert_golden("client-no-dhcp");
    bench.type_line("stop");
    bench.assert_golden("idle-no-dhcp");
    bench.peer.dhcp_answers = true;
    bench.expect("@event address 10.0.2.100/24 dhcp");
    bench.assert_golden("idle");
}

#[test]
fn takes_a_static_address() {
    let mut bench = Bench::ready();
    bench.type_line("server 80");
    bench.expect("@event listening 10.0.2.100:80");
    bench.type_line("net static 10.0.2.77/24 10.0.2.2");
    bench.expect("@event address-lost");
    bench.expect("@event address 10.0.2.77/24 static");
    bench.expect("@event listening 10.0.2.77:80");
    bench.type_line("net dhcp");
    bench.expect("@event listening 10.0.2.100:80");
}

#[test]
fn waits_for_the_cable() {
    let mut bench = Bench::new();
    bench.cable.set_out(true);
    bench.expect("@event link down");
    bench.assert_golden("idle-cable-out");
    bench.run(60_000);
    assert!(bench.lines().iter().all(|line| line != "@event dhcp-silent"), "there was no server to be silent");
    bench.cable.set_out(false);
    bench.expect("@event link up");
    bench.expect("@event address 10.0.2.100/24 dhcp");
}

#[test]
fn a_display_that_is_missing_is_tried_again() {
    let mut bench = Bench::new();
    bench.set_display_absent(true);
    bench.expect("@event display-failed");
    bench.expect("@event address 10.0.2.100/24 dhcp");
    bench.set_display_absent(false);
    bench.expect("@event display-restored");
    bench.assert_golden("idle");
}

#[test]
fn resets_on_command_after_saying_so() {
    let mut bench = Bench::ready();
    bench.type_line("reset");
    bench.expect("@ok reset");
    bench.run(100);
    assert!(bench.reset);
}

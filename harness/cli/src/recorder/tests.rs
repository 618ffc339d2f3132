//! The steps that things done by hand become.

use std::collections::BTreeMap;

use espalier::{AccessPoint, Span, Time};
use espalier_serve::Action;

use super::heard::Heard;
use super::{Recorder, Step};

fn recorder() -> Recorder {
    Recorder {
        stem: "a".to_owned(),
        peer: [10, 0, 0, 1].into(),
        steps: Vec::new(),
        reached: Time::ZERO,
        uarts: BTreeMap::from([(0, Heard::default())]),
        sockets: BTreeMap::new(),
        datagrams: BTreeMap::new(),
        typed: Vec::new(),
        sent: String::new(),
        is_after_return: false,
        mark: None,
        pictures: Vec::new(),
        lifts: Vec::new(),
        dragged: None,
    }
}

fn at(milliseconds: u64) -> Time {
    Time::ZERO + Span::from_millis(milliseconds)
}

fn act(recorder: &mut Recorder, action: &str, kind: &str, milliseconds: u64) {
    let action: Action = serde_json::from_str(action).unwrap();
    recorder.acted(&action, Some(kind), at(milliseconds));
}

/// The steps so far, each as an action and its value.
fn told(recorder: &Recorder) -> Vec<String> {
    let tell = |step: &Step| format!("{} {}", step.action, step.value).replace('"', "");
    recorder.steps.iter().map(tell).collect()
}

#[test]
fn lines_are_sent_when_they_end_and_edited_before() {
    let mut recorder = recorder();
    recorder.heard(0, b"ready\r\n> ", at(100));
    recorder.typed(0, b"helq\x7f", at(1000));
    recorder.heard(0, b"helq", at(1001));
    recorder.typed(0, b"p 10.0.0.1 $5\r\n", at(1500));
    recorder.heard(0, b"\x08p 10.0.0.1 $5\r\nno help\r\n> ", at(1600));
    recorder.typed(0, b"\x03", at(1610));
    recorder.typed(0, b"un", at(1700));
    recorder.before(at(1800));
    let steps = [
        "expect ready",
        "expect >",
        "run-for 1400ms",
        "send help ${peer} $$5",
        "expect no help",
        "expect >",
        "type { hex = 03 }",
        "run-for 190ms",
        "type un",
    ];
    assert_eq!(told(&recorder), steps);
    assert_eq!(recorder.reached, at(1800));
}

#[test]
fn fingers_are_lifted_among_the_other_steps() {
    let mut recorder = recorder();
    act(&mut recorder, r#"{"do":"press","part":"a"}"#, "button", 0);
    act(&mut recorder, r#"{"do":"press","part":"P","milliseconds":300}"#, "touch", 500);
    act(&mut recorder, r#"{"do":"press","part":"b","pressed":true}"#, "button", 600);
    act(&mut recorder, r#"{"do":"press","part":"b","pressed":false}"#, "button", 610);
    act(&mut recorder, r#"{"do":"press","part":"knob","pressed":true}"#, "encoder", 1000);
    let steps = [
        "click a",
        "run-for 400ms",
        "touch P",
        "run-for 100ms",
        "press b",
        "run-for 50ms",
        "release b",
        "run-for 150ms",
        "untouch P",
        "run-for 200ms",
        "part { knob = { pressed = true } }",
    ];
    assert_eq!(told(&recorder), steps);
}

#[test]
fn surroundings_are_taken_away_and_given_back() {
    let mut recorder = recorder();
    act(&mut recorder, r#"{"do":"cable","cut":true}"#, "", 0);
    act(&mut recorder, r#"{"do":"cable","cut":false}"#, "", 100);
    recorder.network("home", None, at(100));
    let home = AccessPoint { password: Some("correct horse".to_owned()), channel: 6, ..AccessPoint::new("home") };
    recorder.network("home", Some(&home), at(300));
    let steps = [
        "cable cut",
        "run-for 100ms",
        "cable restored",
        "remove-access-point home",
        "run-for 200ms",
        "access-point { channel = 6, password = correct horse, rssi = -40, ssid = home }",
    ];
    assert_eq!(told(&recorder), steps);
}

#[test]
fn a_property_that_is_dragged_is_set_once() {
    let mut recorder = recorder();
    for (value, moment) in [(0.1, 0), (0.2, 30), (0.3, 60), (0.9, 2000)] {
        let action = format!(r#"{{"do":"set","part":"light","property":"level","value":{value}}}"#);
        act(&mut recorder, &action, "analog", moment);
    }
    let steps = ["part { light = { level = 0.3 } }", "run-for 1940ms", "part { light = { level = 0.9 } }"];
    assert_eq!(told(&recorder), steps);
}

#[test]
fn a_long_wait_has_a_limit_of_its_own() {
    let mut recorder = recorder();
    recorder.heard(0, b"late\n", at(9000));
    recorder.before(at(9000));
    assert_eq!(recorder.steps[0].within, Some(Span::from_secs(18)));
    recorder.received("socket", b"\xff\x00", at(9100));
    recorder.datagram(5005, b"hello".to_vec(), at(9100));
    recorder.before(at(9100));
    let steps =
        ["expect late", "peer-expect { hex = ff 00, on = socket }", "udp-expect { on = udp-5005, text = hello }"];
    assert_eq!(told(&recorder), steps);
}

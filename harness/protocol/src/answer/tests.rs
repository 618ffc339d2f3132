use core::net::{Ipv4Addr, SocketAddrV4};

use proptest::prelude::*;

use super::{Answer, AnswerError};
use crate::{ANSWER_LENGTH, Command, Event, Frame, LineReader, Origin, Role, State, Status};

#[test]
fn log_lines_are_not_answers() {
    for line in ["ets Jul 29 2019 12:21:46", "", "I (31) boot: @ok"] {
        assert_eq!(Answer::parse(line), Ok(None));
    }
}

#[test]
fn answers_read_as_documented() {
    for line in [
        "@hello espalier-app 0.1.0 protocol=1",
        "@ok client 192.168.4.2 5001",
        "@err port 70000 is out of range 0..=65535",
        "@event connected 192.168.4.2:5001",
        "@event received 1024 cut utf-8",
        "@event link down",
        "@status role=none state=idle link=up address=- peer=- messages=0 received=0 sent=0 cut=no",
        "@panic index out of bounds",
    ] {
        assert_eq!(Answer::parse(line).unwrap().unwrap().to_string(), line);
    }
}

#[test]
fn malformed_answers_are_errors() {
    assert_eq!(Answer::parse("@"), Err(AnswerError::Unknown("")));
    assert_eq!(Answer::parse("@event flew"), Err(AnswerError::Event("flew")));
    assert_eq!(Answer::parse("@event stopped twice"), Err(AnswerError::Event("stopped twice")));
    assert_eq!(Answer::parse("@status role=pilot"), Err(AnswerError::Status("role=pilot")));
    assert_eq!(Answer::parse("@hello x"), Err(AnswerError::Hello("x")));
}

fn endpoint() -> impl Strategy<Value = SocketAddrV4> {
    (any::<Ipv4Addr>(), any::<u16>()).prop_map(|(address, port)| SocketAddrV4::new(address, port))
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let with_endpoint = prop::sample::select(vec![
        Event::Connecting as fn(SocketAddrV4) -> Event<'static>,
        Event::Connected,
        Event::Refused,
        Event::Unanswered,
        Event::Listening,
        Event::Accepted,
        Event::Closed,
        Event::Reset,
        Event::Silent,
    ]);
    prop_oneof![
        (with_endpoint, endpoint()).prop_map(|(make, endpoint)| make(endpoint)),
        any::<bool>().prop_map(|up| Event::Link { up }),
        (any::<Ipv4Addr>(), 0u8..=32, prop::sample::select(vec![Origin::Dhcp, Origin::Static]))
            .prop_map(|(address, prefix, origin)| Event::Address { address, prefix, origin }),
        (any::<usize>(), any::<bool>(), any::<bool>()).prop_map(|(bytes, cut, malformed)| Event::Received {
            bytes,
            cut,
            malformed
        }),
        any::<u32>().prop_map(Event::LinesLost),
        prop::sample::select(vec![
            Event::Started { name: "app", version: "1" },
            Event::AddressLost,
            Event::DhcpSilent,
            Event::Stopped,
            Event::DisplayFailed,
            Event::DisplayRestored,
            Event::Resolving("peer.lan"),
            Event::Unresolved("peer.lan"),
        ]),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    let role = prop::sample::select(vec![Role::None, Role::Client, Role::Server]);
    let state = prop::sample::select(vec![
        State::Idle,
        State::WaitingForAddress,
        State::Resolving,
        State::Connecting,
        State::Accepting,
        State::Connected,
    ]);
    let address = prop::option::of((any::<Ipv4Addr>(), 0u8..=32));
    let counts = (any::<u32>(), any::<u32>(), any::<u32>());
    (role, state, any::<bool>(), address, prop::option::of(endpoint()), counts, any::<bool>()).prop_map(
        |(role, state, link, address, peer, (messages, received, sent), cut)| Status {
            role,
            state,
            link,
            address,
            peer,
            messages,
            received,
            sent,
            cut,
        },
    )
}

proptest! {
    #[test]
    fn events_survive_the_wire(event in event()) {
        let line = Answer::Event(event).to_string();
        prop_assert_eq!(Answer::parse(&line), Ok(Some(Answer::Event(event))));
    }

    #[test]
    fn statuses_survive_the_wire(status in status()) {
        let line = Answer::Status(status).to_string();
        prop_assert_eq!(Answer::parse(&line), Ok(Some(Answer::Status(status))));
    }

    #[test]
    fn screens_survive_the_wire_and_fit_into_a_reader(lit: Vec<(u8, u8)>) {
        let mut frame = Frame::new();
        for (x, y) in lit {
            frame.set(x.into(), y.into(), true);
        }
        let mut reader = LineReader::<ANSWER_LENGTH>::new();
        for byte in Answer::Screen(frame.clone()).to_string().bytes() {
            prop_assert!(reader.push(byte).is_none());
        }
        let line = reader.push(b'\n').unwrap().unwrap();
        prop_assert_eq!(Answer::parse(line), Ok(Some(Answer::Screen(frame))));
    }

    #[test]
    fn other_answers_survive_the_wire(name in "[a-z-]{1,20}", reason in "\\PC{0,60}", protocol: u32) {
        for answer in [
            Answer::Hello { name: &name, version: "0.1.0", protocol },
            Answer::Accepted(Command::Stop),
            Answer::Rejected(&reason),
            Answer::Panic(&reason),
        ] {
            let line = answer.to_string();
            prop_assert_eq!(Answer::parse(&line), Ok(Some(answer)));
        }
    }

    #[test]
    fn arbitrary_lines_never_panic(line: String) {
        let marked = format!("@{line}");
        for kind in ["", "hello ", "ok ", "status ", "screen ", "event "] {
            let _ = Answer::parse(&format!("@{kind}{line}")).map_err(|error| error.to_string());
        }
        let _ = Answer::parse(&marked);
    }
}

//! Input of clients that violates the protocol.

use espalier_soc::{Machine, MachineConfig, Strap};
use gdbstub::common::Signal;
use proptest::prelude::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::packets::{PACKET_SIZE, framed};
use super::super::target::DebugTarget;
use super::{RunRequest, Session};

struct Talk {
    target: DebugTarget,
    session: Session,
    answers: UnboundedReceiver<Vec<u8>>,
}

impl Talk {
    fn new() -> Talk {
        let mut machine = Machine::new(&MachineConfig::default()).unwrap();
        machine.power_on(Strap::Download);
        let (client, answers) = unbounded_channel();
        let mut target = DebugTarget::new(machine);
        let session = Session::new(client, &mut target);
        Talk { target, session, answers }
    }

    fn quiet() -> Talk {
        let mut talk = Talk::new();
        talk.ask(b"qSupported:multiprocess+;swbreak+");
        assert_eq!(talk.ask(b"QStartNoAckMode"), "+$OK#9a");
        talk
    }

    /// Everything that is answered to bytes.
    fn send(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.session.feed(&mut self.target, bytes);
        std::iter::from_fn(|| self.answers.try_recv().ok()).collect()
    }

    fn ask(&mut self, command: &[u8]) -> String {
        String::from_utf8(self.send(&framed(command)).concat()).unwrap()
    }

    /// The same, for a client that acknowledges nothing.
    fn answer(&mut self, command: &[u8]) -> String {
        let packet = self.ask(command);
        let body = packet.strip_prefix('$').and_then(|packet| packet.rsplit_once('#'));
        body.unwrap_or_else(|| panic!("{packet:?} to {}", command.escape_ascii())).0.to_owned()
    }
}

const MALFORMED: &[&[u8]] = &[
    b"m",
    b"m,",
    b"mzz,4",
    b"m0",
    b"m123456789,4",
    b"M0,4:",
    b"M0",
    b"X40000000",
    b"p",
    b"pffffffffffffffffff",
    b"P",
    b"G00",
    b"Hz1",
    b"H",
    b"Hg-1",
    b"Z0",
    b"Z9,@",
    b"Z,,",
    b"Z2,fffffffff,4",
    b"vCont;x",
    b"vCont;s",
    b"vCont;r1",
    b"vCont;C",
    b"qRcmd,zz",
    b"qXfer:features:read",
    b"qXfer:features:read:nothing.xml:0,ffb",
    b"qXfer:features:read:target.xml:0",
    b"T",
    b"T0",
    b"D;",
    b"qThreadExtraInfo",
];

#[test]
fn a_malformed_command_is_answered_and_the_session_goes_on() {
    let mut talk = Talk::quiet();
    assert_eq!(talk.answer(b"Hg2"), "OK");
    assert_eq!(talk.answer(b"p0"), "00040040", "the APP CPU, whose reset vector is that of the PRO CPU");
    for command in MALFORMED {
        let answer = talk.answer(command);
        // A command that is not known at all is answered by nothing.
        assert!(
            answer.is_empty() || answer.starts_with('E') || answer == "OK",
            "{answer} to {}",
            command.escape_ascii()
        );
        assert_eq!(talk.session.request(), RunRequest::Hold, "{}", command.escape_ascii());
        assert_eq!(talk.answer(b"?"), "T05thread:p01.01;", "still with processes, still without acknowledgments");
    }
    assert_eq!(talk.answer(b"m"), "E16");
}

#[test]
fn the_thread_that_was_chosen_stays_chosen() {
    let mut talk = Talk::quiet();
    // PRID tells the cores apart.
    let prid = |talk: &mut Talk| talk.answer(format!("p{:x}", 146).as_bytes());
    let pro = prid(&mut talk);
    assert_eq!(talk.answer(b"Hg2"), "OK");
    let app = prid(&mut talk);
    assert_ne!(pro, app);
    assert_eq!(talk.answer(b"m"), "E16");
    assert_eq!(prid(&mut talk), app);
    // A stop makes the core that stopped the present one.
    assert_eq!(talk.send(&framed(b"vCont;c")), Vec::<Vec<u8>>::new());
    let reason = talk.target.interrupted(Signal::SIGINT);
    talk.session.report(&mut talk.target, reason);
    while talk.answers.try_recv().is_ok() {}
    assert_eq!(prid(&mut talk), pro);
    assert_eq!(talk.answer(b"m"), "E16");
    assert_eq!(prid(&mut talk), pro);
}

#[test]
fn a_board_that_runs_goes_on_running() {
    let mut talk = Talk::quiet();
    assert_eq!(talk.send(&framed(b"vCont;s:p1.1;c")), Vec::<Vec<u8>>::new());
    let plans = talk.target.plans();
    assert_eq!(talk.answer(b"Hg-1"), "E16");
    assert_eq!((talk.session.request(), talk.target.plans()), (RunRequest::Run, plans));
    assert!(String::from_utf8(talk.send(&[3]).concat()).unwrap().starts_with("$T02thread:p01.01;"));
    // A command that is wrong in its second half has not done its first.
    let plans = talk.target.plans();
    assert_eq!(talk.answer(b"vCont;s:p1.1;x"), "E16");
    assert_eq!((talk.session.request(), talk.target.plans()), (RunRequest::Hold, plans));
}

#[test]
fn damage_is_reported_and_damaged_packets_are_sent_again() {
    let mut talk = Talk::new();
    assert_eq!(talk.send(b"$?#00"), [b"-"]);
    let answer = talk.send(b"$?#3f");
    assert_eq!(talk.send(b"-"), answer);
    assert_eq!(talk.ask(b"m"), "+$E16#ac");
    let mut talk = Talk::quiet();
    assert_eq!(talk.send(b"$?#00"), [b"$E16#ac"], "nothing is sent again without acknowledgments");
    let oversized = [&b"$M3ffb8000,1000:"[..], &[b'0'; 9000], b"#00"].concat();
    assert_eq!(talk.send(&oversized), [b"$E16#ac"]);
    assert_eq!(talk.answer(b"qsThreadInfo"), "l");
}

#[test]
fn no_answer_is_larger_than_what_was_announced() {
    let mut talk = Talk::quiet();
    assert!(talk.answer(b"qSupported:swbreak+").contains(&format!("PacketSize={PACKET_SIZE:x};")));
    // RLE shortens an answer, and erased memory would be all of one kind.
    let noise: Vec<u8> = (0..2048_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    talk.target.machine.poke(0, 0x3FFB_8000, &noise).unwrap();
    for command in ["m3ffb8000,800", "m3ffb8000,100000000", "m3ffb8000,ffffffffffffffff", "m40000000,ffffffff"] {
        let packet = talk.ask(command.as_bytes());
        assert!((1000..=PACKET_SIZE).contains(&packet.len()), "{} bytes to {command}", packet.len());
    }
    assert!(talk.ask(b"qXfer:features:read:target.xml:0,ffffffff").len() <= PACKET_SIZE);
    let echo = [&b"qRcmd,"[..], &b"ff".repeat(2000)].concat();
    assert!(talk.send(&framed(&echo)).iter().all(|packet| packet.len() <= PACKET_SIZE));
}

#[test]
fn breakpoints_are_set_once_and_not_without_end() {
    let mut talk = Talk::quiet();
    for kind in ["Z0", "Z1", "Z2"] {
        let mut refused = 0;
        for address in (0..3000_u32).chain(0..10) {
            match talk.answer(format!("{kind},{address:x},4").as_bytes()).as_str() {
                "OK" => {}
                "E1c" => refused += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!(refused, 3000 - 1024, "{kind}");
        // One that was set twice is gone after it was removed once.
        let remove = format!("{},5,4", kind.to_lowercase());
        assert_eq!((talk.answer(remove.as_bytes()), talk.answer(remove.as_bytes())), ("OK".into(), "E16".into()));
    }
}

#[test]
fn threads_that_are_not_there_have_no_registers() {
    let mut talk = Talk::quiet();
    assert_eq!(talk.answer(b"Hg3"), "OK", "the protocol asks only when it uses one");
    for command in [&b"g"[..], b"p0", b"m40000000,4", b"M3ffb8000,1:00", b"P0=00000000"] {
        assert_eq!(talk.answer(command), "E16", "{}", command.escape_ascii());
    }
    assert_eq!(talk.answer(b"T3"), "E01");
}

/// Bytes that are nearly the protocol.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"m",
        b"M",
        b"X",
        b"p",
        b"P",
        b"g",
        b"G",
        b"H",
        b"Hg",
        b"Hc",
        b"Z0",
        b"Z1",
        b"Z2",
        b"z3",
        b"vCont",
        b"vCont?",
        b";c",
        b";s",
        b";r",
        b":p1.1",
        b":-1",
        b"qRcmd,",
        b"qSupported:",
        b"qXfer:features:read:target.xml:",
        b"T",
        b"?",
        b"c",
        b"s",
        b"QStartNoAckMode",
        b"qThreadExtraInfo,",
        b"qfThreadInfo",
        b",",
        b":",
        b"ffffffff",
        b"100000000",
        b"0",
        b"4",
        b"3ffb8000",
        b"multiprocess+",
        b"}",
        b"*",
    ];
    let word = prop_oneof![
        4 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        // Nothing that is a goodbye.
        1 => prop::collection::vec(any::<u8>().prop_filter("goodbye", |byte| !b"Dkv".contains(byte)), 0..6),
    ];
    let command = prop::collection::vec(word, 0..6).prop_map(|words| words.concat());
    let piece = prop_oneof![
        8 => command.prop_map(|command| framed(&command)),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(vec![3]),
        1 => Just(b"-".to_vec()),
        1 => (0_usize..9000).prop_map(|length| framed(&vec![b'm'; length])),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn hostile_bytes_are_answered_and_leave_a_session_that_works(bytes in hostile()) {
        let mut talk = Talk::quiet();
        for answer in talk.send(&bytes) {
            prop_assert!(answer.len() <= PACKET_SIZE + 1);
        }
        prop_assert_ne!(talk.session.request(), RunRequest::Leave);
        // Whatever the state, a frame that was begun ends here, and the board stops.
        talk.send(b"#00\x03");
        prop_assert_eq!(talk.answer(b"qsThreadInfo"), "l");
    }
}

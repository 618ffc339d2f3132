//! Outputs of the mPython board: its LEDs at GPIO17, its buzzer at GPIO16.

use espalier::{Absent, Board, Capability, Model, Result, Span, Units, WrongColours};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(leds_are_waited_for, Leds, Fork),
    case!(leds_settle, Leds),
    case!(a_failure_says_what_the_leds_show, Leds),
    case!(the_tones_of_the_buzzer_are_recorded, Buzzer),
    case!(a_short_beep_is_not_missed, Buzzer),
    case!(a_failure_says_what_was_played, Buzzer),
    case!(a_board_without_the_parts_says_so, Leds, Buzzer),
];

const BLINK: &str = "from machine import Pin\n\
    from neopixel import NeoPixel\n\
    import time\n\
    np = NeoPixel(Pin(17, Pin.OUT), 3)\n\
    for i in range(4):\n \
      np[i % 3] = (i * 10, 100, 255 - i)\n \
      np.write()\n \
      time.sleep_ms(30)\n";

async fn leds_are_waited_for(board: &Board) -> Result<()> {
    assert_eq!(board.leds().colours()?, [(0, 0, 0); 3]);
    let running = board.micropython().start(BLINK).await?;
    board.leds().expect([(0, 100, 255), (10, 100, 254), (0, 0, 0)]).within(1.s()).await?;
    board.leds().expect([(30, 100, 252), (10, 100, 254), (20, 100, 253)]).within(1.s()).await?;
    running.finished().await?;
    // A fork shows what its original shows.
    let fork = board.fork_as("fork")?;
    fork.micropython().exec("np.fill((0, 0, 0))\nnp.write()").await?;
    fork.leds().expect([(0, 0, 0); 3]).await?;
    assert_eq!(board.leds().colours()?[0].to_string(), "#1e64fc");
    Ok(())
}

async fn leds_settle(board: &Board) -> Result<()> {
    let running = board.micropython().start(BLINK).await?;
    let colours = board.leds().settled().await?;
    assert_eq!(colours, [(30, 100, 252), (10, 100, 254), (20, 100, 253)]);
    running.finished().await?;
    Ok(())
}

async fn a_failure_says_what_the_leds_show(board: &Board) -> Result<()> {
    board.micropython().exec(BLINK).await?;
    let error = board.leds().expect([(1, 1, 1), (2, 2, 2), (3, 3, 3)]).within(1.ms()).await.unwrap_err();
    assert!(matches!(error.find(), Some(WrongColours { shown, .. }) if shown[0] == (30, 100, 252)), "{error}");
    let message = error.to_string();
    assert!(message.starts_with("the LEDs show #1e64fc #0a64fe #1464fd, not #010101 #020202 #030303\n"), "{message}");
    assert!(message.contains("\n  leds     #1e64fc #0a64fe #1464fd\n"), "{message}");
    Ok(())
}

const SONG: &str = "from machine import PWM, Pin\n\
    import time\n\
    p = PWM(Pin(16), freq=262, duty_u16=32768)\n\
    time.sleep_ms(100)\n\
    p.freq(330)\n\
    time.sleep_ms(100)\n\
    p.deinit()\n\
    time.sleep_ms(100)\n\
    p = PWM(Pin(16), freq=440, duty_u16=16384)\n\
    time.sleep_ms(100)\n\
    p.deinit()\n";

async fn the_tones_of_the_buzzer_are_recorded(board: &Board) -> Result<()> {
    assert_eq!(board.buzzer().tone()?, None);
    let running = board.micropython().start(SONG).await?;
    board.buzzer().expect(262.0).within(1.s()).await?;
    board.buzzer().expect(330.0).within(1.s()).await?;
    board.buzzer().expect_silence().await?;
    let last = board.buzzer().expect(440.0).within(1.s()).await?;
    assert!((last.tone.duty - 0.25).abs() < 0.01 && last.duration.is_none(), "{last:?}");
    assert_eq!(board.buzzer().tone()?, Some(last.tone));
    running.finished().await?;
    board.buzzer().expect_silence().await?;
    let tones = board.buzzer().tones()?;
    let song: Vec<_> =
        tones.iter().filter_map(|played| Some((played.tone.frequency.round(), played.duration?))).collect();
    assert_eq!(song.iter().map(|(frequency, _)| *frequency).collect::<Vec<_>>(), [262.0, 330.0, 440.0], "{tones:?}");
    let near = |duration: Span| duration.as_micros().abs_diff(100_000) < 5_000;
    assert!(song.iter().all(|(_, duration)| near(*duration)), "{song:?}");
    Ok(())
}

async fn a_short_beep_is_not_missed(board: &Board) -> Result<()> {
    let script = "from machine import PWM, Pin\n\
        import time\n\
        p = PWM(Pin(16), freq=4000, duty_u16=32768)\n\
        time.sleep_us(3000)\n\
        p.deinit()\n";
    let running = board.micropython().start(script).await?;
    board.buzzer().expect(4000.0).within(1.s()).await?;
    running.finished().await?;
    Ok(())
}

async fn a_failure_says_what_was_played(board: &Board) -> Result<()> {
    let error = board.buzzer().expect(440.0).within(5.ms()).await.unwrap_err();
    assert!(error.to_string().starts_with("no tone of 440.0 Hz was played, nor any other\n"), "{error}");
    board.micropython().exec(SONG).await?;
    let error = board.buzzer().expect(880.0).within(5.ms()).await.unwrap_err();
    assert!(error.to_string().starts_with("no tone of 880.0 Hz was played; the last of 3: 262.2 Hz at "), "{error}");
    Ok(())
}

async fn a_board_without_the_parts_says_so(_: &Board) -> Result<()> {
    let bare = Board::builder().model(Model::DevKit).name("bare").start().await?;
    assert!(!bare.supports(Capability::Leds) && !bare.supports(Capability::Buzzer));
    let error = bare.leds().expect([(0, 0, 0)]).await.unwrap_err();
    assert!(error.to_string().starts_with("the board has no LEDs\n"), "{error}");
    let error = bare.buzzer().tone().unwrap_err();
    assert!(matches!(error.find(), Some(Absent { what: "buzzer" })), "{error}");
    Ok(())
}

//! Scripts: their output, their exceptions, their end.

use espalier::{Board, BoardLoss, Result, Script, TracebackFrame, Units};

use crate::case;
use crate::official::Case;

const OLED_HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scripts/oled_hello.py");

pub const ALL: &[Case] = &[
    case!(a_script_prints),
    case!(chinese_survives_both_ways),
    case!(expressions_have_values),
    case!(names_live_until_a_soft_reset),
    case!(an_exception_is_a_value),
    case!(a_syntax_error_has_its_line),
    case!(twenty_kilobytes_arrive),
    case!(arguments_reach_the_script),
    case!(a_board_that_boots_is_waited_for),
    case!(a_script_that_takes_too_long_is_interrupted),
    case!(a_running_script_talks_and_is_interrupted),
    case!(a_running_script_ends_by_itself),
    case!(an_exit_has_its_status),
    case!(an_expression_that_exits_has_no_value),
    case!(a_soft_reset_ends_the_script),
    case!(a_board_that_restarts_ends_the_script, VirtualTime),
    case!(a_board_whose_watchdog_bites_ends_the_script, VirtualTime),
    case!(boards_fork_while_a_script_runs, Fork),
    case!(a_program_is_not_disturbed_unless_interrupted),
    case!(control_characters_arrive),
    case!(unreadable_scripts_are_reported),
    case!(the_oled_greets, DisplayMemory),
];

async fn a_script_prints(board: &Board) -> Result<()> {
    let output = board.micropython().exec("for i in range(3):\n  print('line', i)\n").await?;
    assert_eq!(output, "line 0\nline 1\nline 2\n");
    assert_eq!(board.micropython().exec("").await?, "");
    Ok(())
}

async fn chinese_survives_both_ways(board: &Board) -> Result<()> {
    let output = board.micropython().exec("s = '你好,掌控板'\nprint(s, len(s), s[-1])\n").await?;
    assert_eq!(output, "你好,掌控板 6 板\n");
    Ok(())
}

async fn expressions_have_values(board: &Board) -> Result<()> {
    let python = board.micropython();
    assert_eq!(python.eval("[2 ** 70, 'a\\n', b'\\xff']").await?, "[1180591620717411303424, 'a\\n', b'\\xff']");
    let error = python.eval("unknown").await.unwrap_err();
    assert_eq!(error.exception().map(|exception| exception.kind.as_str()), Some("NameError"));
    Ok(())
}

async fn names_live_until_a_soft_reset(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.exec("kept = 5").await?;
    assert_eq!(python.eval("kept").await?, "5");
    python.soft_reset().await?;
    let error = python.eval("kept").await.unwrap_err();
    assert_eq!(error.exception().map(|exception| exception.message.as_str()), Some("name 'kept' isn't defined"));
    Ok(())
}

async fn an_exception_is_a_value(board: &Board) -> Result<()> {
    let script = Script::new("def share(n):\n  return 10 // n\n\nprint('before')\nshare(0)\n").named("share.py");
    let error = board.micropython().exec(script).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.message.as_str()), ("ZeroDivisionError", "divide by zero"));
    let frame = |line, function: &str| TracebackFrame {
        file: "share.py".to_owned(),
        line,
        function: Some(function.to_owned()),
    };
    assert_eq!(exception.frames, [frame(5, "<module>"), frame(2, "share")]);
    assert_eq!(exception.output, "before\n");
    let message = error.to_string();
    assert!(message.contains("at share.py:2 in share\n      2 │   return 10 // n\n"), "{message}");
    assert_eq!(board.micropython().eval("6 * 7").await?, "42", "the board is at its prompt again");
    Ok(())
}

async fn a_syntax_error_has_its_line(board: &Board) -> Result<()> {
    // Longer than what the board takes at once: it refuses the script before it has all of it.
    let script = format!("x = 1\ny = = 2\n{}", "z = 3\n".repeat(200));
    let error = board.micropython().exec(script).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.raised_at().map(|frame| frame.line)), ("SyntaxError", Some(2)));
    assert_eq!(board.micropython().eval("6 * 7").await?, "42");
    Ok(())
}

async fn twenty_kilobytes_arrive(board: &Board) -> Result<()> {
    let lines: String = (0..700).map(|n| format!("total += {n:>4}  # {:>14}\n", n * n)).collect();
    let script = format!("total = 0\n{lines}print(total)\n");
    assert!(script.len() > 20_000);
    assert_eq!(board.micropython().exec(script).await?, format!("{}\n", (0..700).sum::<u32>()).as_str());
    Ok(())
}

async fn arguments_reach_the_script(board: &Board) -> Result<()> {
    let script = Script::new("import sys\nprint(sys.argv)\n").named("args.py").arguments(["--port", "it's 5001"]);
    assert_eq!(board.micropython().exec(script).await?, "['args.py', '--port', \"it's 5001\"]\n");
    Ok(())
}

async fn a_board_that_boots_is_waited_for(board: &Board) -> Result<()> {
    board.reset().await?;
    assert_eq!(board.micropython().eval("1 + 1").await?, "2");
    Ok(())
}

async fn a_script_that_takes_too_long_is_interrupted(board: &Board) -> Result<()> {
    let python = board.micropython();
    let error = python.exec("while True: pass").within(2.s()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("for the end of the script"), "{error}");
    python.interrupt().await?;
    assert_eq!(python.eval("6 * 7").await?, "42");
    Ok(())
}

async fn a_running_script_talks_and_is_interrupted(board: &Board) -> Result<()> {
    let script = "import time\nn = 0\nwhile True:\n  print('tick', n)\n  n += 1\n  time.sleep_ms(100)\n";
    let mut running = board.micropython().start(script).await?;
    board.console().expect_line("tick 3").await?;
    assert!(!running.has_ended());
    assert!(running.take_output().starts_with(b"tick 0\r\ntick 1\r\n"));
    let output = running.interrupt().await?;
    assert!(output.text().starts_with("tick 0\n") && running.has_ended());
    assert!(board.micropython().eval("n").await?.parse::<u32>().is_ok_and(|ticks| ticks >= 4));
    Ok(())
}

async fn a_running_script_ends_by_itself(board: &Board) -> Result<()> {
    let running = board.micropython().start("import time\ntime.sleep_ms(300)\nprint('done')\n").await?;
    assert_eq!(running.finished().await?, "done\n");
    let running = board.micropython().start("print('so far')\nraise ValueError('no')\n").await?;
    let error = running.finished().await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.output.as_str()), ("ValueError", "so far\n"));
    assert_eq!(board.micropython().eval("6 * 7").await?, "42");
    Ok(())
}

async fn an_exit_has_its_status(board: &Board) -> Result<()> {
    let python = board.micropython();
    for success in ["sys.exit()", "sys.exit(0)", "raise SystemExit", "raise SystemExit(None)", "sys.exit(False)"] {
        let script = format!("import sys\nprint('bye')\n{success}\nprint('not reached')\n");
        assert_eq!(python.exec(script).await?, "bye\n", "{success}");
    }
    let script = Script::new("import sys\ndef leave():\n  sys.exit(3)\nprint('bye')\nleave()\n").named("leave.py");
    let error = python.exec(script.clone()).await.unwrap_err();
    let exception = error.exception().expect("an exception");
    assert_eq!((exception.kind.as_str(), exception.exit_status()), ("SystemExit", Some(3)));
    assert_eq!(exception.output, "bye\n");
    let frame = |line, function: &str| TracebackFrame {
        file: "leave.py".to_owned(),
        line,
        function: Some(function.to_owned()),
    };
    assert_eq!(exception.frames, [frame(5, "<module>"), frame(3, "leave")]);
    let error = python.start(script).await?.finished().await.unwrap_err();
    assert_eq!(error.exception().and_then(|exception| exception.exit_status()), Some(3));
    for (leaves, status, message) in [
        ("raise SystemExit(-1)", 255, "-1"),
        ("raise SystemExit(True)", 1, "True"),
        ("raise SystemExit('no network\\nat all')", 1, "no network\nat all"),
        ("raise SystemExit(0, 1)", 1, "(0, 1)"),
    ] {
        let error = python.exec(leaves).await.unwrap_err();
        let exception = error.exception().expect("an exception");
        assert_eq!((exception.exit_status(), exception.message.as_str()), (Some(status), message), "{leaves}");
    }
    assert_eq!(python.eval("6 * 7").await?, "42");
    assert_eq!(python.eval("[name for name in dir() if 'espalier' in name]").await?, "[]", "nothing is left behind");
    Ok(())
}

async fn an_expression_that_exits_has_no_value(board: &Board) -> Result<()> {
    let error = board.micropython().eval("__import__('sys').exit(5)").await.unwrap_err();
    assert_eq!(error.exception().and_then(|exception| exception.exit_status()), Some(5));
    Ok(())
}

async fn a_soft_reset_ends_the_script(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.exec("kept = 5\nimport machine\nmachine.soft_reset()\n").await?;
    assert_eq!(python.eval("'kept' in globals()").await?, "False");
    Ok(())
}

async fn a_board_that_restarts_ends_the_script(board: &Board) -> Result<()> {
    let python = board.micropython();
    let begun = board.now();
    let error = python.exec("import machine\nmachine.reset()\n").await.unwrap_err();
    let lost = |error: &espalier::Error| error.board_loss().unwrap_or_else(|| panic!("{error}")).clone();
    let BoardLoss::Restart(reset) = lost(&error) else { panic!("{error}") };
    assert_eq!(reset.cause.name(), "SW_CPU_RESET");
    assert!(board.now().since(begun) < 1.s(), "it is told at once");
    assert_eq!(board.crash(), None, "the script wanted it");
    let running = python.start("import machine\nprint('sleeps')\nmachine.deepsleep(100)\n").await?;
    let error = running.finished().await.unwrap_err();
    board.run_for(60.ms()).await?;
    assert!(running.has_ended(), "what was printed before has come by now");
    let BoardLoss::Restart(reset) = lost(&error) else { panic!("{error}") };
    assert_eq!((reset.cause.name(), board.crash()), ("DEEPSLEEP_RESET", None));
    assert_eq!(python.eval("1 + 1").await?, "2", "the next script waits for the board");
    Ok(())
}

async fn a_board_whose_watchdog_bites_ends_the_script(board: &Board) -> Result<()> {
    let script = "import machine\nmachine.WDT(timeout=1000)\nwhile True: pass\n";
    let error = board.micropython().exec(script).await.unwrap_err();
    let Some(BoardLoss::Crash(crash)) = error.board_loss() else { panic!("{error}") };
    assert!(crash.reset.is_some() && !crash.places.is_empty(), "{crash}");
    assert!(error.to_string().starts_with("the firmware panicked: its task watchdog ran out"), "{error}");
    assert_eq!(board.crash().as_ref(), Some(crash));
    board.reset().await?;
    assert_eq!(board.crash(), None, "what was before the reset counts no more");
    Ok(())
}

async fn boards_fork_while_a_script_runs(board: &Board) -> Result<()> {
    board.micropython().start("import time\nfor n in range(9):\n  print('step', n)\n  time.sleep_ms(50)\n").await?;
    board.console().expect_line("step 2").await?;
    let fork = board.fork_as("boards_fork_while_a_script_runs-fork")?;
    fork.micropython().interrupt().await?;
    assert_eq!(fork.micropython().eval("n < 5").await?, "True");
    board.console().expect_line("step 8").await?;
    board.run_for(100.ms()).await?;
    assert_eq!(board.micropython().eval("n").await?, "8", "a raw mode that was left behind is left");
    Ok(())
}

async fn a_program_is_not_disturbed_unless_interrupted(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.put("import time\nwhile True:\n  time.sleep_ms(50)\n  print('alive')\n", "main.py").await?;
    board.reset().await?;
    board.console().expect_line("alive").await?;
    let error = python.eval("1").within(1.s()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("`interrupt` ends it"), "{error}");
    board.console().expect_line("alive").await?;
    python.interrupt().await?;
    assert_eq!(python.eval("1").await?, "1");
    Ok(())
}

async fn control_characters_arrive(board: &Board) -> Result<()> {
    assert_eq!(board.micropython().exec("x = '\x01\x03\x04'\nprint([ord(c) for c in x])\n").await?, "[1, 3, 4]\n");
    Ok(())
}

async fn unreadable_scripts_are_reported(board: &Board) -> Result<()> {
    let error = board.micropython().run_file("no/such.py").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot read no/such.py: "), "{error}");
    Ok(())
}

async fn the_oled_greets(board: &Board) -> Result<()> {
    let output = board.micropython().run_file(OLED_HELLO).await?;
    assert_eq!(output, "SSD1306 at 0x3c\n");
    board.screen().settled().await?.assert_golden("oled-hello")
}

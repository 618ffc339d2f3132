//! Boards that sleep: hours of it pass in few turns of the runtime, and what they do afterwards is what they would have done.

use std::future::{Future, poll_fn};
use std::pin::pin;

use espalier::{Board, Result, Span, Units};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(hours_of_deep_sleep_pass_in_few_turns, VirtualTime),
    case!(large_steps_of_a_sleeping_board_leave_its_trace_as_it_is, VirtualTime, Fork),
    case!(others_that_wait_meanwhile_are_not_passed_over, VirtualTime),
    case!(a_script_that_sleeps_is_waited_for_in_few_turns, VirtualTime),
];

/// The output of a future, and the number of its polls.
async fn counted<T>(future: impl Future<Output = T>) -> (T, u32) {
    let (mut future, mut polls) = (pin!(future), 0);
    let output = poll_fn(|cx| {
        polls += 1;
        future.as_mut().poll(cx)
    });
    (output.await, polls)
}

async fn hours_of_deep_sleep_pass_in_few_turns(board: &Board) -> Result<()> {
    board.micropython().start("import machine\nmachine.deepsleep(12 * 3600 * 1000)\n").await?;
    board.run_for(1.s()).await?;
    let begun = board.now();
    let (woken, polls) = counted(board.console().expect("DEEPSLEEP_RESET").within((13 * 3600).s())).await;
    woken?;
    let slept = board.now().since(begun);
    assert!((12 * 3600 - 2).s() < slept && slept < (12 * 3600).s(), "{slept}");
    assert!(polls < 600, "{polls}");
    Ok(())
}

async fn large_steps_of_a_sleeping_board_leave_its_trace_as_it_is(board: &Board) -> Result<()> {
    for sleep in ["time.sleep_ms(700)", "machine.lightsleep(700)", "machine.deepsleep(700)"] {
        let board = board.fork()?;
        board.micropython().start(format!("import machine, time\nwhile True:\n {sleep}\n print('awake')\n")).await?;
        let fork = board.fork()?;
        let ((), span) = (board.run_for(4.s()).await?, 1.ms());
        for _ in 0..4_000 {
            fork.run_for(span).await?;
        }
        // Slices of boards that execute end a little late.
        let end = board.now().max(fork.now()) + 5.ms();
        for board in [&board, &fork] {
            board.run_for(end.since(board.now())).await?;
        }
        let seen = |board: &Board| (board.now(), board.trace_hash(), board.console().lines());
        assert!(seen(&board) == seen(&fork), "{sleep}: {} {}", board.now(), fork.now());
    }
    Ok(())
}

async fn others_that_wait_meanwhile_are_not_passed_over(board: &Board) -> Result<()> {
    board.micropython().start("import machine\nmachine.deepsleep(3600 * 1000)\n").await?;
    board.run_for(100.s()).await?;
    let begun = board.now();
    let other = async {
        let mut ends = Vec::new();
        for _ in 0..3 {
            board.run_for(7_300.ms()).await?;
            ends.push(board.now().since(begun));
            // Nothing to wait for.
            assert!(board.console().expect("never").within(Span::from_millis(20)).await.is_err());
        }
        Ok::<_, espalier::Error>(ends)
    };
    let (long, ends) = tokio::join!(board.run_for(1_000.s()), other);
    long?;
    for (at, end) in (0_u64..).zip(ends?) {
        let due = 7_300 * (at + 1) + 20 * at;
        // A slice of the other's may end a little later.
        assert!((due..due + 5).contains(&(end.as_micros() / 1_000)), "{at}: {end}");
    }
    assert!(board.now().since(begun) < 1_000.s() + 5.ms());
    Ok(())
}

async fn a_script_that_sleeps_is_waited_for_in_few_turns(board: &Board) -> Result<()> {
    let python = board.micropython();
    let (output, polls) = counted(python.exec("import time\ntime.sleep(60)\nprint('awake')\n").within(100.s())).await;
    assert_eq!(output?, "awake\n");
    // One by one, there are sixty thousand slices.
    assert!(polls < 2_000, "{polls}");
    Ok(())
}

//! Threads that work through cases, each with a runtime of its own: a board's waits run the board, so one thread keeps a core busy.

use std::future::Future;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{available_parallelism, current, scope};

/// As many threads as the machine has cores.
pub(crate) fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Calls `work` on so many threads, which go by the name of this one: it is that of the test.
pub(crate) fn work_on(threads: usize, work: impl Fn() + Sync) -> std::io::Result<()> {
    let name = current().name().unwrap_or("explorer").to_owned();
    scope(|scope| {
        let spawn = |_| std::thread::Builder::new().name(name.clone()).spawn_scoped(scope, &work).map(drop);
        (0..threads.max(1)).try_for_each(spawn)
    })
}

/// Runs a future to its end on this thread. A panic inside becomes its message.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|error| error.to_string())?;
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(future))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
    })
}

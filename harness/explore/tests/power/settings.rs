//! Settings that are written one after the other, and what has to be there after a power cut.

use std::sync::Mutex;

use espalier::{Board, Result, Time, Units};
use espalier_explore::{Cut, Explored, PowerCuts};

/// Where settings are kept, as programs for MicroPython.
#[derive(Clone, Copy)]
pub struct Store {
    /// Makes the place for them.
    pub prepare: &'static str,
    /// Stores the number `n`.
    pub write: &'static str,
    /// Prints the last number that was stored, or `None`.
    pub read: &'static str,
}

/// One number after the other under a few keys of NVS, each with a commit.
pub const NVS: Store = Store {
    prepare: "",
    write: "s.set_i32('k%d' % (n % 10), n)\n  s.commit()",
    read: "import esp32\n\
        s = esp32.NVS('settings')\n\
        v = []\n\
        for k in range(10):\n \
          try: v.append(s.get_i32('k%d' % k))\n \
          except OSError: pass\n\
        m = max(v, default=None)\n\
        print('@stored', m if m is None or sorted(v) == list(range(max(m - 9, 0), m + 1)) else v)\n",
};

/// One number after the other in a file of the file system, which is a littlefs. Each is a new file that takes the place of the last
/// one: a file that is opened is there at once, and empty.
pub const LITTLEFS: Store = Store {
    prepare: "",
    write: "f = open('new', 'w')\n  f.write(str(n))\n  f.close()\n  os.rename('new', 'settings')",
    read: "try: print('@stored', open('settings').read())\n\
        except OSError: print('@stored', None)\n",
};

/// The same in a directory of its own. The root directory, in which MicroPython looks for its first program, does not grow then.
pub const DIRECTORY: Store = Store {
    prepare: "import os\nos.mkdir('d')",
    write: "f = open('d/new', 'w')\n  f.write(str(n))\n  f.close()\n  os.rename('d/new', 'd/settings')",
    read: "try: print('@stored', open('d/settings').read())\n\
        except OSError: print('@stored', None)\n",
};

impl Store {
    /// Stores the numbers up to `count`, with its power cut at every moment, and looks for a cut that has lost one.
    pub async fn explore(self, board: &Board, count: u32, cuts: PowerCuts) -> Result<Explored<Cut>> {
        // MicroPython's first program: a search for one that is not there takes as long as its start.
        board.micropython().put(self.read, "boot.py").await?;
        board.micropython().exec(self.prepare).await?;
        // When each number was stored.
        let stored: Mutex<Vec<Time>> = Mutex::default();
        let scenario = async |board: &Board| {
            let script = format!(
                "import esp32, os\ns = esp32.NVS('settings')\nprint()\nfor n in range({count}):\n  {}\n  print('@done', n)\n",
                self.write
            );
            board.micropython().exec(script.as_str()).within(600.s()).await?;
            let lines = board.console().lines();
            let done = lines.iter().filter(|line| line.text.contains("@done"));
            *stored.lock().unwrap() = done.map(|line| line.at).collect();
            Ok(())
        };
        let invariant = async |board: &Board, cut: &Cut| {
            let found = board.console().expect_regex("@stored (.*)\r").within(20.s()).await?;
            let found = found.get(1).unwrap_or_default();
            // The console is slower than the store, so more may have been stored than it had told.
            let told = stored.lock().unwrap().iter().filter(|at| **at <= cut.at).count();
            let stored = if found == "None" { 0 } else { found.parse::<usize>().map_or(0, |number| number + 1) };
            assert!((stored > 0 || found == "None") && stored >= told, "{found} is stored after {told} numbers");
            Ok(())
        };
        cuts.explore(board, scenario, invariant).await
    }
}

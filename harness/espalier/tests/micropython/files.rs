//! The board's files.

use espalier::{Board, RemoteEntry, Result, Units};

use crate::case;
use crate::official::Case;

pub const ALL: &[Case] = &[
    case!(ten_kilobytes_make_the_round_trip),
    case!(small_and_empty_files_too),
    case!(directories_are_listed_and_cleared),
    case!(files_survive_a_reset_and_run),
    case!(missing_files_are_reported),
    case!(files_that_do_not_fit_are_reported),
];

fn contents(length: usize) -> Vec<u8> {
    // Every value of a byte, in an order that repeats late.
    (0..length).map(|n| (n * n / 7 + n) as u8).collect()
}

async fn ten_kilobytes_make_the_round_trip(board: &Board) -> Result<()> {
    let (python, data) = (board.micropython(), contents(10_240));
    // QEMU hands the console over in small portions.
    python.put(&data, "data.bin").within(120.s()).await?;
    assert_eq!(python.get("data.bin").await?, data);
    assert_eq!(python.eval("len(open('data.bin', 'rb').read())").await?, "10240");
    Ok(())
}

async fn small_and_empty_files_too(board: &Board) -> Result<()> {
    let python = board.micropython();
    for length in [0, 1, 1024, 1025] {
        let data = contents(length);
        python.put(&data, "it's 好.bin").await?;
        assert_eq!(python.get("it's 好.bin").await?, data);
    }
    assert_eq!(python.eval("[name for name in dir() if 'espalier' in name]").await?, "[]");
    Ok(())
}

async fn directories_are_listed_and_cleared(board: &Board) -> Result<()> {
    let python = board.micropython();
    let entry = |name: &str, size, is_directory| RemoteEntry { name: name.to_owned(), size, is_directory };
    python.mkdir("lib").await?;
    python.put("x", "lib/你好.py").await?;
    python.mkdir("lib/net").await?;
    assert_eq!(python.list("lib").await?, [entry("net", 0, true), entry("你好.py", 1, false)]);
    assert!(python.list("").await?.contains(&entry("lib", 0, true)));
    let error = python.mkdir("lib").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot make the board's lib: it exists already"), "{error}");
    let error = python.remove("lib").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot remove the board's lib: "), "{error}");
    python.remove("lib/你好.py").await?;
    python.remove("lib/net").await?;
    python.remove("lib").await?;
    assert!(!python.list("/").await?.contains(&entry("lib", 0, true)));
    Ok(())
}

async fn files_survive_a_reset_and_run(board: &Board) -> Result<()> {
    let python = board.micropython();
    python.put("def greet():\n  return 'from flash'\n", "greeting.py").await?;
    board.reset().await?;
    assert_eq!(python.exec("import greeting\nprint(greeting.greet())").await?, "from flash\n");
    Ok(())
}

async fn missing_files_are_reported(board: &Board) -> Result<()> {
    let python = board.micropython();
    let error = python.get("none.txt").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot read the board's none.txt: no such file or directory"), "{error}");
    assert!(python.remove("none.txt").await.is_err() && python.list("none").await.is_err());
    let error = python.put("x", "none/x.txt").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write the board's none/x.txt: no such file or directory"), "{error}");
    Ok(())
}

async fn files_that_do_not_fit_are_reported(board: &Board) -> Result<()> {
    let python = board.micropython();
    // A file system of sixteen blocks, so that it does not take long to fill.
    let small = "import os\n\
        class Ram:\n \
          def __init__(self): self.b = bytearray(512 * 16)\n \
          def readblocks(self, n, d, o=0): d[:] = self.b[n * 512 + o:n * 512 + o + len(d)]\n \
          def writeblocks(self, n, d, o=0): self.b[n * 512 + o:n * 512 + o + len(d)] = d\n \
          def ioctl(self, op, a): return {4: 16, 5: 512, 6: 0}.get(op)\n\
        ram = Ram()\n\
        os.VfsLfs2.mkfs(ram)\n\
        os.mount(ram, '/ram')\n";
    python.exec(small).await?;
    let error = python.put(contents(9_000), "/ram/big.bin").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write the board's /ram/big.bin: no space left"), "{error}");
    assert_eq!(python.list("/ram").await?, []);
    python.put(contents(1_000), "/ram/small.bin").await
}

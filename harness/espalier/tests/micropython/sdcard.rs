//! `machine.SDCard` of MicroPython, which is ESP-IDF's driver for cards on SPI, and a card that is a file of the host.

use std::path::Path;

use espalier::{Board, Model, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[case!(a_card_is_formatted_and_written_back_to_its_file, Parts)];

const BOARD: &str = "
    [[part]]
    kind = \"sdcard\"
    name = \"card\"
    sck = 18
    mosi = 23
    miso = 19
    cs = 5
    size = 4
    file = \"card.img\"
";

const OPEN: &str = "from machine import SDCard\n\
    import os\n\
    sd = SDCard(slot=2, freq=20000000)\n";

async fn start(folder: &Path, name: &str) -> Result<Board> {
    let model = Model::File(folder.join("card.toml"));
    let board = Board::builder().model(model).firmware(image_path()).strict(true).name(name).start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    board.micropython().exec(OPEN).within(10.s()).await?;
    Ok(board)
}

async fn a_card_is_formatted_and_written_back_to_its_file(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("card.toml"), BOARD).expect("the folder takes a file");
    let file = folder.path().join("card.img");
    std::fs::write(&file, []).expect("and another");
    let board = start(folder.path(), "card").await?;
    let python = board.micropython();
    assert_eq!(python.eval("sd.info()").await?, "(4194304, 512)");
    python
        .exec(
            "os.VfsFat.mkfs(sd)\n\
             os.mount(sd, '/sd')\n\
             with open('/sd/hello.txt', 'w') as f: f.write('written by the board, ' * 500)\n\
             os.umount('/sd')\n",
        )
        .within(20.s())
        .await?;
    assert_eq!(std::fs::read(&file).expect("it is there"), b"", "nothing is written before the test says so");
    board.set_part("card", "save", true)?;
    let content = std::fs::read(&file).expect("it is there");
    let text = b"written by the board, written by the board, ";
    assert!(content.len() <= 4 << 20 && content.windows(text.len()).any(|window| window == text));
    // Another board begins with that.
    let other = start(folder.path(), "other").await?;
    let read = "os.mount(sd, '/sd') or (os.listdir('/sd'), len(open('/sd/hello.txt').read()))";
    assert_eq!(other.micropython().eval(read).within(10.s()).await?, "(['hello.txt'], 11000)");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

//! `machine.SDCard` of MicroPython, which is ESP-IDF's drivers for cards on SPI and on the SD host, and a card that is a file of the host.

use std::path::Path;

use espalier::{Board, Model, Result, Units};

use crate::case;
use crate::official::{Case, image_path};

pub const ALL: &[Case] = &[
    case!(a_card_is_formatted_and_written_back_to_its_file, Parts),
    case!(a_card_on_the_sd_host_is_formatted_and_read_back, Parts),
];

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

const ON_SPI: &str = "slot=2, freq=20000000";

/// A board of this file whose MicroPython has the card as `sd`.
async fn start(file: &Path, name: &str, options: &str) -> Result<Board> {
    let model = Model::File(file.to_owned());
    let board = Board::builder().model(model).firmware(image_path()).strict(true).name(name).start().await?;
    board.console().expect(">>> ").within(5.s()).await?;
    let open = format!("from machine import SDCard\nimport os\nsd = SDCard({options})\n");
    board.micropython().exec(open).within(10.s()).await?;
    Ok(board)
}

async fn a_card_is_formatted_and_written_back_to_its_file(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join("card.toml");
    std::fs::write(&model, BOARD).expect("the folder takes a file");
    let file = folder.path().join("card.img");
    std::fs::write(&file, []).expect("and another");
    let board = start(&model, "card", ON_SPI).await?;
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
    let other = start(&model, "other", ON_SPI).await?;
    let read = "os.mount(sd, '/sd') or (os.listdir('/sd'), len(open('/sd/hello.txt').read()))";
    assert_eq!(other.micropython().eval(read).within(10.s()).await?, "(['hello.txt'], 11000)");
    assert_eq!(board.unmodelled(), Vec::<String>::new());
    Ok(())
}

/// Four data lines, of which `SDCard(slot=1)` uses the first.
const NATIVE: &str = "
    [[part]]
    kind = \"sdcard\"
    name = \"card\"
    clk = 14
    cmd = 15
    d0 = 2
    d1 = 4
    d2 = 12
    d3 = 13
    size = 4
";

async fn a_card_on_the_sd_host_is_formatted_and_read_back(_: &Board) -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("card.toml");
    std::fs::write(&file, NATIVE).expect("the folder takes a file");
    for (name, options) in [("one", "slot=1, width=1"), ("four", "slot=1, width=4, freq=40000000")] {
        let board = start(&file, name, options).await?;
        let python = board.micropython();
        assert_eq!(python.eval("sd.info()").within(5.s()).await?, "(4194304, 512)", "{name}");
        // More than a list of four descriptors, and blocks one by one.
        python
            .exec(
                "sd.writeblocks(100, bytes(range(256)) * 80)\n\
                 back = bytearray(20480)\n\
                 sd.readblocks(100, back)\n\
                 same = back == bytes(range(256)) * 80\n\
                 os.VfsFat.mkfs(sd)\n\
                 os.mount(sd, '/sd')\n\
                 with open('/sd/hello.txt', 'w') as f: f.write('written by the board, ' * 500)\n",
            )
            .within(20.s())
            .await?;
        let fork = board.fork()?;
        for board in [&fork, &board] {
            let read = "(same, os.listdir('/sd'), len(open('/sd/hello.txt').read()))";
            assert_eq!(board.micropython().eval(read).within(10.s()).await?, "(True, ['hello.txt'], 11000)", "{name}");
            assert_eq!(board.unmodelled(), Vec::<String>::new());
        }
    }
    Ok(())
}

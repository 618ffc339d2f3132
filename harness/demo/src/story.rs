//! The steps of the demo.

use espalier::Image;

use crate::error::DemoError;
use crate::stage::Stage;

const GREETING: &str = "hello mPython,I am TCP Client";
const PORT: u16 = 5001;

/// Plays the tutorial, both of its programs.
pub async fn play(stage: &mut Stage<'_>, image: &Image) -> Result<(), DemoError> {
    flash(stage, image).await?;
    boot(stage).await?;
    client(stage).await?;
    server(stage).await
}

async fn flash(stage: &mut Stage<'_>, image: &Image) -> Result<(), DemoError> {
    stage.chapter("Flash the firmware through the chip's serial download mode");
    let written = stage.flash(image).await?;
    stage.tell(&format!("Wrote and verified {written} bytes: bootloader, partition table and application."));
    Ok(())
}

async fn boot(stage: &mut Stage<'_>) -> Result<(), DemoError> {
    stage.chapter("Boot: mask ROM, second-stage bootloader, application");
    let console = stage.board().console();
    console.expect("@event started").await?;
    console.expect("@event address").await?;
    stage.check("idle").await
}

async fn client(stage: &mut Stage<'_>) -> Result<(), DemoError> {
    stage.chapter("The tutorial's client: the board connects to us");
    let (console, peer) = (stage.board().console(), stage.board().peer());
    let command = format!("client {} {PORT}", peer.address());
    console.send_line(&command).await?;
    console.expect("@event refused").await?;
    stage.tell("No server listens yet, so the connection is refused.");
    stage.check("client-refused").await?;

    let listener = peer.listen(PORT).await?;
    console.send_line(&command).await?;
    let socket = listener.accept().await?;
    socket.expect(GREETING).await?;
    stage.check("client-connected").await?;
    for (text, golden) in [("Hello, OLED!", "client-received-ascii"), ("你好,掌控板!", "client-received-chinese")]
    {
        socket.send(text).await?;
        socket.expect(text).await?;
        stage.check(golden).await?;
    }
    socket.close().await?;
    socket.expect_close().await?;
    stage.check("client-closed").await
}

async fn server(stage: &mut Stage<'_>) -> Result<(), DemoError> {
    stage.chapter("The tutorial's server: we connect to the board");
    let (console, peer) = (stage.board().console(), stage.board().peer());
    console.send_line(format!("server {PORT}")).await?;
    console.expect("@event listening").await?;
    stage.check("server-accepting").await?;
    let socket = peer.connect(PORT).await?;
    for (text, golden) in [("Hello, server!", "server-received"), ("你好,服务器", "server-received-chinese")] {
        socket.send(text).await?;
        socket.expect(text).await?;
        stage.check(golden).await?;
    }
    socket.close().await?;
    socket.expect_close().await?;
    stage.tell_console();
    stage.tell_network();
    Ok(())
}

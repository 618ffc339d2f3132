//! The `espalier` command.

mod args;
mod boards;
mod bridge;
mod captures;
mod coverage;
mod demo;
mod doctor;
mod error;
mod expect;
mod flash;
#[cfg(feature = "fuzz")]
mod fuzz;
mod hint;
mod image;
mod init;
mod network;
mod output;
mod panel;
mod record;
mod recorder;
mod remote;
mod replay;
mod run;
mod screen;
mod script;
mod serve;
mod signals;
mod style;
mod test;
mod unmodelled;
mod window;
mod world;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, ServeArgs};
use error::CliError;
use espalier_serve::WorldPace;

/// The step was carried out and its checks held.
const SUCCESS: u8 = 0;
/// Something failed or did not hold. Usage errors are 2, which clap says.
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(CliError::from).and_then(|runtime| runtime.block_on(perform(cli.command)));
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            anstream::eprintln!("{}error:{} {error}", style::BAD, style::PLAIN);
            ExitCode::from(FAILURE)
        }
    }
}

/// Does it, and says with which status the command ends.
async fn perform(command: Command) -> Result<u8, CliError> {
    let held = match command {
        Command::Run(args) => return run::perform(args).await,
        Command::Record(args) => return record::perform(args).await,
        Command::RunScript(args) => return script::perform(args).await,
        #[cfg(feature = "fuzz")]
        Command::Fuzz(args) => return fuzz::perform(args).await,
        #[cfg(not(feature = "fuzz"))]
        Command::Fuzz(_) => return Err(CliError::NoFuzzer),
        Command::Init(args) => return init::perform(args).await,
        Command::Test(args) => return test::perform(args).await,
        Command::Serve(ServeArgs { world: Some(file), setup, listen, http, http_name, wait_for_clients, .. }) => {
            let pace = if wait_for_clients { WorldPace::Clients } else { WorldPace::RealTime };
            return world::serve(&file, setup.time, listen, http, http_name, pace).await;
        }
        Command::Serve(args) => return serve::perform(args).await,
        Command::World(args) => return world::perform(args).await,
        Command::Demo(args) => demo::perform(&args).await,
        Command::Coverage(args) => coverage::perform(&args),
        Command::Replay { file, keep: None } => replay::perform(&file).await,
        Command::Replay { file, keep: Some(folder) } => replay::keep(&file, &folder),
        Command::Flash(args) => flash::perform(&args).await,
        Command::Screen { action } => screen::perform(action),
        Command::Press(args) => remote::press(args),
        Command::Set { part, property, value, at } => remote::set(part, property, &value, &at),
        Command::Pin { gpio, level, at } => remote::pin(gpio, level, &at),
        Command::Cable { cut, at } => remote::cable(cut, &at),
        Command::Network { ssid, on, at } => remote::network(ssid.zip(on), &at),
        Command::Image { action } => image::perform(action),
        Command::Boards => boards::perform(),
        Command::Doctor => doctor::perform().await,
    };
    held.map(|held| if held { SUCCESS } else { FAILURE })
}

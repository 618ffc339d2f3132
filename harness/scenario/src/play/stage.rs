//! The common beginning of tests: power-on, `setup`, and the steps before a `fork`. A board that can be forked goes
//! through each of them once; others go through all of them for every test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use espalier::part::PartEntry;
use espalier::{AccessPoint, Board, BoardBuilder, Capability, CoverageRecord, Model, Target};
use tokio::sync::Mutex;

use super::{Failure, Player};
use crate::form::{AccessPointForm, Placed, Step};
use crate::load::Document;
use crate::problem::Location;
use crate::text::Variables;

/// The folder of golden pictures beside a scenario, if it names none.
const GOLDENS: &str = "goldens";

/// A board at the end of a stage, and the variables by then; or why it did not get there.
type Reached = Result<(Board, Variables), Failure>;

/// A point from which several tests go on.
#[derive(Debug)]
pub(crate) struct Stage {
    from: From,
    steps: Vec<Placed<Step>>,
    variables: Variables,
    reached: Saved,
}

/// The board at the end of a stage, once one is there that can be forked.
#[derive(Default)]
struct Saved(Mutex<Option<Reached>>);

impl std::fmt::Debug for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Saved")
    }
}

#[derive(Debug)]
enum From {
    /// Power-on.
    Power {
        document: Arc<Document>,
        hardware: Hardware,
    },
    Stage(Arc<Stage>),
}

/// The board of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Hardware {
    pub model: Model,
    /// Parts beside those of the model.
    pub parts: Vec<PartEntry>,
    pub firmware: Option<PathBuf>,
}

/// The start of boards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    pub target: Option<Target>,
    pub artefacts: Option<PathBuf>,
    pub bless: bool,
    pub coverage: Option<CoverageRecord>,
}

impl Stage {
    /// Power-on and `setup`.
    pub(crate) fn first(document: &Arc<Document>, hardware: Hardware, variables: Variables) -> Stage {
        Stage {
            steps: document.scenario.setup.clone(),
            from: From::Power { document: document.clone(), hardware },
            variables,
            reached: Saved::default(),
        }
    }

    /// These steps after an earlier stage.
    pub(crate) fn after(stage: Arc<Stage>, steps: Vec<Placed<Step>>, variables: Variables) -> Stage {
        Stage { from: From::Stage(stage), steps, variables, reached: Saved::default() }
    }

    pub(crate) fn document(&self) -> &Arc<Document> {
        match &self.from {
            From::Power { document, .. } => document,
            From::Stage(stage) => stage.document(),
        }
    }

    /// A board of its own, called `name`, that has reached this point, and the variables that the steps on the way have set.
    pub(crate) async fn reach(&self, name: &str, start: &Start) -> Reached {
        let mut reached = self.reached.0.lock().await;
        if let Some(reached) = &*reached {
            return self.fork(reached, name);
        }
        match self.arrive(name, start).await {
            Ok((board, variables)) if !board.supports(Capability::Fork) => {
                board.rename(name);
                Ok((board, variables))
            }
            arrived => self.fork(reached.insert(arrived), name),
        }
    }

    fn fork(&self, reached: &Reached, name: &str) -> Reached {
        let (board, variables) = match reached {
            Ok(there) => there,
            Err(failure) => return Err(failure.clone()),
        };
        match board.fork_as(name) {
            Ok(fork) => Ok((fork, variables.clone())),
            Err(error) => Err(self.failure(error.to_string())),
        }
    }

    /// Takes a board through this stage.
    async fn arrive(&self, name: &str, start: &Start) -> Reached {
        let (board, mut variables) = match &self.from {
            From::Stage(stage) => Box::pin(stage.reach(name, start)).await?,
            From::Power { document, hardware } => {
                let started = builder(document, hardware.clone(), start).start().await;
                (started.map_err(|error| self.failure(error.to_string()))?, Variables::new())
            }
        };
        variables.extend(self.variables.clone());
        let mut player = Player::new(board, self.document().clone(), variables);
        player.play(&self.steps).await?;
        Ok((player.board, player.variables))
    }

    /// A failure before the first step of this stage.
    fn failure(&self, message: String) -> Failure {
        let at = self.steps.first().map_or(Location::START, |step| step.at);
        Failure { path: self.document().path.clone(), at, message, artefacts: None }
    }
}

fn builder(document: &Document, hardware: Hardware, start: &Start) -> BoardBuilder {
    let scenario = &document.scenario;
    let goldens = document.path_of(scenario.goldens.as_deref().unwrap_or(Path::new(GOLDENS)));
    let mut builder = Board::builder()
        .model(hardware.model)
        .seed(scenario.seed)
        .strict(scenario.strict)
        .name(format!("{} setup", document.name()))
        .again_by(["espalier", "test", &document.path.to_string_lossy(), "--filter"])
        .goldens(goldens);
    if start.bless {
        builder = builder.bless(true);
    }
    builder = start.target.iter().cloned().fold(builder, BoardBuilder::target);
    builder = start.artefacts.iter().fold(builder, BoardBuilder::artefacts);
    builder = start.coverage.iter().fold(builder, BoardBuilder::coverage);
    builder = scenario.partition_table.into_iter().fold(builder, BoardBuilder::partition_table);
    builder = scenario.allow.iter().fold(builder, BoardBuilder::allow);
    builder = scenario.access_points.iter().map(access_point).fold(builder, BoardBuilder::access_point);
    builder = hardware.parts.into_iter().fold(builder, BoardBuilder::with_part);
    hardware.firmware.into_iter().fold(builder, BoardBuilder::firmware)
}

/// A network as a scenario describes it.
pub(super) fn access_point(form: &AccessPointForm) -> AccessPoint {
    let mut settings = AccessPoint::new(&form.ssid);
    settings = form.password.iter().fold(settings, AccessPoint::password);
    settings = form.channel.into_iter().fold(settings, AccessPoint::channel);
    settings = form.rssi.into_iter().fold(settings, AccessPoint::rssi);
    settings = form.gateway.into_iter().fold(settings, AccessPoint::gateway);
    if form.hidden { settings.hidden() } else { settings }
}

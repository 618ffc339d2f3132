//! The commands of QMP.

use std::path::Path;

use espalier_soc::Strap;
use serde_json::{Map, Value, json};

use crate::files::Files;
use crate::handle::{BoardHandle, Gone};
use crate::monitor;
use crate::screendump::screendump;
use espalier_page::{Action, ActionError};

/// The version of QEMU whose protocol this is: major, minor, micro.
const PROTOCOL_VERSION: [u32; 3] = [9, 2, 2];
/// Executes out of band: every command here is quick enough.
const OUT_OF_BAND: &str = "oob";
/// Names of the [`Action`]s that have no command of QEMU; their commands have `x-` in front.
const ACTIONS: [&str; 18] = [
    "press",
    "set",
    "pin",
    "watch",
    "send",
    "screen",
    "state",
    "step",
    "fast",
    "cable",
    "network",
    "listen",
    "connect",
    "peer-send",
    "peer-close",
    "udp-open",
    "udp-send",
    "expect",
];
/// Commands that clients may ask for.
const COMMANDS: [&str; 11] = [
    "human-monitor-command",
    "qmp_capabilities",
    "query-commands",
    "query-name",
    "query-status",
    "query-version",
    "screendump",
    "set_link",
    "stop",
    "cont",
    "system_reset",
];

/// The first message to a client.
pub(super) fn greeting() -> Value {
    json!({"QMP": {"version": version(), "capabilities": [OUT_OF_BAND]}})
}

fn version() -> Value {
    let [major, minor, micro] = PROTOCOL_VERSION;
    let qemu = json!({"major": major, "minor": minor, "micro": micro});
    json!({"qemu": qemu, "package": concat!("espalier ", env!("CARGO_PKG_VERSION"))})
}

/// A command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    class: &'static str,
    description: String,
}

impl Failure {
    pub fn generic(description: impl Into<String>) -> Failure {
        Failure { class: "GenericError", description: description.into() }
    }

    fn unknown(description: impl Into<String>) -> Failure {
        Failure { class: "CommandNotFound", description: description.into() }
    }

    pub fn answer(self, id: Option<&Value>) -> Value {
        with_id(json!({"error": {"class": self.class, "desc": self.description}}), id)
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Failure {
        Failure::generic(error.to_string())
    }
}

impl From<Gone> for Failure {
    fn from(gone: Gone) -> Failure {
        Failure::generic(gone.to_string())
    }
}

fn with_id(mut answer: Value, id: Option<&Value>) -> Value {
    if let (Some(fields), Some(id)) = (answer.as_object_mut(), id) {
        fields.insert("id".to_owned(), id.clone());
    }
    answer
}

/// A command as a client sent it.
struct Request<'a> {
    name: &'a str,
    arguments: Option<&'a Map<String, Value>>,
}

impl<'a> Request<'a> {
    fn read(request: &'a Value) -> Result<Request<'a>, Failure> {
        let fields = request.as_object().ok_or_else(|| Failure::generic("QMP input must be a JSON object"))?;
        for name in fields.keys() {
            if !["execute", "exec-oob", "arguments", "id"].contains(&name.as_str()) {
                return Err(Failure::generic(format!("QMP input member '{name}' is unexpected")));
            }
        }
        let name = fields.get("execute").or_else(|| fields.get("exec-oob"));
        let name = name.ok_or_else(|| Failure::generic("QMP input lacks member 'execute'"))?;
        let name = name.as_str().ok_or_else(|| Failure::generic("QMP input member 'execute' must be a string"))?;
        let arguments = match fields.get("arguments") {
            None => None,
            Some(arguments) => Some(
                arguments
                    .as_object()
                    .ok_or_else(|| Failure::generic("QMP input member 'arguments' must be an object"))?,
            ),
        };
        Ok(Request { name, arguments })
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        let Some(value) = self.arguments.and_then(|arguments| arguments.get(name)) else { return Ok(None) };
        let text = value.as_str();
        text.map(Some).ok_or_else(|| Failure::generic(format!("Invalid parameter type for '{name}', expected: string")))
    }
}

/// The action of this name with the arguments of a command.
fn action(name: &str, arguments: Option<&Map<String, Value>>) -> Result<Action, Failure> {
    let mut fields = arguments.cloned().unwrap_or_default();
    fields.insert("do".to_owned(), json!(name));
    serde_json::from_value(fields.into()).map_err(|error| Failure::generic(format!("x-{name}: {error}")))
}

/// Reads a request as far as it can be without a board.
pub(super) fn read(request: &Value) {
    if let Ok(request) = Request::read(request)
        && let Some(name) = request.name.strip_prefix("x-")
    {
        let _ = action(name, request.arguments);
    }
}

/// The conversation with one client.
pub(super) struct Session {
    board: BoardHandle,
    files: Files,
    negotiated: bool,
}

impl Session {
    pub fn new(board: BoardHandle, files: Files) -> Session {
        Session { board, files, negotiated: false }
    }

    /// True once the client may give commands.
    pub fn is_negotiated(&self) -> bool {
        self.negotiated
    }

    /// Does what the client asks for. True if the board is to be shut down once the client has the answer.
    pub async fn answer(&mut self, request: &Value) -> (Value, bool) {
        let id = request.get("id");
        let outcome = match Request::read(request) {
            Ok(request) => self.execute(&request).await.map(|value| (value, request.name == "quit")),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok((value, last)) => (with_id(json!({"return": value}), id), last),
            Err(failure) => (failure.answer(id), false),
        }
    }

    /// Shuts the board down.
    pub fn quit(&self) {
        // If it is down already, that is what was wanted.
        let _ = self.board.quit();
    }

    async fn execute(&mut self, request: &Request<'_>) -> Result<Value, Failure> {
        if request.name == "qmp_capabilities" {
            return self.negotiate(request);
        }
        if !self.negotiated {
            let description = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return Err(Failure::unknown(description));
        }
        match request.name {
            "query-version" => return Ok(version()),
            "query-name" => return Ok(json!({"name": "espalier"})),
            "query-commands" => {
                let actions = ACTIONS.iter().map(|name| json!({"name": format!("x-{name}")}));
                let names = COMMANDS.iter().chain(&["quit"]).map(|name| json!({"name": name}));
                return Ok(names.chain(actions).collect());
            }
            "query-status" => {
                let status = self.board.status().await?;
                let name = match (&status.halted, status.running) {
                    (Some(_), _) => "internal-error",
                    (None, true) => "running",
                    (None, false) => "paused",
                };
                return Ok(json!({"status": name, "running": status.running, "singlestep": false}));
            }
            "screendump" => self.dump_screen(request).await?,
            "set_link" => {
                // There is one network card, whatever the client calls it.
                request.text("name")?.ok_or_else(|| Failure::generic("Parameter 'name' is missing"))?;
                let up = request.arguments.and_then(|arguments| arguments.get("up")).and_then(Value::as_bool);
                self.board.plug_cable(up.ok_or_else(|| Failure::generic("Parameter 'up' is missing"))?)?;
            }
            "human-monitor-command" => {
                let line = request.text("command-line")?;
                let line = line.ok_or_else(|| Failure::generic("Parameter 'command-line' is missing"))?;
                return Ok(json!(monitor::command(&self.board, &self.files, line).await));
            }
            "stop" => self.board.pause()?,
            "cont" => self.board.resume()?,
            "system_reset" => self.board.reset(Strap::FlashBoot)?,
            "quit" => {}
            other => match other.strip_prefix("x-").filter(|name| ACTIONS.contains(name)) {
                Some(name) => return Ok(self.board.act(action(name, request.arguments)?).await?),
                None => return Err(Failure::unknown(format!("The command {other} has not been found"))),
            },
        }
        Ok(json!({}))
    }

    fn negotiate(&mut self, request: &Request<'_>) -> Result<Value, Failure> {
        if self.negotiated {
            return Err(Failure::unknown("Capabilities negotiation is already complete, command ignored"));
        }
        let wanted = request.arguments.and_then(|arguments| arguments.get("enable")).and_then(Value::as_array);
        if let Some(other) = wanted.into_iter().flatten().find(|name| name.as_str() != Some(OUT_OF_BAND)) {
            return Err(Failure::generic(format!("Parameter 'enable' does not accept value {other}")));
        }
        self.negotiated = true;
        Ok(json!({}))
    }

    /// Writes the display's picture into a file: PNG if that is asked for or the name ends so, otherwise PPM.
    async fn dump_screen(&self, request: &Request<'_>) -> Result<(), Failure> {
        let path = request.text("filename")?.ok_or_else(|| Failure::generic("Parameter 'filename' is missing"))?;
        let dumped = screendump(&self.board, &self.files, Path::new(path), request.text("format")?).await;
        dumped.map_err(|error| Failure::generic(error.to_string()))
    }
}

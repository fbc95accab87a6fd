//! Nagios' JSON: answers of its `statusjson.cgi` and `objectjson.cgi`, made into the blocks that its files have.
//!
//! nagioscore 4.4 `cgi/statusjson.c`, `cgi/objectjson.c`, `cgi/jsonutils.c`: times are milliseconds, a state is a bit, a command's
//! line ends at its first `;`, a text that is not ASCII is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Block, Found};
use crate::pull::client::{Client, Failed};
use crate::pull::document::{moment, object, objects, text, whole};

/// What is asked for, below the folder of the CGIs.
const QUERIES: [&str; 3] = [
    "/statusjson.cgi?query=servicelist&details=true",
    "/objectjson.cgi?query=servicelist&details=true",
    "/objectjson.cgi?query=commandlist&details=true",
];

/// In place of an output that holds anything but ASCII.
const LEFT_OUT: &str = "(output that Nagios' CGIs leave out, because it is not ASCII)";

/// Gets the documents, one after the other, as [`read`] takes them.
///
/// # Errors
/// The server cannot be reached, does not let us in, or answers something else.
pub fn fetch(client: &Client) -> Result<Vec<u8>, Failed> {
    let mut documents = Vec::new();
    for query in QUERIES {
        documents.extend(client.get(query)?.body);
        documents.push(b'\n');
    }
    Ok(documents)
}

/// Whether it is JSON, and no file of Nagios' own.
pub fn is(document: &[u8]) -> bool {
    document.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Reads the answers to all [`QUERIES`], in any order.
///
/// # Errors
/// One is missing, failed, is not whole, or was given by another run of Nagios than the rest.
pub fn read(document: &[u8]) -> Result<Found, String> {
    let mut answers = BTreeMap::new();
    let mut started = None;
    for answer in objects(document)? {
        let result =
            object(&answer, "result").ok_or("it is no answer of a CGI of Nagios: it has no `result`")?;
        let cgi = text(result, "cgi").unwrap_or_default();
        if whole(result, "type_code") != Some(0) {
            let why = text(result, "message").filter(|why| !why.is_empty());
            return Err(format!("{cgi} says: {}", why.unwrap_or_else(|| "it has failed".to_owned())));
        }
        let start = seconds(result, "program_start")?;
        if started.is_some_and(|before| before != start) {
            return Err("Nagios was started again while it was asked".to_owned());
        }
        started = Some(start);
        let query = text(result, "query").unwrap_or_default();
        answers.insert(format!("{cgi} {query}"), answer);
    }
    let find = |name: &str, list: &str| {
        let missing = || format!("the answer of {name} is missing");
        let answer = answers.get(name).ok_or_else(missing)?;
        let data = object(answer, "data").and_then(|data| object(data, list)).ok_or_else(missing)?;
        Ok::<_, String>((answer, data))
    };
    let (answer, states) = find("statusjson.cgi servicelist", "servicelist")?;
    let (_, services) = find("objectjson.cgi servicelist", "servicelist")?;
    let (_, commands) = find("objectjson.cgi commandlist", "commandlist")?;
    let updated = object(answer, "result").map_or(Ok(0), |result| seconds(result, "last_data_update"))?;
    let taken = moment(updated).ok_or_else(|| format!("its data was made at {updated}, which is no time"))?;
    let mut blocks = Vec::new();
    for (host, list) in states {
        for (name, state) in list.as_object().into_iter().flatten() {
            let state = state.as_object().ok_or_else(|| format!("{host}/{name} has no state"))?;
            let service = object(services, host).and_then(|list| object(list, name));
            let service = service.ok_or_else(|| format!("{host}/{name} has a state and is no service"))?;
            blocks.push(block(host, name, state, service)?);
        }
    }
    let commands = commands.iter().filter_map(|(name, command)| {
        let line = text(command.as_object()?, "command_line")?;
        Some((name.clone(), line))
    });
    Ok(Found { taken, started: started.unwrap_or(0), blocks, commands: Some(commands.collect()) })
}

/// `servicestatus`, as status.dat has it.
fn block(
    host: &str,
    name: &str,
    state: &Map<String, Value>,
    service: &Map<String, Value>,
) -> Result<Block, String> {
    let is = |key: &str| state.get(key).and_then(Value::as_bool).map(|is| u8::from(is).to_string());
    let code = match whole(state, "status") {
        Some(2) => Some("0"),
        Some(4) => Some("1"),
        // 1 is pending, which `has_been_checked` tells too.
        Some(1 | 8) => Some("3"),
        Some(16) => Some("2"),
        _ => None,
    };
    let perf = text(state, "perf_data");
    let number = |key: &str| state.get(key).filter(|value| value.is_number()).map(Value::to_string);
    // Nagios itself never keeps an empty output, and only a plugin has performance data.
    let is_left_out = |text: &String| text.is_empty() && perf.as_ref().is_some_and(|perf| !perf.is_empty());
    let output = text(state, "plugin_output");
    let output = output.map(|text| if is_left_out(&text) { LEFT_OUT.to_owned() } else { text });
    let long = text(state, "long_plugin_output").map(|text| text.replace('\\', "\\\\").replace('\n', "\\n"));
    let values = [
        ("host_name", Some(host.to_owned())),
        ("service_description", Some(name.to_owned())),
        ("check_command", text(service, "check_command")),
        ("has_been_checked", is("has_been_checked")),
        ("last_check", Some(seconds(state, "last_check")?.to_string())),
        ("check_type", number("check_type")),
        ("check_execution_time", number("execution_time")),
        ("current_state", code.map(str::to_owned)),
        ("plugin_output", output),
        ("long_plugin_output", long),
        ("performance_data", perf),
        ("scheduled_downtime_depth", number("scheduled_downtime_depth")),
        ("problem_has_been_acknowledged", is("problem_has_been_acknowledged")),
    ];
    let mut block = Block { kind: "servicestatus".to_owned(), values: Vec::new() };
    block.values.extend(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    for (name, value) in object(service, "custom_variables").into_iter().flatten() {
        if let Some(value) = value.as_str() {
            block.values.push((format!("_{name}"), format!("0;{value}")));
        }
    }
    Ok(block)
}

/// A time in milliseconds, in whole seconds.
fn seconds(of: &Map<String, Value>, name: &str) -> Result<i64, String> {
    whole(of, name).map(|millis| millis / 1000).ok_or_else(|| format!("it has no {name}"))
}

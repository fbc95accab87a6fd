//! prometheus.

use super::{Draft, Item, Object, Refusal, Request, Style};

/// The files of one datacenter.
pub fn draft(request: &Request<'_>) -> Draft {
    Draft { notices: request.notices(), ..Draft::default() }
}

/// The one line of a check.
///
/// # Errors
/// It cannot be given.
pub fn line(_item: &Item<'_>, _style: Style) -> Result<String, Refusal> {
    Err(Refusal { what: "not exported yet".to_owned(), way_out: "" })
}

/// The commands that delete an object and the events of it.
pub fn delete(_dc: &str, _object: &Object) -> Vec<String> {
    Vec::new()
}

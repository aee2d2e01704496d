//! The simulated Security Center page: the list of mappings, the form that adds one, the button that deletes one.
//! It is a page for people, not an interface for programs; there is no way to edit a mapping.

use super::http::{Answer, Request, pairs};
use super::mappings::{Entered, INTEGRATION_NAMES, Mapping};
use super::mime;
use super::pages::{escaped, page};
use super::world::World;

/// Answers one request of a browser.
pub(super) fn answer(world: &World, request: &Request) -> Answer {
    let segments = request.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", []) => Answer::html(200, overview(world, None)),
        ("POST", ["mappings"]) => match world.add_mapping(entered(request)) {
            Ok(_) => Answer::see("/"),
            Err(refusal) => Answer::html(422, overview(world, Some(&refusal))),
        },
        ("POST", ["mappings", id, "delete"]) => {
            let deleted = id.parse().is_ok_and(|id| world.state().delete_mapping(id));
            if deleted {
                Answer::see("/")
            } else {
                Answer::html(404, page("No such mapping", "<p><a href=\"/\">Back</a></p>"))
            }
        }
        _ => {
            Answer::html(404, page("Not found", "<p><a href=\"/\">X.509 Public Certificate Mapping</a></p>"))
        }
    }
}

fn overview(world: &World, refusal: Option<&str>) -> String {
    let refusal = refusal
        .map(|words| format!("<p class=\"refused\" role=\"alert\">{}</p>", escaped(words)))
        .unwrap_or_default();
    let rows: String = world.state().mappings.iter().map(row).collect();
    let rows = if rows.is_empty() {
        "<tr><td colspan=\"7\">No certificate is mapped.</td></tr>".to_owned()
    } else {
        rows
    };
    let options: String = INTEGRATION_NAMES.iter().map(|name| format!("<option>{name}</option>")).collect();
    page(
        "X.509 Public Certificate Mapping",
        &format!(
            "{refusal}<table><thead><tr><th>Configuration Name</th><th>Integration Name</th><th>Login Name</th><th>Subject</th>\
             <th>Issuer</th><th>Uploaded On</th><th></th></tr></thead><tbody>{rows}</tbody></table>\
             <form class=\"add\" method=\"post\" action=\"/mappings\" enctype=\"multipart/form-data\"><h2>Add</h2>\
             <label>Configuration Name *<input name=\"configuration_name\" required></label>\
             <label>Integration Name *<select name=\"integration_name\">{options}</select></label>\
             <label>Certificate File *<input type=\"file\" name=\"certificate_file\" accept=\".pem,.cer,.crt\"></label>\
             <label>or its text<textarea name=\"certificate\"></textarea></label>\
             <label>Login Name (optional)<input name=\"login_name\"></label><button>Save</button></form>"
        ),
    )
}

fn row(mapping: &Mapping) -> String {
    format!(
        "<tr data-mapping=\"{id}\" data-fingerprint=\"{fingerprint}\" data-subject=\"{subject}\" data-issuer=\"{issuer}\">\
         <td>{configuration}</td><td>{integration}</td><td>{login}</td><td class=\"long\">{subject}<br><small>SHA-256 {fingerprint}</small></td>\
         <td class=\"long\">{issuer}</td><td>{uploaded}</td>\
         <td><form method=\"post\" action=\"/mappings/{id}/delete\"><button>Delete</button></form></td></tr>\n",
        id = mapping.id,
        fingerprint = escaped(&mapping.fingerprint),
        subject = escaped(&mapping.subject),
        issuer = escaped(&mapping.issuer),
        configuration = escaped(&mapping.configuration_name),
        integration = escaped(&mapping.integration_name),
        login = escaped(&mapping.login_name),
        uploaded = mapping.uploaded_on.format("%Y-%m-%d %H:%M:%S UTC"),
    )
}

/// What the form holds, sent by a browser with a file or as plain form fields with the certificate's text.
fn entered(request: &Request) -> Entered {
    let kind = request.header("content-type").unwrap_or_default();
    let fields: Vec<(String, Vec<u8>)> = match mime::boundary(kind) {
        Some(boundary) => mime::parts(&request.body, &boundary)
            .into_iter()
            .filter_map(|part| {
                Some((mime::parameter(part.header("content-disposition")?, "name")?, part.body))
            })
            .collect(),
        None => pairs(&String::from_utf8_lossy(&request.body))
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect(),
    };
    let mut entered = Entered::default();
    for (name, value) in fields {
        let text = || String::from_utf8_lossy(&value).trim().to_owned();
        match name.as_str() {
            "configuration_name" => entered.configuration_name = text(),
            "integration_name" => entered.integration_name = text(),
            "login_name" => entered.login_name = text(),
            "certificate" | "certificate_file" if !value.iter().all(u8::is_ascii_whitespace) => {
                entered.certificate = value;
            }
            _ => {}
        }
    }
    entered
}

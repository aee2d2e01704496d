//! The frame and the escaping of the sandbox's pages.
//! No page loads anything from elsewhere, and none has a script.

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2d3e;background:#f5f6f7}\
h1{font-size:1.4rem}h2{font-size:1.1rem}table{border-collapse:collapse;width:100%;background:#fff}\
th,td{text-align:left;padding:.45rem .6rem;border-bottom:1px solid #d9d9d9;vertical-align:top}td.long{overflow-wrap:anywhere}\
form.add,section{background:#fff;padding:1rem;margin:1rem 0;border:1px solid #d9d9d9}label{display:block;margin:.6rem 0}\
input,select,textarea{display:block;width:100%;box-sizing:border-box;padding:.35rem;font:inherit}textarea{height:8rem;font-family:monospace}\
button{white-space:nowrap;padding:.35rem .9rem;font:inherit}code,pre{font-family:monospace;overflow-wrap:anywhere;white-space:pre-wrap}\
.refused{background:#ffeaea;border:1px solid #aa0808;padding:.6rem}.good{color:#256f3a}.bad{color:#aa0808}\
iframe{width:100%;height:30rem;border:1px solid #d9d9d9;background:#fff}footer{color:#556b82;margin-top:2rem}";

/// A whole page; `body` is HTML already.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>{body}\
         <footer>Part of a simulated landscape. Nothing here reaches a real system.</footer></body></html>"
    )
}

/// Text as it may stand in HTML, in attributes too.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

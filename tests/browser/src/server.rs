//! Serves a folder as a static host does: below a path, with `404.html` for what it does not have.
//!
//! One thread a connection and one request a connection: a browser keeps many connections open
//! and idle, and none of them may keep another from being answered.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

/// A running static host on a free port of this machine. It ends with the process.
pub struct Server {
    /// The address of the page's folder, with a slash at its end.
    pub address: String,
}

impl Server {
    /// Serves `folder` below `path`, which starts and ends with a slash.
    ///
    /// # Errors
    /// When the folder holds no built page, or no port is free.
    pub fn start(folder: &Path, path: &'static str) -> Result<Self, String> {
        if !folder.join("404.html").is_file() {
            return Err(format!(
                "{}: expected the built page; run `cargo xtask test --only page`",
                folder.display()
            ));
        }
        Self::serve(folder, path, "")
    }

    /// Serves any folder below `path`, with extra header lines in every answer.
    ///
    /// # Errors
    /// When there is no such folder, or no port is free.
    pub fn serve(folder: &Path, path: &'static str, headers: &'static str) -> Result<Self, String> {
        let folder = folder
            .canonicalize()
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let no_port = |error| format!("no port to serve on: {error}");
        let listener = TcpListener::bind("127.0.0.1:0").map_err(no_port)?;
        let port = listener.local_addr().map_err(no_port)?.port();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let folder = folder.clone();
                // The browser may go away before the answer; that is its right.
                thread::spawn(move || answer(connection, &folder, path, headers));
            }
        });
        Ok(Self {
            address: format!("http://127.0.0.1:{port}{path}"),
        })
    }
}

fn answer(
    mut connection: TcpStream,
    folder: &Path,
    path: &str,
    headers: &str,
) -> std::io::Result<()> {
    let Some(target) = request_target(&connection)? else {
        return Ok(());
    };
    let (status, file) = match target.strip_prefix(path) {
        Some(rest) => file_for(folder, rest.split(['?', '#']).next().unwrap_or_default()),
        None => (404, None),
    };
    let (kind, body) = match file {
        Some(file) => (content_type(&file), fs::read(&file)?),
        None => ("text/plain", Vec::new()),
    };
    let reason = if status == 200 { "OK" } else { "Not Found" };
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-cache\r\n{headers}Connection: close\r\n\r\n"
    )?;
    connection.write_all(&body)
}

/// Reads the head of a request and returns what it asks for, or nothing if there is no request.
fn request_target(connection: &TcpStream) -> std::io::Result<Option<String>> {
    let mut lines = BufReader::new(connection).lines();
    let Some(first) = lines.next().transpose()? else {
        return Ok(None);
    };
    // All of the head must be read, or closing the connection would reset it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(first.split(' ').nth(1).map(str::to_string))
}

/// The status and file that answer a path relative to the folder.
fn file_for(folder: &Path, relative: &str) -> (u16, Option<PathBuf>) {
    let name = if relative.is_empty() {
        "index.html"
    } else {
        relative
    };
    let file = folder.join(name);
    if !name.split('/').any(|part| part == "..") && file.is_file() {
        (200, Some(file))
    } else {
        (
            404,
            Some(folder.join("404.html")).filter(|file| file.is_file()),
        )
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|kind| kind.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

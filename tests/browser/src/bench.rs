//! The browser's part of `cargo xtask bench`: trains in pages when it is asked to.
//!
//! Reads one request a line: `about`, or a row's name and a number of steps, such as
//! `jax-webgpu 8`. Answers each with one JSON object a line: `{"browser":..,"adapter":..}`, or
//! `{"steps":..,"millis":..,"loss":..}`, or `{"error":..}`. A row's browser is started when the
//! row is first asked for and stays open, so that the next request finds it warm.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::package_folder;
use crate::page::{Launch, by_testid};
use crate::server::Server;
use crate::webdriver::{Chromedriver, Session};

/// No request takes longer, the slowest engine's first step included.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long Glassbox's page may take until it can train.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// What the page is asked to train: what the other engines' pages do.
const LENET: &str = "train/lenet5-mnist?batch=64&optimizer=adam&lr=0.001&lang=en";
const LSTM: &str = "train/lstm-mnist?batch=64&optimizer=adam&lr=0.001&lang=en";

/// With these headers a page may share memory between threads.
const ISOLATED: &str = "Cross-Origin-Opener-Policy: same-origin\r\n\
                        Cross-Origin-Embedder-Policy: require-corp\r\n";

/// Where a row is found.
enum Place {
    /// A page of `bench/peers`.
    Peer(&'static str),
    /// The same, allowed to use threads.
    IsolatedPeer(&'static str),
    /// Glassbox's own page: what is trained, the device that the query names and the badges that it may show.
    Glassbox(&'static str, &'static str, &'static [&'static str]),
}

fn place(row: &str) -> Option<Place> {
    Some(match row {
        "page-webgpu" => Place::Glassbox(LENET, "gpu", &["gpu", "software"]),
        "page-cpu" => Place::Glassbox(LENET, "cpu", &["cpu"]),
        "lstm-page-webgpu" => Place::Glassbox(LSTM, "gpu", &["gpu", "software"]),
        "lstm-page-cpu" => Place::Glassbox(LSTM, "cpu", &["cpu"]),
        "lstm-tfjs-webgpu" => Place::Peer("tfjs.html?network=lstm&backend=webgpu"),
        "lstm-tfjs-wasm" => Place::Peer("tfjs.html?network=lstm&backend=wasm"),
        "tfjs-webgpu" => Place::Peer("tfjs.html?backend=webgpu"),
        "tfjs-cpu" => Place::Peer("tfjs.html?backend=cpu"),
        "jax-webgpu" => Place::Peer("jax.html?backend=webgpu"),
        "jax-wasm" => Place::Peer("jax.html?backend=wasm"),
        "jax-wasm-threads" => Place::IsolatedPeer("jax.html?backend=wasm"),
        _ => return None,
    })
}

/// Answers requests until there are no more.
///
/// # Errors
/// When chromedriver does not start, or nobody reads the answers.
pub fn serve() -> Result<(), String> {
    let mut bench = Bench {
        sessions: HashMap::new(),
        servers: HashMap::new(),
        driver: Chromedriver::start()?,
    };
    let mut output = std::io::stdout();
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| format!("cannot read a request: {error}"))?;
        let answer = bench
            .answer(&line)
            .unwrap_or_else(|error| json!({ "error": error }));
        writeln!(output, "{answer}")
            .and_then(|()| output.flush())
            .map_err(|error| format!("cannot answer: {error}"))?;
    }
    Ok(())
}

/// The browsers and the hosts they load from.
///
/// Fields are dropped in this order: chromedriver must be there to close the browsers.
struct Bench {
    sessions: HashMap<String, Session>,
    servers: HashMap<&'static str, Server>,
    driver: Chromedriver,
}

impl Bench {
    fn answer(&mut self, request: &str) -> Result<Value, String> {
        match request.split_whitespace().collect::<Vec<_>>()[..] {
            ["about"] => self.about(),
            [row, steps] => {
                let steps = steps
                    .parse()
                    .map_err(|_| format!("expected a number of steps, got `{steps}`"))?;
                self.measure(row, steps)
            }
            _ => Err(format!("expected `about` or `ROW STEPS`, got `{request}`")),
        }
    }

    fn about(&mut self) -> Result<Value, String> {
        let address = format!("{}about.html", self.host("peers")?);
        let session = self.open(&address)?;
        session.script(
            "return bench.adapterName().then((adapter) => {
               const version = navigator.userAgent.match(/Chrome\\/[0-9]+/)[0].replace('/', ' ');
               return { browser: version, adapter };
             })",
            &[],
        )
    }

    fn measure(&mut self, row: &str, steps: u32) -> Result<Value, String> {
        let place = place(row).ok_or_else(|| format!("there is no row `{row}`"))?;
        if !self.sessions.contains_key(row) {
            let session = self.start(&place)?;
            self.sessions.insert(row.to_string(), session);
        }
        let session = &self.sessions[row];
        session.set_deadline(Instant::now() + PATIENCE);
        match place {
            Place::Peer(_) | Place::IsolatedPeer(_) => {
                session.script("return bench.run(arguments[0])", &[json!(steps)])
            }
            // WebDriver waits for a promise, and only an async function has `await`.
            Place::Glassbox(..) => session.script(
                concat!(
                    "return (async function () {",
                    include_str!("../../../bench/measure_page.js"),
                    "}).apply(null, arguments)"
                ),
                &[json!(steps), json!(PATIENCE.as_millis() as u64 / 2)],
            ),
        }
    }

    /// Opens a row's page and waits until it can train.
    fn start(&mut self, place: &Place) -> Result<Session, String> {
        match place {
            Place::Peer(path) => {
                let address = format!("{}{path}", self.host("peers")?);
                self.open(&address)
            }
            Place::IsolatedPeer(path) => {
                let address = format!("{}{path}", self.host("isolated")?);
                self.open(&address)
            }
            Place::Glassbox(page, device, badges) => {
                let address = format!("{}{page}&device={device}", self.host("page")?);
                let session = self.open(&address)?;
                wait_until_ready(&session, badges)?;
                Ok(session)
            }
        }
    }

    /// The address of a host, which is started when it is first needed.
    fn host(&mut self, name: &'static str) -> Result<String, String> {
        if !self.servers.contains_key(name) {
            let repository = package_folder().join("../..");
            let peers = repository.join("bench/peers");
            let server = match name {
                "page" => Server::start(&repository.join("dist"), "/")?,
                "isolated" => Server::serve(&peers, "/", ISOLATED)?,
                _ => Server::serve(&peers, "/", "")?,
            };
            self.servers.insert(name, server);
        }
        Ok(self.servers[name].address.clone())
    }

    /// Opens an address in a browser of its own.
    fn open(&self, address: &str) -> Result<Session, String> {
        let session = self
            .driver
            .open(&Launch::DEFAULT.flags(), Instant::now() + PATIENCE)?;
        session.post(
            "/timeouts",
            &json!({ "script": PATIENCE.as_millis() as u64 }),
        )?;
        session.post("/url", &json!({ "url": address }))?;
        Ok(session)
    }
}

/// Waits until Glassbox's page can train, and checks what it will train on.
fn wait_until_ready(session: &Session, badges: &[&str]) -> Result<(), String> {
    let attribute = |testid: &str, name: &str| -> Result<Option<String>, String> {
        let script = "return document.querySelector(arguments[0])?.getAttribute(arguments[1])";
        let value = session.script(script, &[json!(by_testid(testid)), json!(name)])?;
        Ok(value.as_str().map(str::to_string))
    };
    let end = Instant::now() + START_PATIENCE;
    loop {
        let phase = attribute("run-status", "data-phase")?;
        let badge = attribute("device-badge", "data-kind")?;
        if phase.as_deref() == Some("ready") {
            return match badge {
                Some(badge) if badges.contains(&badge.as_str()) => Ok(()),
                other => Err(format!(
                    "the page: expected the device badge {}, got {other:?}",
                    badges.join(" or ")
                )),
            };
        }
        if Instant::now() > end {
            return Err(format!(
                "the page: expected it to be ready to train within {START_PATIENCE:?}, it says {phase:?}"
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

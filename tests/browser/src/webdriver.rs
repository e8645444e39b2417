//! chromedriver: its process, and the few commands of the WebDriver protocol the tests need.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The key under which WebDriver passes references to elements.
const ELEMENT_KEY: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Room for screenshots and for the network log of a long test.
const MAX_ANSWER_BYTES: u64 = 256 << 20;

/// A running chromedriver. Dropping it ends the process.
pub struct Chromedriver {
    process: Child,
    address: String,
    chromium: PathBuf,
}

impl Chromedriver {
    /// Starts chromedriver on a free port.
    ///
    /// # Errors
    /// When Chromium or chromedriver is missing, or chromedriver does not start.
    pub fn start() -> Result<Self, String> {
        let chromium = find(
            "CHROMIUM",
            &[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
            ],
        )?;
        let driver = find("CHROMEDRIVER", &["chromedriver"])?;
        let mut process = Command::new(&driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", driver.display()))?;
        let output = process.stdout.take().ok_or("chromedriver has no output")?;
        let (sender, ports) = mpsc::channel();
        // Reads to the end, or chromedriver would block on a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(port) = port_in(&line) {
                    // Only the first is waited for.
                    let _ = sender.send(port);
                }
            }
        });
        match ports.recv_timeout(Duration::from_secs(30)) {
            Ok(port) => Ok(Self {
                process,
                address: format!("http://127.0.0.1:{port}"),
                chromium,
            }),
            Err(_) => {
                end(&mut process);
                Err(format!(
                    "{}: expected it to name its port within 30 s",
                    driver.display()
                ))
            }
        }
    }

    /// Starts a browser with extra command-line `flags`.
    ///
    /// # Errors
    /// When the browser does not start, for example because its version is not chromedriver's.
    pub fn open(&self, flags: &[String], deadline: Instant) -> Result<Session, String> {
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": self.chromium, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = exchange(
            &format!("{}/session", self.address),
            Some(&capabilities),
            deadline,
        )?;
        let id = answer["sessionId"]
            .as_str()
            .ok_or_else(|| format!("expected a session, got {answer}"))?;
        Ok(Session {
            address: format!("{}/session/{id}", self.address),
            deadline: Cell::new(deadline),
        })
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

fn port_in(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?
        .1
        .trim_end_matches('.')
        .parse()
        .ok()
}

fn find(variable: &str, names: &[&str]) -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os(variable) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!(
                "{variable} names {}, which does not exist",
                path.display()
            ))
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    names
        .iter()
        .flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)))
        .map(|path| path.with_extension(std::env::consts::EXE_EXTENSION))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            format!("{} not found: install it (`cargo xtask test` does on Debian and Ubuntu), or name it by {variable}", names[0])
        })
}

/// An open browser. Dropping it closes the browser.
pub struct Session {
    address: String,
    deadline: Cell<Instant>,
}

/// A reference to an element of the open document.
#[derive(Clone, Debug)]
pub struct Element(String);

impl Session {
    /// When commands start to fail.
    pub fn deadline(&self) -> Instant {
        self.deadline.get()
    }

    /// Moves the deadline.
    pub fn set_deadline(&self, deadline: Instant) {
        self.deadline.set(deadline);
    }

    /// Sends a command with a body.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        exchange(
            &format!("{}{path}", self.address),
            Some(body),
            self.deadline(),
        )
    }

    /// Sends a command without a body.
    pub fn get(&self, path: &str) -> Result<Value, String> {
        exchange(&format!("{}{path}", self.address), None, self.deadline())
    }

    /// Runs a function body in the page; `arguments[0]` and so on are the arguments.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        self.post(
            "/execute/sync",
            &json!({ "script": body, "args": arguments }),
        )
    }

    /// Sends a command of the Chrome DevTools protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.post(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// The entries of a log (`browser` or `performance`) since it was last read.
    pub fn log(&self, kind: &str) -> Result<Vec<Value>, String> {
        let entries = self.post("/se/log", &json!({ "type": kind }))?;
        entries
            .as_array()
            .cloned()
            .ok_or_else(|| format!("expected a list of log entries, got {entries}"))
    }

    /// All elements that match a CSS selector.
    pub fn find_all(&self, selector: &str) -> Result<Vec<Element>, String> {
        let found = self.post(
            "/elements",
            &json!({ "using": "css selector", "value": selector }),
        )?;
        let found = found
            .as_array()
            .ok_or_else(|| format!("expected a list of elements, got {found}"))?;
        Ok(found
            .iter()
            .filter_map(|element| element[ELEMENT_KEY].as_str())
            .map(|id| Element(id.to_string()))
            .collect())
    }

    /// Sends a command about an element.
    pub fn post_to(&self, element: &Element, path: &str, body: &Value) -> Result<Value, String> {
        self.post(&format!("/element/{}{path}", element.0), body)
    }

    /// Asks something about an element.
    pub fn get_from(&self, element: &Element, path: &str) -> Result<Value, String> {
        self.get(&format!("/element/{}{path}", element.0))
    }
}

impl Element {
    /// The element as an argument of [`Session::script`] or as the origin of a pointer action.
    pub fn as_argument(&self) -> Value {
        json!({ ELEMENT_KEY: self.0 })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let agent = agent(Duration::from_secs(10));
        // The browser may have crashed already; chromedriver's end takes the rest with it.
        let _ = agent.delete(&self.address).call();
    }
}

fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .build()
        .into()
}

/// Sends a command and returns the `value` of the answer.
fn exchange(address: &str, body: Option<&Value>, deadline: Instant) -> Result<Value, String> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err("the test's time is over".to_string());
    }
    let agent = agent(left);
    let sent = match body {
        Some(body) => agent.post(address).send_json(body),
        None => agent.get(address).call(),
    };
    let failed = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => "the test's time is over".to_string(),
        error => format!("chromedriver does not answer: {error}"),
    };
    let mut answer = sent.map_err(failed)?;
    let status = answer.status();
    let mut json: Value = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_json()
        .map_err(failed)?;
    let value = json["value"].take();
    if status.is_success() {
        return Ok(value);
    }
    let first_line = value["message"]
        .as_str()
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    Err(format!(
        "{}: {first_line}",
        value["error"].as_str().unwrap_or("webdriver error")
    ))
}

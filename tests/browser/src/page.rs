//! What a test can do with an open page.
//!
//! Everything that looks for something waits for it, until the test's time is over or, where a
//! helper says so, for [`PATIENCE`].

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

use crate::Outcome;
use crate::server::Server;
use crate::webdriver::{Chromedriver, Element, Session};

/// How long a helper waits for what should be there in a moment.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How many times in a row an element may be replaced before it is read.
const MOST_REPLACED: u32 = 5;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The two places the page is served from.
pub struct Sites {
    /// At the root of a host.
    pub root: Server,
    /// Below the folder `/sub/` of a host that has nothing else.
    pub sub: Server,
}

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// At the root of a host.
    Root,
    /// Below `/sub/`.
    Sub,
}

/// What the browser has for WebGPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gpu {
    /// A software adapter.
    Software,
    /// `navigator.gpu`, but no adapter.
    NoAdapter,
    /// No `navigator.gpu`, neither in the page nor in a worker.
    ///
    /// No switch of Chromium does this, but plain HTTP from another host does: browsers have
    /// WebGPU in secure contexts only.
    Missing,
}

/// How a browser is started.
#[derive(Clone, Copy, Debug)]
pub struct Launch {
    /// What the browser has for WebGPU.
    pub gpu: Gpu,
    /// Width and height of the view in CSS pixels.
    pub size: (u32, u32),
}

/// A name for this machine that browsers do not hold for secure.
const INSECURE_HOST: &str = "plain-http.test";

impl Launch {
    /// WebGPU in software, a laptop's view.
    pub const DEFAULT: Self = Self {
        gpu: Gpu::Software,
        size: (1280, 800),
    };
    /// A browser that has WebGPU but no adapter.
    pub const WITHOUT_ADAPTER: Self = Self {
        gpu: Gpu::NoAdapter,
        ..Self::DEFAULT
    };
    /// A browser without WebGPU.
    pub const WITHOUT_WEBGPU: Self = Self {
        gpu: Gpu::Missing,
        ..Self::DEFAULT
    };

    /// The browser's command line.
    pub fn flags(self) -> Vec<String> {
        let mut flags: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--hide-scrollbars",
            "--lang=en-US",
        ]
        .map(String::from)
        .to_vec();
        // Nothing but this machine can be reached, so nothing is waited for.
        flags.push(format!(
            "--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        ));
        match self.gpu {
            Gpu::Software => {
                flags.extend(
                    ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
                        .map(String::from),
                );
            }
            Gpu::NoAdapter => flags.push("--disable-features=WebGPUService".to_string()),
            Gpu::Missing => {}
        }
        flags.push(format!("--window-size={},{}", self.size.0, self.size.1));
        flags
    }
}

/// How a picture of the page is taken.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Width and height of the view in CSS pixels.
    pub size: (u32, u32),
    /// `en` or `zh`.
    pub lang: &'a str,
    /// `light` or `dark`.
    pub theme: &'a str,
}

/// A line of the browser's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleLine {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// The text, beginning with where it came from.
    pub text: String,
}

/// An open page in a browser of its own.
pub struct Page<'a> {
    session: Session,
    sites: &'a Sites,
    gpu: Gpu,
    console: std::cell::RefCell<Vec<ConsoleLine>>,
    requests: std::cell::RefCell<Vec<String>>,
}

impl<'a> Page<'a> {
    /// Starts a browser with an empty page.
    pub fn launch(
        driver: &Chromedriver,
        sites: &'a Sites,
        launch: Launch,
        timeout: Duration,
    ) -> Result<Self, String> {
        let session = driver.open(&launch.flags(), Instant::now() + timeout)?;
        let page = Self {
            session,
            sites,
            gpu: launch.gpu,
            console: Default::default(),
            requests: Default::default(),
        };
        page.resize(launch.size)?;
        Ok(page)
    }

    /// Gives the test more time.
    pub fn extend_deadline(&self, by: Duration) {
        self.session
            .set_deadline(self.session.deadline().max(Instant::now()) + by);
    }

    // Going places

    /// The address of a path such as `train/lenet5-mnist?seed=1` (without a slash before it).
    pub fn address(&self, site: Site, path: &str) -> String {
        let server = match site {
            Site::Root => &self.sites.root,
            Site::Sub => &self.sites.sub,
        };
        let folder = match self.gpu {
            Gpu::Missing => server.address.replacen("127.0.0.1", INSECURE_HOST, 1),
            Gpu::Software | Gpu::NoAdapter => server.address.clone(),
        };
        format!("{folder}{path}")
    }

    /// Opens a path of the page at the root of its host.
    pub fn open(&self, path: &str) -> Outcome {
        self.open_at(Site::Root, path)
    }

    /// Opens a path of the page.
    pub fn open_at(&self, site: Site, path: &str) -> Outcome {
        self.session
            .post("/url", &json!({ "url": self.address(site, path) }))
            .map(drop)
    }

    /// Runs a script in every document opened from now on, before the document's own scripts.
    pub fn before_each_document(&self, source: &str) -> Outcome {
        self.devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            &json!({ "source": source }),
        )
        .map(drop)
    }

    /// The address in the address bar.
    pub fn current_address(&self) -> Result<String, String> {
        Ok(text(&self.session.get("/url")?))
    }

    /// Loads the page again.
    pub fn reload(&self) -> Outcome {
        self.session.post("/refresh", &json!({})).map(drop)
    }

    /// Goes back one entry of the history.
    pub fn back(&self) -> Outcome {
        self.session.post("/back", &json!({})).map(drop)
    }

    /// Sets the size of the view in CSS pixels.
    pub fn resize(&self, (width, height): (u32, u32)) -> Outcome {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        )
        .map(drop)
    }

    /// Sets media features such as `("prefers-color-scheme", "dark")` or
    /// `("prefers-reduced-motion", "reduce")`.
    pub fn emulate_media(&self, features: &[(&str, &str)]) -> Outcome {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        )
        .map(drop)
    }

    // Looking

    /// The one element with this `data-testid`; waits for it.
    pub fn element(&self, testid: &str) -> Result<Element, String> {
        self.select(&by_testid(testid))
    }

    /// The first element that matches a CSS selector; waits for one.
    pub fn select(&self, selector: &str) -> Result<Element, String> {
        self.poll(PATIENCE, || {
            Ok(self.session.find_all(selector)?.into_iter().next())
        })?
        .ok_or_else(|| format!("expected an element `{selector}`, none came within {PATIENCE:?}"))
    }

    /// How many elements match a CSS selector now.
    pub fn count(&self, selector: &str) -> Result<usize, String> {
        Ok(self.session.find_all(selector)?.len())
    }

    /// True if there is an element with this `data-testid` now.
    pub fn has(&self, testid: &str) -> Result<bool, String> {
        Ok(self.count(&by_testid(testid))? > 0)
    }

    /// The visible text of an element; waits for the element.
    pub fn text(&self, testid: &str) -> Result<String, String> {
        Ok(text(&self.read(testid, "/text")?))
    }

    /// What an element says of itself. One that is replaced between being found and being read is looked for again.
    fn read(&self, testid: &str, path: &str) -> Result<Value, String> {
        let mut read = Err(String::new());
        for _ in 0..MOST_REPLACED {
            read = self.session.get_from(&self.element(testid)?, path);
            let is_stale = |error: &String| error.contains("stale element reference");
            if !read.as_ref().is_err_and(is_stale) {
                break;
            }
        }
        read
    }

    /// The visible text of an element as a number; waits for the element, not for the number.
    pub fn number(&self, testid: &str) -> Result<f64, String> {
        let text = self.text(testid)?;
        number_of(&text).ok_or_else(|| format!("{testid}: expected a bare number, got `{text}`"))
    }

    /// An attribute of an element.
    pub fn attribute(&self, testid: &str, name: &str) -> Result<Option<String>, String> {
        let value = self.read(testid, &format!("/attribute/{name}"))?;
        Ok(value.as_str().map(str::to_string))
    }

    /// The current value of an input or a choice.
    pub fn value(&self, testid: &str) -> Result<String, String> {
        Ok(text(&self.read(testid, "/property/value")?))
    }

    /// The document as it stands now.
    pub fn source(&self) -> Result<String, String> {
        Ok(text(&self.session.get("/source")?))
    }

    // Waiting

    /// Waits until `look` gives a value, and returns it.
    pub fn wait_for<T>(
        &self,
        what: &str,
        patience: Duration,
        look: impl Fn() -> Result<Option<T>, String>,
    ) -> Result<T, String> {
        self.poll(patience, look)?
            .ok_or_else(|| format!("expected {what} within {patience:?}"))
    }

    /// Waits until the text of an element is as wanted, and returns it.
    pub fn wait_for_text(
        &self,
        testid: &str,
        patience: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, String> {
        let last = std::cell::RefCell::new(String::new());
        let found = self.poll(patience, || {
            // An element that is replaced while it is read is looked for again.
            let Ok(text) = self.text(testid) else {
                return Ok(None);
            };
            last.replace(text.clone());
            Ok(Some(text).filter(|text| wanted(text)))
        })?;
        found.ok_or_else(|| {
            format!(
                "{testid}: expected another text within {patience:?}, it stayed `{}`",
                last.borrow()
            )
        })
    }

    /// Waits until an element holds a number that is as wanted, and returns it.
    pub fn wait_for_number(
        &self,
        testid: &str,
        patience: Duration,
        wanted: impl Fn(f64) -> bool,
    ) -> Result<f64, String> {
        let is_wanted = |text: &str| number_of(text).is_some_and(&wanted);
        let text = self.wait_for_text(testid, patience, is_wanted)?;
        number_of(&text).ok_or_else(|| format!("{testid}: expected a bare number, got `{text}`"))
    }

    fn poll<T>(
        &self,
        patience: Duration,
        look: impl Fn() -> Result<Option<T>, String>,
    ) -> Result<Option<T>, String> {
        let end = (Instant::now() + patience).min(self.session.deadline());
        loop {
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    // Acting

    /// Clicks an element.
    pub fn click(&self, testid: &str) -> Outcome {
        self.session
            .post_to(&self.element(testid)?, "/click", &json!({}))
            .map(drop)
    }

    /// Clicks the first element that matches a CSS selector.
    pub fn click_on(&self, selector: &str) -> Outcome {
        self.session
            .post_to(&self.select(selector)?, "/click", &json!({}))
            .map(drop)
    }

    /// Replaces what stands in a text or number field, as a person does: selects it and types.
    pub fn fill(&self, testid: &str, value: &str) -> Outcome {
        const CONTROL: &str = "\u{e009}";
        const RELEASE: &str = "\u{e000}";
        let keys = format!("{CONTROL}a{RELEASE}{value}");
        self.session
            .post_to(&self.element(testid)?, "/value", &json!({ "text": keys }))
            .map(drop)
    }

    /// Chooses an option of a `<select>` by its value, as a person does.
    pub fn choose(&self, testid: &str, value: &str) -> Outcome {
        self.click_on(&format!("{} option[value='{value}']", by_testid(testid)))
    }

    /// Types keys to whatever has the focus; [`keys`] names those without a character.
    pub fn press(&self, typed: &str) -> Outcome {
        let actions: Vec<Value> = typed
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        self.actions(json!({ "type": "key", "id": "keyboard", "actions": actions }))
    }

    /// Types one key while another is held.
    pub fn press_with(&self, held: &str, key: &str) -> Outcome {
        let action = |kind: &str, value: &str| json!({ "type": kind, "value": value });
        let actions = [
            action("keyDown", held),
            action("keyDown", key),
            action("keyUp", key),
            action("keyUp", held),
        ];
        self.actions(json!({ "type": "key", "id": "keyboard", "actions": actions }))
    }

    /// Clicks a point of an element, given as fractions of its width and height.
    pub fn click_at(&self, selector: &str, point: (f64, f64)) -> Outcome {
        let element = self.select(selector)?;
        self.script(
            "arguments[0].scrollIntoView({ block: 'center' })",
            &[element.as_argument()],
        )?;
        let rectangle = self.session.get_from(&element, "/rect")?;
        // WebDriver counts from the middle of the element.
        let offset = |fraction: f64, extent: &Value| {
            ((fraction - 0.5) * extent.as_f64().unwrap_or_default()).round() as i64
        };
        let (x, y) = (
            offset(point.0, &rectangle["width"]),
            offset(point.1, &rectangle["height"]),
        );
        let actions = json!([
            { "type": "pointerMove", "duration": 20, "origin": element.as_argument(), "x": x, "y": y },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        self.actions(json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions }))
    }

    /// Draws with the mouse on an element: presses at the first point, moves through the others,
    /// lets go. Points are fractions of the element's width and height from its upper left corner.
    pub fn drag(&self, testid: &str, points: &[(f64, f64)]) -> Outcome {
        let element = self.element(testid)?;
        self.script(
            "arguments[0].scrollIntoView({ block: 'center' })",
            &[element.as_argument()],
        )?;
        let rectangle = self.session.get_from(&element, "/rect")?;
        let (width, height) = (
            rectangle["width"].as_f64().unwrap_or_default(),
            rectangle["height"].as_f64().unwrap_or_default(),
        );
        // WebDriver counts from the middle of the element.
        let offset = |fraction: f64, extent: f64| ((fraction - 0.5) * extent).round() as i64;
        let mut actions: Vec<Value> = points
            .iter()
            .map(|&(x, y)| {
                json!({ "type": "pointerMove", "duration": 20, "origin": element.as_argument(),
                        "x": offset(x, width), "y": offset(y, height) })
            })
            .collect();
        actions.insert(
            1.min(actions.len()),
            json!({ "type": "pointerDown", "button": 0 }),
        );
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        self.actions(json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions }))
    }

    /// Moves the mouse to the middle of an element.
    pub fn hover(&self, testid: &str) -> Outcome {
        let origin = self.element(testid)?.as_argument();
        let actions =
            [json!({ "type": "pointerMove", "duration": 20, "origin": origin, "x": 0, "y": 0 })];
        self.actions(json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions }))
    }

    /// Chooses a file in a file input, as from the browser's own dialog.
    pub fn choose_file(&self, testid: &str, name: &str, bytes: &[u8]) -> Outcome {
        // The page reads the file when it likes, so it stays until the next tests.
        let folder = crate::package_folder().join("artifacts/chosen-files");
        let path = folder.join(name);
        let failed = |error| format!("{}: {error}", path.display());
        std::fs::create_dir_all(&folder).map_err(failed)?;
        std::fs::write(&path, bytes).map_err(failed)?;
        self.session
            .post_to(
                &self.element(testid)?,
                "/value",
                &json!({ "text": path.to_string_lossy() }),
            )
            .map(drop)
    }

    /// Drops a file on an element, as from the desktop.
    pub fn drop_file(&self, testid: &str, name: &str, bytes: &[u8]) -> Outcome {
        let content = base64::engine::general_purpose::STANDARD.encode(bytes);
        self.script(
            "const bytes = Uint8Array.from(atob(arguments[2]), (c) => c.charCodeAt(0));
             const dataTransfer = new DataTransfer();
             dataTransfer.items.add(new File([bytes], arguments[1]));
             for (const kind of ['dragenter', 'dragover', 'drop'])
               arguments[0].dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }));",
            &[self.element(testid)?.as_argument(), json!(name), json!(content)],
        )
        .map(drop)
    }

    fn actions(&self, source: Value) -> Outcome {
        self.session
            .post("/actions", &json!({ "actions": [source] }))
            .map(drop)
    }

    /// Runs a function body in the page; `arguments[0]` and so on are the arguments.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Result<Value, String> {
        self.session.script(body, arguments)
    }

    /// Sends a command of the Chrome DevTools protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.session.devtools(command, parameters)
    }

    // Watching

    /// A picture of the view as PNG bytes.
    pub fn screenshot(&self) -> Result<Vec<u8>, String> {
        let picture = text(&self.session.get("/screenshot")?);
        base64::engine::general_purpose::STANDARD
            .decode(picture)
            .map_err(|error| format!("expected a picture in base64: {error}"))
    }

    /// Opens a path with a size, language and theme, and returns a picture as PNG bytes once
    /// `ready` is there.
    pub fn picture(&self, path: &str, look: Look, ready: &str) -> Result<Vec<u8>, String> {
        self.resize(look.size)?;
        let separator = if path.contains('?') { '&' } else { '?' };
        self.open(&format!(
            "{path}{separator}lang={}&theme={}",
            look.lang, look.theme
        ))?;
        self.element(ready)?;
        self.screenshot()
    }

    /// Every line of the console since the browser was started.
    pub fn console(&self) -> Result<Vec<ConsoleLine>, String> {
        let lines = self.session.log("browser")?;
        let lines = lines.iter().map(|line| ConsoleLine {
            level: text(&line["level"]),
            text: text(&line["message"]),
        });
        self.console.borrow_mut().extend(lines);
        Ok(self.console.borrow().clone())
    }

    /// The address of every request since the browser was started.
    pub fn requests(&self) -> Result<Vec<String>, String> {
        for entry in self.session.log("performance")? {
            let message: Value = serde_json::from_str(&text(&entry["message"]))
                .map_err(|error| format!("expected JSON in the performance log: {error}"))?;
            let message = &message["message"];
            if message["method"] == "Network.requestWillBeSent" {
                self.requests
                    .borrow_mut()
                    .push(text(&message["params"]["request"]["url"]));
            }
        }
        Ok(self.requests.borrow().clone())
    }

    /// Checks that nothing in the console is an error or a warning, violations of the security
    /// policy included, and that no request left the page's own host.
    pub fn expect_clean(&self) -> Outcome {
        let complaints: Vec<ConsoleLine> =
            self.console()?.into_iter().filter(is_complaint).collect();
        expect_none("a quiet console", &complaints)?;
        let requests = self.requests()?;
        if requests.is_empty() {
            return Err("expected requests in the performance log, found none".to_string());
        }
        let is_own = |url: &str| {
            url.starts_with("data:")
                || url.starts_with("blob:")
                || [Site::Root, Site::Sub]
                    .iter()
                    .any(|site| url.starts_with(&self.address(*site, "")))
        };
        let foreign: Vec<String> = requests.into_iter().filter(|url| !is_own(url)).collect();
        expect_none("only requests to the page's own host", &foreign)
    }
}

/// Keys without a character of their own, for [`Page::press`].
#[allow(
    dead_code,
    reason = "the set is complete, whatever the tests use today"
)]
pub mod keys {
    pub const ENTER: &str = "\u{e007}";
    pub const ESCAPE: &str = "\u{e00c}";
    pub const TAB: &str = "\u{e004}";
    pub const END: &str = "\u{e010}";
    pub const HOME: &str = "\u{e011}";
    pub const LEFT: &str = "\u{e012}";
    pub const UP: &str = "\u{e013}";
    pub const RIGHT: &str = "\u{e014}";
    pub const DOWN: &str = "\u{e015}";
    pub const SHIFT: &str = "\u{e008}";
    pub const PAGE_UP: &str = "\u{e00e}";
    pub const PAGE_DOWN: &str = "\u{e00f}";
}

/// The CSS selector of a `data-testid`.
pub fn by_testid(testid: &str) -> String {
    format!("[data-testid='{testid}']")
}

/// Fails with both values unless they are equal.
pub fn expect_equal<T: PartialEq + Debug>(what: &str, actual: T, expected: T) -> Outcome {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, got {actual:?}"))
    }
}

/// Fails with `message` unless the condition holds.
pub fn expect(condition: bool, message: impl Into<String>) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(message.into())
    }
}

fn expect_none<T: Debug>(what: &str, found: &[T]) -> Outcome {
    if found.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = found.iter().map(|item| format!("{item:?}")).collect();
    Err(format!("expected {what}, got:\n{}", lines.join("\n")))
}

/// A static host answers deep links with the page and status 404, which Chromium reports.
fn is_complaint(line: &ConsoleLine) -> bool {
    let is_deep_link = {
        let (address, rest) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        let file = address
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split('?')
            .next()
            .unwrap_or_default();
        rest.contains("the server responded with a status of 404") && !file.contains('.')
    };
    ["SEVERE", "WARNING"].contains(&line.level.as_str()) && !is_deep_link
}

/// A number as the page writes it, with commas between thousands.
fn number_of(text: &str) -> Option<f64> {
    text.replace(',', "").parse().ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

// Loads an engine's program in its worker. The page names the program and passes its build id as a
// query: the file names carry no hash, and the id keeps a browser from joining a new page with a
// cached old engine.
"use strict";
const asked = new URLSearchParams(self.location.search);
const program = ["worker", "lab_worker", "course_worker"].find((name) => name === asked.get("program"));
const build = "?v=" + asked.get("v");
const failed = (error) => self.postMessage("failed " + error);
self.addEventListener("unhandledrejection", (event) => failed(event.reason));
try {
  if (!program) throw new Error("no engine is called " + asked.get("program"));
  importScripts(program + ".js" + build);
  wasm_bindgen({ module_or_path: program + "_bg.wasm" + build }).catch(failed);
} catch (error) {
  failed(error);
}

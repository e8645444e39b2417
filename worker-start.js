// Loads the engine's program in its worker. The file names carry no hash, so the page passes its
// build id as a query, which keeps a browser from joining a new page with a cached old engine.
"use strict";
const build = self.location.search;
const failed = (error) => self.postMessage("failed " + error);
self.addEventListener("unhandledrejection", (event) => failed(event.reason));
try {
  importScripts("worker.js" + build);
  wasm_bindgen({ module_or_path: "worker_bg.wasm" + build }).catch(failed);
} catch (error) {
  failed(error);
}

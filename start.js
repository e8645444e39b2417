// Loads the program that shows the page's address: the lab is a program of its own, map and chapters are
// another, all else a third. The names of the main program's files carry hashes; Trunk writes them on this
// script's element (Trunk.toml). Those of the others do not, and get that name as a query against
// stale caches.
"use strict";
{
  const main = document.getElementById("start").dataset;
  const base = new URL(document.baseURI).pathname;
  const [first] = location.pathname.slice(base.length).split("/");
  const version = "?v=" + main.module.split("/").pop();
  const name = { lab: "lab", map: "course", learn: "course" }[first];
  // The style sheets of the other programs; those of the main one stand in the document.
  const sheets = {
    lab: ["lab", "lab_measure", "lab_compress", "lab_precision", "lab_replicas"],
    course: ["map", "course", "widgets", "exercises"],
  }[name];
  for (const sheet of sheets ?? []) {
    const href = base + sheet + ".css" + version;
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
  }
  const { module, wasm } = name
    ? { module: base + name + ".js" + version, wasm: base + name + "_bg.wasm" + version }
    : main;
  // Both files at once: the module alone knows what to do with the other.
  const program = fetch(wasm);
  // Told where it is awaited.
  program.catch(() => {});
  import(module)
    .then((page) => page.default({ module_or_path: program }))
    .catch((error) => {
      const boot = document.getElementById("boot");
      // Once the page stands, it shows its own errors.
      if (!boot) throw error;
      const lines = [
        ["en", "The page could not start. It needs a browser with WebAssembly SIMD (any current one). Reloading helps if the connection broke."],
        ["zh-CN", "页面无法启动。需要支持 WebAssembly SIMD 的浏览器（任何较新的浏览器均可）。如果是网络中断，请重新加载。"],
        ["en", String(error)],
      ].map(([lang, text]) => Object.assign(document.createElement("p"), { lang, textContent: text }));
      boot.replaceChildren(...lines);
      boot.setAttribute("role", "alert");
      console.error(error);
    });
}

// Loads the page's program. The names of its files carry hashes; Trunk writes them on this
// script's element (Trunk.toml).
"use strict";
{
  const { module, wasm } = document.getElementById("start").dataset;
  import(module)
    .then((page) => page.default({ module_or_path: wasm }))
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

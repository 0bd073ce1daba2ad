// Opens the models of a page with onnxruntime-web, which lies in `ort/` beside it.

import { fetchedSession } from "./session.js";

const at = (name) => new URL(name, import.meta.url).href;

// A session with the description of its model and its bytes; `name` is the address without .onnx and .json.
export function openedSession(ort, name) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: at("./ort/ort-wasm-simd-threaded.wasm") };
  return fetchedSession(ort, at(`${name}.onnx`), at(`${name}.json`));
}

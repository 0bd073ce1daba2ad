// Opens the models of a page with onnxruntime-web, which lies in `ort/` beside it.

// A session with the description of its model and its bytes; `name` is the address without .onnx and .json.
export async function openedSession(ort, name) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };
  const [model, description] = await Promise.all([`${name}.onnx`, `${name}.json`].map(async (address) => {
    const answer = await fetch(new URL(address, import.meta.url));
    if (!answer.ok) throw new Error(`${address} could not be fetched (${answer.status})`);
    return answer.arrayBuffer();
  }));
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return { session, description: JSON.parse(new TextDecoder().decode(description)), bytes: model.byteLength };
}

// Opens a model with onnxruntime-web, from wherever its two files lie.

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} could not be fetched (${answer.status})`);
  return answer.arrayBuffer();
}

// A session with the description of its model and its bytes; both addresses are absolute.
export async function fetchedSession(ort, model, description) {
  const [graph, about] = await Promise.all([model, description].map(fetched));
  const session = await ort.InferenceSession.create(graph, { executionProviders: ["wasm"] });
  return { session, description: JSON.parse(new TextDecoder().decode(about)), bytes: graph.byteLength };
}

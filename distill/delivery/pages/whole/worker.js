// Reads pages apart from the page that shows them, so that it never stands still. It is sent { number, blob }, and answers
// { ready }, { failed }, and by number { progress }, then { page } or { trouble }.

import * as ort from "../ort/ort.wasm.bundle.min.mjs";
import { openedSession } from "../runtime.js";
import { readPicture } from "./opening.js";
import { PageReader } from "./reader.js";

async function opened() {
  const [locator, recogniser] = await Promise.all(["locator", "recogniser"].map((name) => openedSession(ort, `./${name}`)));
  const visual = recogniser.description.charset?.order === "visual";
  const { default: bidiFactory } = visual ? await import("../ort/bidi.mjs") : {};
  const reader = new PageReader(ort, locator, recogniser, bidiFactory?.());
  return { reader, bytes: locator.bytes + recogniser.bytes };
}

const opening = opened();
opening.then(
  ({ bytes }) => postMessage({ ready: { bytes } }),
  (error) => postMessage({ failed: `${error.message ?? error}` }),
);

let last = Promise.resolve(); // pages are read one after the other
addEventListener("message", ({ data: { number, blob } }) => {
  last = last.then(async () => {
    try {
      const { reader } = await opening;
      postMessage({ number, ...await readPicture(reader, blob, (progress) => postMessage({ number, progress })) });
    } catch (error) {
      postMessage({ number, trouble: `${error.message ?? error}` });
    }
  });
});

// The face of the npm package for lines: `openReader(ort)` opens the model that lies in the package, or another one.

import { bitmapOf, pixelsOf } from "./picture.js";
import { Reader } from "./reader.js";
import { fetchedSession } from "./session.js";

const MODEL = new URL("./models/recogniser.onnx", import.meta.url).href;
const DESCRIPTION = new URL("./models/recogniser.json", import.meta.url).href;

class LineReader {
  #reader;

  constructor(reader) {
    this.#reader = reader;
  }

  get description() {
    return this.#reader.description;
  }

  async read(picture, box) {
    const { text, confidence, characters, milliseconds } = await this.#reader.read(await pixelsIn(picture, box));
    return { text, confidence, characters: characters.map(plain), milliseconds };
  }
}

const plain = ({ text, confidence, start, end }) => ({ text, confidence, start, end });

// The pixels of a file, or of a part of it; those of an ImageData as they are.
async function pixelsIn(picture, box) {
  if (!(picture instanceof Blob)) {
    if (box) throw new Error("a part is read of a file; of an ImageData cut it out first");
    return picture;
  }
  const opened = await bitmapOf(picture);
  const pixels = pixelsOf(opened, box);
  opened.bitmap.close();
  return pixels;
}

export async function openReader(ort, { model = MODEL, description = DESCRIPTION, bidi } = {}) {
  const opened = await fetchedSession(ort, model, description);
  return new LineReader(new Reader(ort, opened.session, opened.description, bidi));
}

// The face of the npm package for whole pages: a locator finds the lines, a recogniser reads them.

import { fetchedSession } from "./session.js";
import { readPicture } from "./whole/opening.js";
import { PageReader as Reader } from "./whole/reader.js";

const LOCATOR = {
  model: new URL("./models/locator.onnx", import.meta.url).href,
  description: new URL("./models/locator.json", import.meta.url).href,
};
const RECOGNISER = {
  model: new URL("./models/recogniser.onnx", import.meta.url).href,
  description: new URL("./models/recogniser.json", import.meta.url).href,
};

class PageReader {
  #reader;

  constructor(reader) {
    this.#reader = reader;
  }

  async read(picture, { tell = () => {}, mostPixels } = {}) {
    if (!(picture instanceof Blob)) return { page: await this.#reader.read(picture, tell) };
    return readPicture(this.#reader, picture, tell, mostPixels);
  }
}

export async function openPageReader(ort, { locator = LOCATOR, recogniser = RECOGNISER, bidi } = {}) {
  const both = [locator, recogniser].map(({ model, description }) => fetchedSession(ort, model, description));
  return new PageReader(new Reader(ort, ...await Promise.all(both), bidi));
}

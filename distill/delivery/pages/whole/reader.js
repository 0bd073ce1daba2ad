// Reads a whole page in the browser as students.load_page does: a locator finds the lines, a recogniser reads them.

import { Reader, planesOf, rounded, seenBy } from "../reader.js";
import { mapsOf } from "./cores.js";
import { cut, marginOf } from "./cutting.js";
import { findLines } from "./finding.js";
import { readingOrder } from "./order.js";
import { STRIDE_PX, preparedPage } from "./preparation.js";

const WHOLE_PX = 4_000_000; // a prepared page of more pixels is read in tiles
const TILE_PX = 1536; // side of a tile without what it overlaps its neighbours by
const TILE_STEP_PX = 32; // tiles begin at multiples of the deepest stride
const MAPS = 5; // channels of a locator's output
const PLACES = 100; // of a pixel: coordinates are rounded to these

// Tiles along a side: the pixels that each sees and those kept of it.
function spans(side, margin) {
  const overlap = Math.ceil(margin / TILE_STEP_PX) * TILE_STEP_PX;
  return Array.from({ length: Math.ceil(side / TILE_PX) }, (_, i) => {
    const [begin, end] = [i * TILE_PX, Math.min((i + 1) * TILE_PX, side)];
    return { begin, end, first: Math.max(0, begin - overlap), last: Math.min(side, end + overlap) };
  });
}

// A part of maps, or of a page's planes, (channels, height, width), put into another at a place.
function copied(from, [top, left], to, [row, column], [height, width]) {
  for (let c = 0; c < from.dims[1]; c++) {
    for (let y = 0; y < height; y++) {
      const start = (c * from.dims[2] + top + y) * from.dims[3] + left;
      to.data.set(from.data.subarray(start, start + width), (c * to.dims[2] + row + y) * to.dims[3] + column);
    }
  }
}

const empty = (...dims) => ({ data: new Float32Array(dims.reduce((a, b) => a * b)), dims: [1, ...dims] });
const roundedPoint = (point) => point.map((px) => rounded(px * PLACES) / PLACES);

// The points of a part of a line, 0 to 1 from left to right, as `PageLine.part` gives them.
function partOf(polygon, begin, end) {
  const half = polygon.length / 2;
  const [top, bottom] = [polygon.slice(0, half), polygon.slice(half).reverse()];
  const along = [0];
  for (let i = 1; i < half; i++) {
    const step = [0, 1].map((k) => (top[i][k] + bottom[i][k] - top[i - 1][k] - bottom[i - 1][k]) / 2);
    along.push(along[i - 1] + Math.hypot(...step));
  }
  const long = Math.max(along[half - 1], 1e-9);
  const places = [begin, ...along.map((place) => place / long).filter((place) => place > begin && place < end), end];
  const at = (edge) => places.map((place) => {
    let i = 0;
    while (i < half - 2 && along[i + 1] / long < place) i++;
    const share = Math.min(Math.max((place * long - along[i]) / (along[i + 1] - along[i] || 1), 0), 1);
    return edge[i].map((px, k) => px + share * (edge[i + 1][k] - px));
  });
  return [...at(top), ...at(bottom).reverse()];
}

// Throws where the two models are exchanged, or one of them is no student.
function expectKinds(locator, recogniser) {
  if (locator.kind === "student" && recogniser.kind === "locator") {
    throw new Error("the two models are exchanged: the locator, which finds lines, comes first, then the recogniser");
  }
  if (locator.kind !== "locator") throw new Error(`the first model is a ${locator.kind}, not a locator that finds lines`);
  if (recogniser.kind !== "student") {
    throw new Error(`the second model is a ${recogniser.kind}, not a student that reads lines`);
  }
}

// A reader over two sessions of onnxruntime-web, each { session, description }; `bidi` is that of `Reader`.
export class PageReader {
  constructor(ort, locator, recogniser, bidi) {
    expectKinds(locator.description, recogniser.description);
    this.recogniser = new Reader(ort, recogniser.session, recogniser.description, bidi);
    Object.assign(this, { ort, locator });
  }

  // Reads the pixels of a page, an ImageData. `tell` is called with { step: "locating" } and { step: "reading", line, lines }.
  // What comes back is what `distill read --pages --to json` writes of a page, without the name of its file.
  async read(imageData, tell = () => {}) {
    const { width, height } = imageData;
    const { finding } = this.locator.description;
    const planes = planesOf(imageData);
    tell({ step: "locating" });
    const found = await this.find({ planes, width, height });
    const order = readingOrder(found.map((line) => line.corners), finding.right_to_left);
    const page = { planes: seenBy(this.recogniser.description.preparation.channels, planes), width, height };
    const lines = [];
    for (const i of order) {
      tell({ step: "reading", line: lines.length + 1, lines: order.length });
      lines.push(await this.readFound(page, found[i], marginOf(found[i].corners, finding.margin), lines.length + 1));
    }
    return { width, height, text: lines.map((line) => line.text).join("\n"), lines };
  }

  // The lines of a page, in no order.
  async find(page) {
    const prepared = preparedPage(page, this.locator.description.preparation);
    const [, , high, wide] = prepared.dims;
    const { data } = high * wide <= WHOLE_PX ? await this.mapsIn(prepared) : await this.mapsInTiles(prepared);
    return findLines(mapsOf(data, high / STRIDE_PX, wide / STRIDE_PX), prepared, this.locator.description.finding);
  }

  async mapsIn({ data, dims }) {
    const { maps } = await this.locator.session.run({ images: new this.ort.Tensor("float32", data, dims) });
    return maps;
  }

  // Tiles overlap by what a place of the maps depends on, so that their maps are those of the whole page.
  async mapsInTiles(prepared) {
    const [, channels, high, wide] = prepared.dims;
    const output = empty(MAPS, high / STRIDE_PX, wide / STRIDE_PX);
    for (const rows of spans(high, this.locator.description.receptive_px)) {
      for (const columns of spans(wide, this.locator.description.receptive_px)) {
        const seen = [rows, columns].map(({ first, last }) => last - first);
        const tile = empty(channels, ...seen);
        copied(prepared, [rows.first, columns.first], tile, [0, 0], seen);
        const skipped = [rows, columns].map(({ begin, first }) => (begin - first) / STRIDE_PX);
        const place = [rows, columns].map(({ begin }) => begin / STRIDE_PX);
        const kept = [rows, columns].map(({ begin, end }) => (end - begin) / STRIDE_PX);
        copied(await this.mapsIn(tile), skipped, output, place, kept);
      }
    }
    return output;
  }

  async readFound(page, { polygon, box, found }, margin, number) {
    const place = { polygon: polygon.map(roundedPoint), box: roundedPoint(box) };
    const line = cut(page, polygon, margin);
    let reading;
    try {
      reading = await this.recogniser.readLine(line);
    } catch (error) {
      const problem = `line ${number}: ${error.message ?? error}`;
      return { ...place, text: "", confidence: 0, found, review: true, characters: [], problem };
    }
    const { quarters } = reading;
    const inner = Math.max(1, (quarters % 2 ? line.height : line.width) - 2 * margin);
    // from the top left of the text as it was read; a line that bends is longer than high
    const corners = polygon.length === 4 ? [...polygon.slice(quarters), ...polygon.slice(0, quarters)] : polygon;
    place.polygon = corners.map(roundedPoint);
    const edge = (frame) => Math.min(Math.max((reading.edgeOf(frame) - margin) / inner, 0), 1);
    const characters = reading.characters.map(({ text, confidence, start, end }) => (
      { text, confidence, polygon: partOf(corners, edge(start), edge(end)).map(roundedPoint) }));
    return { ...place, text: reading.text, confidence: reading.confidence, found, review: false, characters };
  }
}

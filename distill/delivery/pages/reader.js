// Reads a line in the browser as students.load does: the same scaling, padding, posteriors and greedy decoding.
// `description` is that of the model file. Nothing leaves the page.

import { stored } from "./right_to_left.js";

const PRECISION_BITS = 22; // of the weights in Pillow's 8-bit resampling
const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const a = -0.5;
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
};

// For each pixel of the result: where its source pixels begin, and their weights in fixed point.
function windows(from, to, filter) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = filter.support * stretch;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const weights = [];
    for (let k = first; k < end; k++) weights.push(filter.weight((k - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0) || 1;
    const fixed = weights.map((w) => {
      const scaled = (w / sum) * (1 << PRECISION_BITS);
      return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    });
    return { first, fixed };
  });
}

// One pass along rows of a plane (height x width); `turned` reads and writes it column by column.
function resampled(plane, lines, from, to, filter, turned, stride) {
  const places = windows(from, to, filter);
  const result = new Uint8ClampedArray(lines * to);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < to; i++) {
      const { first, fixed } = places[i];
      let sum = 1 << (PRECISION_BITS - 1);
      for (let k = 0; k < fixed.length; k++) {
        sum += fixed[k] * plane[turned ? (first + k) * stride + line : line * stride + first + k];
      }
      result[turned ? i * lines + line : line * to + i] = Math.min(255, Math.max(0, sum >> PRECISION_BITS));
    }
  }
  return result;
}

function resize(plane, width, height, newWidth, newHeight, filter) {
  const wide = width === newWidth ? plane : resampled(plane, height, width, newWidth, filter, false, width);
  return height === newHeight ? wide : resampled(wide, newWidth, height, newHeight, filter, true, newWidth);
}

const FAINT = 80; // grey levels that ink must differ from the paper to be seen
const SIGNATURES = { PNG: [0x89, 0x50, 0x4e, 0x47], JPEG: [0xff, 0xd8], WebP: [0x52, 0x49, 0x46, 0x46], BMP: [0x42, 0x4d] };
const PNG_BITS = 24; // where a PNG says how many bits a channel has

// Bits of a channel that a file has, by its first bytes. Throws for what a browser shows and the reader refuses.
export function bitsOf(bytes) {
  const kind = Object.keys(SIGNATURES).find((name) => SIGNATURES[name].every((byte, i) => bytes[i] === byte));
  if (!kind) throw new Error(`${Object.keys(SIGNATURES).join(", ")} are read on this page; distill read takes more`);
  return kind === "PNG" ? bytes[PNG_BITS] : 8;
}

// Throws where the upper 8 of 16 bits, which are all that a browser has, are next to nothing.
export function expectLevels({ data }) {
  if (data.some((level, i) => i % 4 !== 3 && level > 15)) return;
  throw new Error("it uses 12 of its 16 bits or fewer, which a browser shows black; save it with 8 bits");
}

// Red, green, blue and brightness of a picture on paper of a grey level, and how far its brightness ranges.
function laid({ data, width, height }, paper) {
  const [red, green, blue, grey] = Array.from({ length: 4 }, () => new Uint8ClampedArray(width * height));
  let [low, high] = [255, 0];
  for (let i = 0, k = 0; i < width * height; i++, k += 4) {
    const alpha = data[k + 3];
    let [r, g, b] = [data[k], data[k + 1], data[k + 2]];
    if (alpha !== 255) [r, g, b] = [r, g, b].map((level) => Math.round((level * alpha + paper * (255 - alpha)) / 255));
    const level = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    red[i] = r;
    green[i] = g;
    blue[i] = b;
    grey[i] = level;
    if (level < low) low = level;
    if (level > high) high = level;
  }
  return { planes: [red, green, blue, grey], range: high - low };
}

// Red, green, blue and brightness of a picture; on white, or on black where white would hide the ink.
export function planesOf(imageData) {
  const found = laid(imageData, 255);
  if (found.range >= FAINT) return found.planes;
  const onBlack = laid(imageData, 0);
  return (onBlack.range > found.range ? onBlack : found).planes;
}

// Of the planes of `planesOf` those that a network with so many channels sees.
export const seenBy = (channels, planes) => (channels === 1 ? [planes[3]] : planes.slice(0, 3));

// Python rounds halves to the even neighbour.
export function rounded(x) {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

export const TALL = 1.5; // height over width
const WAYS = { never: [0], tall: [1], surer: [0, 1, 3] }; // quarter turns against the clock in which a tall picture is read

// A line { planes, width, height } after so many quarter turns against the clock.
export function after(quarters, line) {
  if (quarters === 0) return line;
  const { width, height } = line;
  const planes = line.planes.map((plane) => {
    const turned = new Uint8ClampedArray(plane.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const place = quarters === 1 ? (width - 1 - x) * height + y : x * height + (height - 1 - y);
        turned[place] = plane[y * width + x];
      }
    }
    return turned;
  });
  return { planes, width: height, height: width };
}

const scaledWidth = (line, height) => Math.max(1, rounded((line.width * height) / line.height));

// The ways in which a line is read, each { quarters, line }: `prepare_ways` of students/image.py.
export function waysToRead(line, preparation) {
  const ways = line.height > TALL * line.width ? WAYS[preparation.turned ?? "never"] : [0];
  const turned = ways.map((quarters) => ({ quarters, line: after(quarters, line) }));
  const fitting = turned.filter((way) => scaledWidth(way.line, preparation.height_px) <= preparation.max_width_px);
  return fitting.length ? fitting : turned.slice(0, 1);
}

// What readings of one picture are compared by: `sureness` of students/turning.py.
const sureness = ({ confidence, characters }) => (characters.length ? confidence ** (1 / characters.length) : 0);

// The tensor of a line { planes, width, height }: { data: Float32Array, dims: [1, channels, height, padded width], width }.
export function prepare(line, preparation) {
  const { height_px: height, channels, width_quantum_px: quantum } = preparation;
  const width = scaledWidth(line, height);
  if (width > preparation.max_width_px) {
    throw new Error(`the line is ${width} px wide at a height of ${height}; at most ${preparation.max_width_px} are read`);
  }
  const padded = Math.ceil(Math.max(width, preparation.least_width_px ?? 0) / quantum) * quantum;
  const data = new Float32Array(channels * height * padded);
  data.fill((preparation.padding_value - preparation.mean) / preparation.std);
  line.planes.forEach((plane, c) => {
    const scaled = resize(plane, line.width, line.height, width, height, FILTERS[preparation.resize]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        data[(c * height + y) * padded + x] = (scaled[y * width + x] - preparation.mean) / preparation.std;
      }
    }
  });
  return { data, dims: [1, channels, height, padded], width };
}

// Log-probabilities of each frame under the temperature of the calibration.
export function logPosteriors(logits, frames, classes, temperature) {
  return Array.from({ length: frames }, (_, t) => {
    const row = Array.from(logits.subarray(t * classes, (t + 1) * classes), (x) => x / temperature);
    const top = Math.max(...row);
    const norm = top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
    return row.map((x) => x - norm);
  });
}

// Best class of each frame, repeats merged, blanks dropped: [{ text, confidence, start, end, class }].
export function greedy(posteriors, characters) {
  const symbols = Array.from(characters);
  const found = [];
  let before = 0;
  posteriors.forEach((row, t) => {
    const best = row.indexOf(Math.max(...row));
    const confidence = Math.exp(row[best]);
    if (best !== 0 && best === before) {
      const last = found[found.length - 1];
      last.end = t + 1;
      last.confidence = Math.max(last.confidence, confidence);
    } else if (best !== 0) {
      found.push({ text: symbols[best - 1], class: best, confidence, start: t, end: t + 1 });
    }
    before = best;
  });
  return found;
}

function logSum(...values) {
  const top = Math.max(...values);
  return top === -Infinity ? top : top + Math.log(values.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

// The probability of a text, summed over all its alignments (Graves et al. 2006, the forward recursion).
export function probability(posteriors, classes) {
  const states = [0, ...classes.flatMap((c) => [c, 0])];
  let alpha = states.map((_, s) => (s === 0 ? 0 : -Infinity));
  posteriors.forEach((row, t) => {
    alpha = states.map((c, s) => {
      const stay = t === 0 && s > 0 ? -Infinity : alpha[s];
      const step = s > 0 ? alpha[s - 1] : -Infinity;
      const jump = t > 0 && s > 1 && c !== 0 && c !== states[s - 2] ? alpha[s - 2] : -Infinity;
      return logSum(stay, step, jump) + row[c];
    });
  });
  return Math.exp(alpha.length > 1 ? logSum(alpha[alpha.length - 1], alpha[alpha.length - 2]) : alpha[0]);
}

// A reader over a session of onnxruntime-web. Where `charset.order` is "visual" it needs what bidi-js exports, called once.
export class Reader {
  constructor(ort, session, description, bidi) {
    if (description.charset.order === "visual" && !bidi) throw new Error("right-to-left lines need bidi-js");
    const { resize: filter } = description.preparation;
    if (!FILTERS[filter]) throw new Error(`its lines are scaled as "${filter}", which is not done in a browser`);
    Object.assign(this, { ort, session, description, bidi });
  }

  read({ data, width, height }) {
    const planes = seenBy(this.description.preparation.channels, planesOf({ data, width, height }));
    return this.readLine({ planes, width, height });
  }

  // Reads a line { planes, width, height } that has the planes this reader sees; of several ways the surest.
  async readLine(line) {
    let best;
    let milliseconds = 0;
    for (const way of waysToRead(line, this.description.preparation)) {
      const reading = { ...(await this.readAsItStands(way.line)), quarters: way.quarters };
      milliseconds += reading.milliseconds;
      if (!best || sureness(reading) > sureness(best)) best = reading;
    }
    return { ...best, milliseconds };
  }

  async readAsItStands(line) {
    const { charset, preparation, calibration } = this.description;
    const { data, dims, width } = prepare(line, preparation);
    const start = performance.now();
    const { logits } = await this.session.run({ images: new this.ort.Tensor("float32", data, dims) });
    const milliseconds = performance.now() - start;
    const [, frames, classes] = logits.dims;
    const posteriors = logPosteriors(logits.data, frames, classes, calibration.temperature);
    const read = greedy(posteriors, charset.characters);
    const characters = charset.order === "visual" ? stored(read, this.bidi, charset.base) : read;
    return {
      text: characters.map((c) => c.text).join(""),
      confidence: probability(posteriors, read.map((c) => c.class)),
      characters,
      milliseconds,
      edgeOf: (frame) => Math.min(line.width, rounded(frame * (dims[3] / frames) * (line.width / width))), // in pixels of the line
    };
  }
}

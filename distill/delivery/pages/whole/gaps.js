// Lines of one row that were found as one, parted at wide gaps without ink: `students/pages/gaps.py`.

import { rounded } from "../reader.js";
import { perspective } from "./linear.js";
import { ascending, quantile } from "./numbers.js";
import { STRIDE_PX } from "./preparation.js";

const INNER = 0.1; // of a height: above and below, ink does not count
const INK = 0.35; // of the contrast of the strokes: a column with so much of it has ink
const STROKES = 0.9; // quantile of the columns' contrasts: that of strokes
const DARKEST = 2; // pixels of a column whose mean contrast is the column's
const STANDS_OUT = 1.5; // times as wide as the widest other gap is a wide one
const END = 0.12; // of a height: a line ends so far beyond its ink

const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

// What the locator saw of a prepared page, a level for each pixel: the mean of its channels.
export function greyOf({ data, dims: [, channels, height, width] }) {
  const levels = new Float32Array(height * width);
  for (let i = 0; i < levels.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[c * levels.length + i];
    levels[i] = sum / channels;
  }
  return { levels, width, height };
}

// The corners of the parts of a line on the prepared page, along its text; its own where it is one.
// `core` has logits; `limits`: gaps wider than `gap` heights, in which the core is less probable than `gap_core`.
export function parted(corners, core, grey, { gap, gap_core: least }) {
  const sides = corners.map((corner, i) => distance(corner, corners[(i + 1) % 4]));
  const [length, height] = [(sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2];
  const [wide, high] = [length, height].map((px) => Math.max(1, rounded(px)));
  const logit = Math.log(least / (1 - least));
  if (length < gap * height) return [corners];
  const inCore = columnsOf(core, corners.map((corner) => corner.map((px) => px / STRIDE_PX)), wide, high)
    .map((column) => Math.max(...column.slice(Math.floor(high / 3), Math.ceil((2 * high) / 3))));
  if (inCore.every((value) => value >= logit)) return [corners];
  const ink = inked(columnsOf(grey, corners, wide, high), high);
  const bounds = [0];
  for (const [last, first] of wideGaps(ink, gap * height)) {
    if (inCore.slice(last, first).some((value) => value < logit)) {
      bounds.push((last + END * height) / wide, (first - END * height) / wide);
    }
  }
  bounds.push(1);
  if (bounds.length === 2) return [corners];
  return Array.from({ length: bounds.length / 2 }, (_, i) => part(corners, bounds[2 * i], bounds[2 * i + 1]));
}

// The wide gaps between columns with ink, each from the column behind the ink to the next one with it.
function wideGaps(ink, least) {
  const gaps = ink.slice(1).map((first, i) => [ink[i] + 1, first]);
  const width = ([last, first]) => first - last;
  const wide = gaps.filter((gap) => width(gap) > least);
  const widest = gaps.reduce((most, gap) => (width(gap) > least ? most : Math.max(most, width(gap))), -Infinity);
  return wide.some((gap) => width(gap) <= STANDS_OUT * widest) ? [] : wide;
}

// A line as a rectangle, column by column, its nearest pixels beyond the map; between pixels it is bilinear.
function columnsOf({ levels, width, height }, corners, wide, high) {
  const frame = [[0, 0], [wide, 0], [wide, high], [0, high]].map((point) => point.map((px) => px - 0.5));
  const placeOf = perspective(frame, corners.map((corner) => corner.map((px) => Math.fround(px - 0.5))));
  const place = [0, 0];
  const inside = (px, side) => Math.min(Math.max(px, 0), side - 1);
  return Array.from({ length: wide }, (_, u) => Float32Array.from({ length: high }, (__, v) => {
    placeOf(u, v, place);
    const [left, top] = place.map(Math.floor);
    const [across, down] = [place[0] - left, place[1] - top];
    const at = (y) => {
      const start = inside(y, height) * width;
      return levels[start + inside(left, width)] * (1 - across) + levels[start + inside(left + 1, width)] * across;
    };
    return at(top) * (1 - down) + at(top + 1) * down;
  }));
}

// The numbers of the columns that hold ink, darker or brighter than most of the line.
function inked(columns, high) {
  const skipped = rounded(INNER * high);
  const inner = columns.map((column) => column.slice(skipped, high - skipped));
  const usual = quantile(inner.flatMap((column) => [...column]), 0.5);
  const contrasts = inner.map((column) => (
    mean(ascending([...column].map((level) => Math.abs(level - usual))).slice(-DARKEST))));
  const least = INK * quantile(contrasts, STROKES);
  return contrasts.flatMap((contrast, x) => (contrast > least ? [x] : []));
}

// The corners of what lies between two shares of a line's length.
function part([topLeft, topRight, bottomRight, bottomLeft], begin, end) {
  const at = (from, to, share) => from.map((px, i) => px + share * (to[i] - px));
  return [at(topLeft, topRight, begin), at(topLeft, topRight, end), at(bottomLeft, bottomRight, end), at(bottomLeft, bottomRight, begin)];
}

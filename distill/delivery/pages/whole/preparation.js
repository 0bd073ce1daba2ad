// From a page to the tensor that a locator sees: `students/pages/preparation.py`, with OpenCV's scaling of 8-bit levels.

import { rounded } from "../reader.js";

export const STRIDE_PX = 4; // a place of a locator's maps is so many pixels of the prepared page, each way
const LEAST_SHARE = 1e-3; // of a pixel: OpenCV leaves out what covers less
const LINEAR_BITS = 11; // of OpenCV's weights between two pixels

// Brightness as OpenCV has it; Pillow's, in reader.js, may differ by one level.
function greyOf([red, green, blue]) {
  const grey = new Uint8ClampedArray(red.length);
  for (let i = 0; i < grey.length; i++) grey[i] = (red[i] * 9798 + green[i] * 19235 + blue[i] * 3735 + (1 << 14)) >> 15;
  return grey;
}

export function scaledSize({ pixels, enlarge }, width, height) {
  const scale = Math.min(Math.sqrt(pixels / (width * height)), enlarge);
  return [width, height].map((side) => Math.max(1, rounded(side * scale)));
}

// For each pixel of a longer side: the two pixels of the shorter side that it lies between, and their weights.
function between(from, to) {
  const one = 1 << LINEAR_BITS;
  return Array.from({ length: to }, (_, i) => {
    const place = Math.fround((i + 0.5) * (from / to) - 0.5);
    const share = Math.fround(place - Math.floor(place));
    const weights = [Math.fround(1 - share), share].map((w) => rounded(Math.fround(w * one)));
    const [first, second] = [0, 1].map((k) => Math.min(Math.max(Math.floor(place) + k, 0), from - 1));
    return { first, second, weights };
  });
}

function enlarged(plane, [width, height], [wide, high]) {
  const columns = between(width, wide);
  const row = (y) => {
    const levels = new Int32Array(wide);
    for (let x = 0; x < wide; x++) {
      const { first, second, weights } = columns[x];
      levels[x] = (plane[y * width + first] * weights[0] + plane[y * width + second] * weights[1]) >> 4;
    }
    return levels;
  };
  const result = new Uint8ClampedArray(wide * high);
  let rows = new Map();
  between(height, high).forEach(({ first, second, weights: [a, b] }, y) => {
    rows = new Map([first, second].map((at) => [at, rows.get(at) ?? row(at)]));
    const [upper, lower] = [rows.get(first), rows.get(second)];
    for (let x = 0; x < wide; x++) result[y * wide + x] = (((a * upper[x]) >> 16) + ((b * lower[x]) >> 16) + 2) >> 2;
  });
  return result;
}

// For each pixel of a shorter side: the first pixel that it covers, and which share of it each covers.
function covered(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [begin, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const weights = [];
    let first = null;
    for (let k = Math.floor(begin); k < end; k++) {
      const share = Math.min(k + 1, end) - Math.max(k, begin);
      if (share <= LEAST_SHARE) continue;
      first ??= k;
      weights.push(Math.fround(share / (end - begin)));
    }
    return { first, weights };
  });
}

// In single precision, along the rows first, as OpenCV computes.
function reduced(plane, [width, height], [wide, high]) {
  const columns = covered(width, wide);
  const result = new Uint8ClampedArray(wide * high);
  const row = new Float32Array(wide);
  const up = width === 2 * wide && height === 2 * high ? 0.1 : 0; // means of 2 x 2 that end in a half are rounded up
  covered(height, high).forEach(({ first: top, weights: down }, y) => {
    const sums = new Float32Array(wide).fill(up);
    down.forEach((weight, j) => {
      const start = (top + j) * width;
      for (let x = 0; x < wide; x++) {
        const { first, weights } = columns[x];
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum = Math.fround(sum + Math.fround(weights[k] * plane[start + first + k]));
        row[x] = sum;
      }
      for (let x = 0; x < wide; x++) sums[x] += Math.fround(weight * row[x]);
    });
    result.set(sums, y * wide); // which rounds, halves to the even neighbour
  });
  return result;
}

// The prepared page: { data, dims: [1, channels, H, W], size: [width, height] without padding, scale: [x, y] to the page's pixels }.
export function preparedPage(page, preparation) {
  const { channels, quantum_px: quantum, padding_value: padding, mean, std } = preparation;
  const size = scaledSize(preparation, page.width, page.height);
  const from = [page.width, page.height];
  const planes = channels === 1 ? [greyOf(page.planes)] : page.planes.slice(0, 3);
  const [wide, high] = size.map((side) => Math.ceil(side / quantum) * quantum);
  const data = new Float32Array(channels * wide * high).fill((padding - mean) / std);
  const same = size[0] === page.width && size[1] === page.height;
  planes.forEach((plane, c) => {
    const levels = same ? plane : (size[0] < page.width ? reduced : enlarged)(plane, from, size);
    for (let y = 0; y < size[1]; y++) {
      for (let x = 0; x < size[0]; x++) data[(c * high + y) * wide + x] = (levels[y * size[0] + x] - mean) / std;
    }
  });
  return { data, dims: [1, channels, high, wide], size, scale: from.map((side, i) => side / size[i]) };
}

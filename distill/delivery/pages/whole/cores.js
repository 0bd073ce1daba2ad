// The pixels of a locator's maps that belong to cores of lines: `students/pages/cores.py`.

import { STRIDE_PX } from "./preparation.js";

const JUMP = 0.5; // of a height: neighbours whose lines' middles are further apart belong to two lines

// The maps of an output (5, height, width), the direction brought to length 1.
export function mapsOf(data, height, width) {
  const size = height * width;
  const [core, above, below, cosine, sine] = [0, 1, 2, 3, 4].map((i) => data.slice(i * size, (i + 1) * size));
  for (let i = 0; i < size; i++) {
    const length = Math.max(Math.hypot(cosine[i], sine[i]), 1e-6);
    cosine[i] /= length;
    sine[i] /= length;
  }
  return { core, above, below, cosine, sine, height, width };
}

// Clears neighbours of `inside` whose distances say that they belong to two lines.
function comeApart(inside, { above, below, cosine, sine, width }, high, wide) {
  for (const [stepY, stepX] of [[1, 0], [0, 1]]) {
    const apart = [];
    for (let y = 0; y < high - stepY; y++) {
      for (let x = 0; x < wide - stepX; x++) {
        const [here, there] = [y * width + x, (y + stepY) * width + x + stepX];
        if (!inside[here] || !inside[there]) continue;
        const down = (i) => (below[i] - above[i]) / 2; // from the pixel to the middle of its line
        const across = -down(there) * sine[there] + down(here) * sine[here] + stepX * STRIDE_PX;
        const lower = down(there) * cosine[there] - down(here) * cosine[here] + stepY * STRIDE_PX;
        const jump = Math.abs(lower * cosine[here] - across * sine[here]);
        const far = Math.min(above[here] + below[here], above[there] + below[there]) * JUMP;
        if (jump > far) apart.push(here, there);
      }
    }
    for (const i of apart) inside[i] = 0;
  }
}

// What touches, also at corners: a list of places for each, in the order of rows.
function components(inside, width, high, wide) {
  const found = [];
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      if (!inside[y * width + x]) continue;
      const places = [];
      const open = [y * width + x];
      inside[open[0]] = 0;
      while (open.length) {
        const place = open.pop();
        places.push(place);
        const [row, column] = [Math.floor(place / width), place % width];
        for (let v = Math.max(row - 1, 0); v <= Math.min(row + 1, high - 1); v++) {
          for (let u = Math.max(column - 1, 0); u <= Math.min(column + 1, wide - 1); u++) {
            const next = v * width + u;
            if (inside[next]) { inside[next] = 0; open.push(next); }
          }
        }
      }
      found.push(places.sort((a, b) => a - b));
    }
  }
  return found;
}

// The cores on a prepared page of a size: for each its pixels [{ x, y, probability, above, below, cosine, sine }].
export function coresOf(maps, size, least) {
  const [wide, high] = size.map((side) => Math.ceil(side / STRIDE_PX));
  const inside = new Uint8Array(maps.height * maps.width);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) inside[y * maps.width + x] = maps.core[y * maps.width + x] > least ? 1 : 0;
  }
  comeApart(inside, maps, high, wide);
  return components(inside, maps.width, high, wide).map((places) => places.map((i) => ({
    x: ((i % maps.width) + 0.5) * STRIDE_PX,
    y: (Math.floor(i / maps.width) + 0.5) * STRIDE_PX,
    probability: 1 / (1 + Math.exp(-maps.core[i])),
    above: maps.above[i],
    below: maps.below[i],
    cosine: maps.cosine[i],
    sine: maps.sine[i],
  })));
}

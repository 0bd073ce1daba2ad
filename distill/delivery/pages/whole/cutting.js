// A line cut out of its page: `students/pages/cutting.py`, by the cubic interpolation of OpenCV 5.
// A page is { planes, width, height }, and so is a line: its planes are levels, one after the other.

import { rounded } from "../reader.js";
import { perspective } from "./linear.js";

const LEVEL_PX = 1; // four corners so near those of an upright box are one
const BORDER_PX = 2; // how far from a place cubic interpolation looks
const WHITE = 255;
const SHARPNESS = -0.75; // of cubic interpolation

const column = (points, i) => points.map((point) => point[i]);
const least = (points, i) => Math.min(...column(points, i));
const most = (points, i) => Math.max(...column(points, i));
const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

// The pixels of a margin that is a share of a line's height.
export const marginOf = (corners, margin) => rounded(margin * distance(corners[0], corners[3]));

// The line, with its text upright, and a margin around it.
export function cut(page, outline, margin) {
  if (outline.length > 4) return straightened(page, outline, margin);
  const angle = Math.atan2(outline[1][1] - outline[0][1], outline[1][0] - outline[0][0]);
  const quarters = ((rounded(angle / (Math.PI / 2)) % 4) + 4) % 4;
  const [left, top, right, bottom] = [least(outline, 0), least(outline, 1), most(outline, 0), most(outline, 1)];
  const box = [[left, top], [right, top], [right, bottom], [left, bottom]];
  const off = box.map((corner, i) => outline[(i - quarters + 4) % 4].map((px, k) => Math.abs(px - corner[k])));
  if (Math.max(...off.flat()) <= LEVEL_PX) {
    const part = around(page, outline, margin);
    if (part.width && part.height) return turned(part, quarters);
  }
  return warped(page, outline, margin, paperBeyond(page, outline, margin));
}

function around(page, outline, margin) {
  const [left, top] = [0, 1].map((i) => Math.max(Math.floor(least(outline, i)) - margin, 0));
  const [right, bottom] = [page.width, page.height].map((side, i) => Math.min(Math.ceil(most(outline, i)) + margin, side));
  const [width, height] = [Math.max(right - left, 0), Math.max(bottom - top, 0)];
  const planes = page.planes.map((plane) => {
    const part = new Uint8ClampedArray(width * height);
    for (let y = 0; y < height; y++) {
      const start = (top + y) * page.width + left;
      part.set(plane.subarray(start, start + width), y * width);
    }
    return part;
  });
  return { planes, width, height };
}

// A picture turned anticlockwise.
function turned({ planes, width, height }, quarters) {
  if (!quarters) return { planes, width, height };
  const [wide, high] = quarters % 2 ? [height, width] : [width, height];
  const source = {
    1: (x, y) => x * width + width - 1 - y,
    2: (x, y) => (height - 1 - y) * width + width - 1 - x,
    3: (x, y) => (height - 1 - x) * width + y,
  }[quarters];
  return { planes: planes.map((plane) => plane.map((_, i) => plane[source(i % wide, Math.floor(i / wide))])), width: wide, height: high };
}

// The weights of four pixels in a row, for a place that lies `x` behind the second; put into `weights`.
function weigh(x, weights) {
  const near = (t) => ((SHARPNESS + 2) * t - (SHARPNESS + 3)) * t * t + 1;
  weights[0] = ((SHARPNESS * (x + 1) - 5 * SHARPNESS) * (x + 1) + 8 * SHARPNESS) * (x + 1) - 4 * SHARPNESS;
  weights[1] = near(x);
  weights[2] = near(1 - x);
  weights[3] = 1 - weights[0] - weights[1] - weights[2];
}

// A picture of width x height whose pixel (x, y) shows the place of the page that `placeOf` puts into its third argument;
// `paper` beyond the page.
function sampledFrom(page, width, height, placeOf, paper) {
  const planes = page.planes.map(() => new Uint8ClampedArray(width * height));
  const [place, across, down] = [2, 4, 4].map((n) => new Float64Array(n));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      placeOf(x, y, place);
      const [left, top] = [Math.floor(place[0]), Math.floor(place[1])];
      weigh(place[0] - left, across);
      weigh(place[1] - top, down);
      for (let c = 0; c < planes.length; c++) {
        let sum = 0;
        for (let j = 0; j < 4; j++) {
          const v = top - 1 + j;
          for (let i = 0; i < 4; i++) {
            const u = left - 1 + i;
            const inside = u >= 0 && v >= 0 && u < page.width && v < page.height;
            sum += down[j] * across[i] * (inside ? page.planes[c][v * page.width + u] : paper[c]);
          }
        }
        planes[c][y * width + x] = sum; // which rounds and clamps
      }
    }
  }
  return { planes, width, height };
}

function warped(page, frame, margin, paper) {
  const sides = frame.map((corner, i) => distance(corner, frame[(i + 1) % 4]));
  const width = Math.max(1, rounded(Math.max(sides[0], sides[2])));
  const height = Math.max(1, rounded(Math.max(sides[1], sides[3])));
  const to = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([x, y]) => [x * width, y * height].map((px) => px + margin - 0.5));
  const from = frame.map((corner) => corner.map((px) => Math.fround(px - 0.5)));
  const placeOf = perspective(to, from); // from the rectangle to the page
  return sampledFrom(page, width + 2 * margin, height + 2 * margin, placeOf, paper);
}

// A line that bends as a rectangle as long as its middle and as high as it is on average.
function straightened(page, outline, margin) {
  const half = outline.length / 2;
  const [top, bottom] = [outline.slice(0, half), outline.slice(half).reverse()];
  const middle = top.map((point, i) => point.map((px, k) => (px + bottom[i][k]) / 2));
  const along = [0];
  for (let i = 1; i < half; i++) along.push(along[i - 1] + distance(middle[i - 1], middle[i]));
  const long = along[half - 1];
  const width = Math.max(1, rounded(long));
  const height = Math.max(1, rounded(top.reduce((sum, point, i) => sum + distance(point, bottom[i]), 0) / half));
  const ends = Array.from({ length: width + 2 * margin }, (_, x) => {
    const place = (x - margin + 0.5) * (long / width);
    return [top, bottom].map((edge) => pointAt(place, along, edge));
  });
  const placeOf = (x, y, place) => {
    const share = (y - margin + 0.5) / height;
    for (const i of [0, 1]) place[i] = Math.fround((1 - share) * ends[x][0][i] + share * ends[x][1][i] - 0.5);
  };
  return sampledFrom(page, width + 2 * margin, height + 2 * margin, placeOf, paperBeyond(page, outline, margin));
}

// The point that is so far along an edge; beyond its ends it goes on as it ends.
function pointAt(place, along, edge) {
  let first = 0;
  while (first < along.length - 2 && along[first + 1] < place) first++;
  const share = (place - along[first]) / Math.max(along[first + 1] - along[first], 1e-6);
  return edge[first].map((px, i) => px * (1 - share) + edge[first + 1][i] * share);
}

// The paper of a line that may reach beyond the page; any value for one that is well inside.
function paperBeyond(page, outline, margin) {
  const reach = 2 * margin + BORDER_PX;
  const inside = outline.flat().every((px) => px >= reach)
    && most(outline, 0) <= page.width - reach && most(outline, 1) <= page.height - reach;
  return inside ? page.planes.map(() => WHITE) : paperOf(page, outline);
}

// The median level of each plane within an outline; white where the page has no pixel there.
function paperOf(page, outline) {
  const [left, top] = [0, 1].map((i) => Math.max(Math.floor(least(outline, i)), 0));
  const part = around(page, outline, 0);
  const inside = within(outline.map(([x, y]) => [rounded(x - left), rounded(y - top)]), part.width, part.height);
  return part.planes.map((plane) => {
    const levels = plane.filter((_, i) => inside[i]).sort();
    if (!levels.length) return WHITE;
    return Math.floor((levels[(levels.length - 1) >> 1] + levels[levels.length >> 1]) / 2);
  });
}

// 1 for the pixels of width x height that lie within points or on the lines between them.
function within(points, width, height) {
  const inside = new Uint8Array(width * height);
  const put = (x, y) => { if (x >= 0 && y >= 0 && x < width && y < height) inside[y * width + x] = 1; };
  const edges = points.map((a, i) => [a, points[(i + 1) % points.length]]);
  for (let y = 0; y < height; y++) {
    const crossings = edges.filter(([a, b]) => (a[1] <= y) !== (b[1] <= y))
      .map(([a, b]) => a[0] + ((y - a[1]) * (b[0] - a[0])) / (b[1] - a[1])).sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      for (let x = Math.max(Math.ceil(crossings[k]), 0); x <= Math.min(crossings[k + 1], width - 1); x++) put(x, y);
    }
  }
  for (const [a, b] of edges) {
    const steps = Math.max(Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1]), 1);
    for (let k = 0; k <= steps; k++) put(...[0, 1].map((i) => Math.round(a[i] + ((b[i] - a[i]) * k) / steps)));
  }
  return inside;
}

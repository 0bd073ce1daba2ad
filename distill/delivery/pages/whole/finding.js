// From a locator's maps to the lines of a page: `students/pages/finding.py`. Every core is widened to its line's edges.

import { bentOutline } from "./bends.js";
import { coresOf } from "./cores.js";
import { greyOf, parted } from "./gaps.js";
import { STRIDE_PX } from "./preparation.js";

const OUTLYING = 0.25; // of a height: what says that an edge is so far from where most say is left out
const LEVER = 1; // of a height: edges of a shorter core are parallel to its direction
const BENT = 0.04; // of a height: straight edges that pixels miss by more on average may be those of a curved line
const SHRINK = 0.25; // of a line's height: what its core was shrunk by on each side

function mean(values, weights) {
  let [sum, weight] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i] * weights[i];
    weight += weights[i];
  }
  return sum / Math.max(weight, 1e-9);
}

// The straight line through what pixels say of an edge, then through those that do not stand out.
function edgeOf(along, across, probabilities, height) {
  let weights = probabilities;
  let centre, level, slope, rest;
  for (const last of [false, true]) {
    [centre, level] = [mean(along, weights), mean(across, weights)];
    const a = along.map((value) => value - centre);
    const spread = mean(a.map((value) => value * value), weights);
    const rise = mean(a.map((value, i) => value * (across[i] - level)), weights);
    const isLong = spread * 12 > (LEVER * height) ** 2; // a core of length l has a spread of l * l / 12
    slope = isLong ? rise / Math.max(spread, 1e-9) : 0;
    rest = across.map((value, i) => value - level - slope * a[i]);
    if (!last) weights = weights.map((weight, i) => (Math.abs(rest[i]) <= OUTLYING * height ? weight : 0));
  }
  const missed = Math.sqrt(mean(rest.map((value) => value * value), probabilities));
  return { at: (place) => level + slope * (place - centre), missed };
}

// A map at a point of the prepared page, between its pixels' centres by bilinear interpolation.
function sampled({ core, width, height }, x, y) {
  const inside = (place, most) => Math.min(Math.max(place / STRIDE_PX - 0.5, 0), most);
  const [column, row] = [inside(x, width - 1), inside(y, height - 1)];
  const [left, top] = [Math.floor(column), Math.floor(row)];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const at = (v) => core[v * width + left] * (1 - (column - left)) + core[v * width + right] * (column - left);
  return at(top) * (1 - (row - top)) + at(bottom) * (row - top);
}

// How far a core reaches along a way: to between its last pixels and the next ones, where the logit crosses `least`.
function reach(pixels, along, [wayX, wayY], maps, least) {
  const last = along.reduce((a, b) => Math.max(a, b), -Infinity);
  const ends = [];
  pixels.forEach(({ x, y }, i) => {
    if (along[i] <= last - STRIDE_PX) return;
    const here = sampled(maps, x, y) - least;
    const beyond = sampled(maps, x + STRIDE_PX * wayX, y + STRIDE_PX * wayY) - least;
    if (beyond >= 0) return; // further pixels of the same core are beyond the others
    ends.push(along[i] + STRIDE_PX * Math.min(Math.max(here / Math.max(here - beyond, 1e-6), 0), 1));
  });
  return ends.length ? ends.reduce((a, b) => a + b, 0) / ends.length : last + STRIDE_PX / 2;
}

// The line of one core on the prepared page, { corners, polygon, found }; null for one that is left out.
function lineOf(pixels, maps, finding, least) {
  const weights = pixels.map((pixel) => pixel.probability);
  const found = mean(weights, weights.map(() => 1));
  const way = ["cosine", "sine"].map((name) => mean(pixels.map((pixel) => pixel[name]), weights));
  const length = Math.max(Math.hypot(...way), 1e-6);
  const [cosine, sine] = way.map((part) => part / length);
  const along = pixels.map(({ x, y }) => x * cosine + y * sine);
  const across = pixels.map(({ x, y }) => y * cosine - x * sine);
  const thick = mean(pixels.map(({ above, below }) => above + below), weights);
  const upper = edgeOf(along, across.map((value, i) => value - pixels[i].above), weights, thick);
  const lower = edgeOf(along, across.map((value, i) => value + pixels[i].below), weights, thick);
  const begin = -reach(pixels, along.map((place) => -place), [-cosine, -sine], maps, least);
  const end = reach(pixels, along, [cosine, sine], maps, least);
  const middle = (begin + end) / 2;
  const height = lower.at(middle) - upper.at(middle);
  if (found < finding.found || height < finding.least_height_px) return null;
  const half = Math.min(end - begin + 2 * SHRINK * height, (end - begin) / (1 - 2 * SHRINK)) / 2;
  const places = [[upper, middle - half], [upper, middle + half], [lower, middle + half], [lower, middle - half]];
  const corners = places.map(([edge, place]) => [
    place * cosine - edge.at(place) * sine,
    place * sine + edge.at(place) * cosine,
  ]);
  const mayBend = Math.max(upper.missed, lower.missed) > BENT * height && half > height;
  const polygon = (mayBend && bentOutline(pixels, [cosine, sine], half, finding.curved)) || corners;
  return { corners, polygon, found };
}

// Lines with those that wide gaps part in their parts; a curved line stays whole.
function partedAtGaps(lines, { core, width, height }, prepared, finding) {
  const grey = greyOf(prepared);
  return lines.flatMap((line) => (line.polygon !== line.corners ? [line]
    : parted(line.corners, { levels: core, width, height }, grey, finding)
      .map((corners) => ({ corners, polygon: corners, found: line.found }))));
}

// The lines that maps show, in no order: { corners, polygon, box, found } in pixels of the page, as `FoundLine` has them.
export function findLines(maps, prepared, finding) {
  const least = Math.log(finding.core / (1 - finding.core));
  const onPage = (points) => points.map((point) => point.map((px, i) => px * prepared.scale[i]));
  const sides = prepared.size.map((side, i) => side * prepared.scale[i]);
  const lines = coresOf(maps, prepared.size, least)
    .map((pixels) => lineOf(pixels, maps, finding, least))
    .filter(Boolean);
  return (finding.gap ? partedAtGaps(lines, maps, prepared, finding) : lines)
    .map(({ corners, polygon, found }) => {
      const points = onPage(polygon);
      const box = [Math.min, Math.max].flatMap((end) => [0, 1].map((i) => (
        Math.min(Math.max(end(...points.map((point) => point[i])), 0), sides[i]))));
      return { corners: onPage(corners), polygon: points, box, found };
    });
}

// The outline of a line that bends: `students/pages/bends.py`.

import { solved } from "./linear.js";

const MOST_STATIONS = 17; // points along the top, and along the bottom
const STATION = 1.5; // of a height: points are about so far apart
const DEGREE = 3; // of the polynomial through the middle of a line

// The coefficients, lowest power first, of the polynomial with the least squared distance from values.
function fitted(places, values, degree) {
  const powers = places.map((x) => Array.from({ length: degree + 1 }, (_, k) => x ** k));
  const sums = (of) => powers.reduce((total, row, i) => total + of(row, i), 0);
  const each = Array.from({ length: degree + 1 }, (_, k) => k);
  return solved(each.map((j) => each.map((k) => sums((row) => row[j] * row[k]))), each.map((j) => sums((row, i) => row[j] * values[i])));
}

const at = (coefficients, x) => coefficients.reduceRight((sum, c) => sum * x + c, 0);
const slopeAt = (coefficients, x) => at(coefficients.slice(1).map((c, k) => c * (k + 1)), x);
const spaced = (first, last, n) => Array.from({ length: n }, (_, i) => first + ((last - first) * i) / (n - 1));

// Points of the outline on the prepared page, half of them along the top, clockwise; null for a line that is straight.
export function bentOutline(pixels, [cosine, sine], half, curved) {
  const middles = pixels.map((pixel) => {
    const down = (pixel.below - pixel.above) / 2;
    return [pixel.x - down * pixel.sine, pixel.y + down * pixel.cosine];
  });
  const places = middles.map(([x, y]) => x * cosine + y * sine);
  const [first, last] = [Math.min, Math.max].map((end) => places.reduce((a, b) => end(a, b)));
  const centre = (first + last) / 2;
  const along = places.map((place) => (place - centre) / half);
  const across = fitted(along, middles.map(([x, y]) => y * cosine - x * sine), DEGREE);
  const height = fitted(along, pixels.map((pixel) => pixel.above + pixel.below), 1);
  const ends = [first, last].map((place) => (place - centre) / half);
  const [begin, end] = ends.map((place) => at(across, place));
  const off = spaced(...ends, MOST_STATIONS).map((place) => (
    Math.abs(at(across, place) - begin - ((end - begin) * (place - ends[0])) / (ends[1] - ends[0]))));
  if (Math.max(...off) <= curved * at(height, 0)) return null;
  const n = Math.min(Math.max(Math.ceil((2 * half) / (STATION * at(height, 0)) + 1), 3), MOST_STATIONS);
  const edge = (side) => spaced(-1, 1, n).map((place) => {
    const slope = slopeAt(across, place) / half;
    const reach = (side * Math.max(at(height, place), 1)) / 2 / Math.hypot(slope, 1);
    const [x, y] = [centre + place * half - slope * reach, at(across, place) + reach];
    return [x * cosine - y * sine, x * sine + y * cosine];
  });
  return [...edge(-1), ...edge(1).reverse()];
}

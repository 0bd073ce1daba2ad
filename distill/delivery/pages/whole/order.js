// The order in which the lines of a page are read: `students/pages/order.py`, which says why.
// A part is a line, or lines of one row: { lines, left, right, atLeft, atRight, height }.

import { ascending, quantile } from "./numbers.js";

const CLOSE = 0.8; // of a height: parts of a row that are no further apart are words of one line
const SAME_ROW = 0.5; // of the smaller height: the middles of parts of one row are no further apart
const GUTTER = 0.6; // of the median height: columns are at least so far apart
const STRAY = 0.05; // of the lines of a column: so many may reach into the gutter
const COLUMN_ROWS = 3; // on either side of a gutter
const [RUNNING, NARROW] = [8, 5.5]; // of its height: half of the lines of running text are longer; in a long, narrow column
const LONG_COLUMN = 12; // lines
const FULL = 0.6; // of the longest: half of the lines of running text are longer
const [FAR, BEGINS] = [3, [1, 0.5]]; // of a height: lines so far below begin at the same place, the nearer the surer it is
const MOST = 2000; // segments of a block that is searched for columns
const BESIDE = 0.25; // of the lines of a column: if so many stand level with one of the other, these may be rows of a table

const middleOf = (part) => (part.atLeft + part.atRight) / 2;
const upperMedian = (numbers) => ascending(numbers)[Math.floor(numbers.length / 2)];

function median(numbers) {
  const sorted = ascending(numbers);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.floor(sorted.length / 2)]) / 2;
}

// The numbers of the lines in the order of reading, by their corners, clockwise from the text's top left.
export function readingOrder(corners, rightToLeft = false) {
  if (!corners.length) return [];
  const segments = rowsOf(partsOf(corners, rightToLeft)).flatMap((row) => runsOf(row).map(joined));
  return ordered(upright(segments)).flatMap((segment) => segment.lines);
}

// Every line as a part, once most of the text is level. A line that stands upright on it is as wide as its box.
function partsOf(corners, rightToLeft) {
  const sum = [0, 1].map((i) => corners.reduce((total, [a, b, c, d]) => total + b[i] - a[i] + c[i] - d[i], 0));
  const [cosine, sine] = sum.map((part) => part / Math.max(Math.hypot(...sum), 1e-9));
  return corners.map((line, number) => {
    let level = line.map(([x, y]) => [x * cosine + y * sine, y * cosine - x * sine]);
    if (rightToLeft) level = [1, 0, 3, 2].map((i) => [-level[i][0], level[i][1]]);
    const [xs, ys] = [0, 1].map((i) => level.map((point) => point[i]));
    const lies = xs[1] - xs[0] > Math.abs(ys[1] - ys[0]);
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    return {
      lines: [number],
      left: lies ? (xs[0] + xs[3]) / 2 : Math.min(...xs),
      right: lies ? (xs[1] + xs[2]) / 2 : Math.max(...xs),
      atLeft: lies ? (ys[0] + ys[3]) / 2 : (top + bottom) / 2,
      atRight: lies ? (ys[1] + ys[2]) / 2 : (top + bottom) / 2,
      height: lies ? Math.abs(ys[3] - ys[0]) : bottom - top,
    };
  });
}

// Parts with their columns upright: the median of how far lines are moved from the one above is how columns lean, and
// lines far below that begin there, too, say it better.
function upright(parts) {
  if (parts.length < 2 * COLUMN_ROWS || parts.length > MOST) return parts;
  const leans = parts.flatMap((part) => {
    let nearest = null;
    for (const other of parts) {
      const [down, aside] = [middleOf(other) - middleOf(part), other.left - part.left];
      const below = down > part.height / 2 && Math.abs(aside) < Math.min(down, 2 * part.height);
      if (below && (nearest === null || down < nearest.down)) nearest = { down, aside };
    }
    return nearest ? [nearest.aside / nearest.down] : [];
  });
  if (leans.length < COLUMN_ROWS) return parts;
  let lean = median(leans);
  for (const near of BEGINS) {
    let [moved, squared] = [0, 0];
    for (const part of parts) {
      for (const other of parts) {
        const [down, aside] = [middleOf(other) - middleOf(part), other.left - part.left];
        if (down <= FAR * part.height || Math.abs(aside - lean * down) >= near * part.height) continue;
        moved += aside * down;
        squared += down * down;
      }
    }
    if (squared) lean = moved / squared;
  }
  return parts.map((part) => ({ ...part, left: part.left - lean * middleOf(part), right: part.right - lean * middleOf(part) }));
}

// Parts of one row together, from left to right; rows from top to bottom.
function rowsOf(parts) {
  const after = neighbours(parts);
  const behind = new Set(after.values());
  const begins = parts.map((_, i) => i).filter((i) => !behind.has(i));
  begins.sort((a, b) => middleOf(parts[a]) - middleOf(parts[b]) || parts[a].left - parts[b].left);
  const rows = begins.map((begin) => {
    const row = [];
    for (let i = begin; i !== undefined; i = after.get(i)) row.push(parts[i]);
    return row;
  });
  const height = new Map(rows.map((row) => [row, row.reduce((sum, part) => sum + middleOf(part), 0) / row.length]));
  return rows.sort((a, b) => height.get(a) - height.get(b));
}

// The part that goes on the row of each: the nearest on its right that is level with it and has none nearer on its left.
function neighbours(parts) {
  const next = parts.map(() => ({ gap: Infinity, part: -1 }));
  const back = parts.map(() => ({ gap: Infinity, part: -1 }));
  parts.forEach((part, i) => {
    parts.forEach((other, j) => {
      const { gap, off } = apart(part, other);
      if (!(off < SAME_ROW && gap > -1 && other.left + other.right > part.left + part.right)) return;
      if (gap < next[i].gap) next[i] = { gap, part: j };
      if (gap < back[j].gap) back[j] = { gap, part: i };
    });
  });
  return new Map(next.flatMap(({ part }, i) => (part >= 0 && back[part].part === i ? [[i, part]] : [])));
}

// How far a part begins behind the end of another, and how far off its row, in heights of the smaller one.
function apart(before, after) {
  const rise = before.atRight - before.atLeft + after.atRight - after.atLeft;
  const slope = rise / Math.max(before.right - before.left + after.right - after.left, 1e-9);
  const gap = after.left - before.right;
  const height = Math.max(Math.min(before.height, after.height), 1e-9);
  return { gap: gap / height, off: Math.abs(after.atLeft - before.atRight - slope * gap) / height };
}

// A row in runs of parts that stand close together.
function runsOf(row) {
  const runs = [[row[0]]];
  for (const part of row.slice(1)) {
    const run = runs[runs.length - 1];
    const before = run[run.length - 1];
    if (part.left - before.right <= CLOSE * Math.min(part.height, before.height)) run.push(part);
    else runs.push([part]);
  }
  return runs;
}

const joined = (run) => run.reduce((whole, part) => ({
  ...whole,
  lines: [...whole.lines, ...part.lines],
  right: part.right,
  atRight: part.atRight,
  height: Math.max(whole.height, part.height),
}));

function ordered(block) {
  const columns = columnsOf(block);
  return columns ? columns.flatMap((some) => (some.length ? ordered(some) : [])) : rowsOf(block).flat();
}

// A block in four: above the longest pair of columns, the left one, the right one, below; null where none is.
function columnsOf(block) {
  if (block.length < 2 * COLUMN_ROWS || block.length > MOST) return null;
  const rows = rowsOf(block);
  const wide = GUTTER * median(block.map((part) => part.height));
  for (const { place, first, last } of stretches(rows, gutters(block, wide))) {
    const some = rows.slice(first, last).flat();
    const left = some.filter((part) => part.right <= place);
    const right = some.filter((part) => part.left >= place);
    if (areColumns(left, right, wide)) return [rows.slice(0, first).flat(), left, right, rows.slice(last).flat()];
  }
  return null;
}

// Places along the rows where a column could begin: at the left edge of a segment with another on its left.
function gutters(block, wide) {
  const lefts = ascending(new Set(block.map((part) => part.left)));
  return lefts.filter((left, i) => i === 0 || left - lefts[i - 1] > wide / 4).slice(1).map((left) => left - wide / 4);
}

// Places, and from which row to which no segment crosses them; those with the most segments first.
function stretches(rows, places) {
  const found = [];
  for (const place of places) {
    let [first, parts] = [0, 0];
    rows.forEach((row, r) => {
      const crossed = row.some((part) => part.left < place && place < part.right);
      if (crossed && r - first >= COLUMN_ROWS) found.push({ parts, place, first, last: r });
      [first, parts] = crossed ? [r + 1, 0] : [first, parts + row.length];
    });
    if (rows.length - first >= COLUMN_ROWS) found.push({ parts, place, first, last: rows.length });
  }
  return found.sort((a, b) => b.parts - a.parts);
}

// Whether two sides are read one after the other: running text, or lines that do not stand level in rows.
function areColumns(left, right, wide) {
  if (Math.min(left.length, right.length) < COLUMN_ROWS) return false;
  const gap = quantile(right.map((part) => part.left), STRAY) - quantile(left.map((part) => part.right), 1 - STRAY);
  if (gap < wide) return false;
  if (isRunning(left) && isRunning(right)) return true;
  const level = (before, after) => apart(before, after).off < SAME_ROW;
  const fewer = left.length <= right.length ? left : right;
  const beside = left.length <= right.length
    ? left.filter((part) => right.some((other) => level(part, other)))
    : right.filter((part) => left.some((other) => level(other, part)));
  return beside.length / fewer.length < BESIDE;
}

// Whether most lines of a column are long, and about as long as its longest.
function isRunning(column) {
  const widths = column.map((part) => part.right - part.left);
  const shapes = column.map((part, i) => widths[i] / Math.max(part.height, 1e-9));
  return upperMedian(widths) > FULL * widths.reduce((a, b) => Math.max(a, b), 0)
    && upperMedian(shapes) > (column.length < LONG_COLUMN ? RUNNING : NARROW);
}

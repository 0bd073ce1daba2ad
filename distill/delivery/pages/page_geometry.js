// Outlines of lines on a page: points [x, y] in pixels of the page, from the text's top left, clockwise.
"use strict";
const LEAST_PX = 3;

function boxOf(points) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function cornersOf([x0, y0, x1, y1]) {
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

function isBox(points) {
  return points.length === 4 && cornersOf(boxOf(points)).every(([x, y], i) => x === points[i][0] && y === points[i][1]);
}

function onPage([x, y], { width, height }) {
  return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)].map(rounded);
}

function rounded(px) {
  return Math.round(10 * px) / 10;
}

function isConvex(points) {
  const turns = points.map(([x, y], i) => {
    const [bx, by] = points[(i + 1) % points.length], [cx, cy] = points[(i + 2) % points.length];
    return (bx - x) * (cy - by) - (by - y) * (cx - bx);
  });
  return turns.every(turn => turn > 0);
}

// moved as far as the page reaches
function moved(points, dx, dy, page) {
  const [x0, y0, x1, y1] = boxOf(points);
  dx = Math.max(-x0, Math.min(dx, page.width - x1));
  dy = Math.max(-y0, Math.min(dy, page.height - y1));
  return points.map(([x, y]) => [rounded(x + dx), rounded(y + dy)]);
}

// one point moved; a box stays one unless it is `free`; null where its sides would cross or it would be empty
function reshaped(points, which, to, free, page) {
  const [x, y] = onPage(to, page);
  if (isBox(points) && !free) {
    const [fixedX, fixedY] = points[(which + 2) % 4];
    const wanted = cornersOf(boxOf([[x, y], [fixedX, fixedY]]));
    const [x0, y0, x1, y1] = boxOf(wanted);
    const turned = (x - fixedX) * (points[which][0] - fixedX) < 0 || (y - fixedY) * (points[which][1] - fixedY) < 0;
    return turned || x1 - x0 < LEAST_PX || y1 - y0 < LEAST_PX ? null : wanted;
  }
  const wanted = points.map((point, i) => (i === which ? [x, y] : point));
  return points.length === 4 && isConvex(points) && !isConvex(wanted) ? null : wanted;
}

// one side moved across itself; null where nothing would be left
function sideMoved(points, which, [dx, dy], page) {
  const after = (which + 1) % points.length, [[ax, ay], [bx, by]] = [points[which], points[after]];
  const length = Math.max(distance(points[which], points[after]), 1e-9);
  const [nx, ny] = [(by - ay) / length, (ax - bx) / length], out = dx * nx + dy * ny;
  const wanted = points.map(([x, y], i) => (i === which || i === after ? onPage([x + out * nx, y + out * ny], page) : [x, y]));
  const [x0, y0, x1, y1] = boxOf(wanted);
  return !isConvex(wanted) || x1 - x0 < LEAST_PX || y1 - y0 < LEAST_PX ? null : wanted;
}

function between([ax, ay], [bx, by], share) {
  return [rounded(ax + (bx - ax) * share), rounded(ay + (by - ay) * share)];
}

// top and bottom edge, both from the text's left to its right; of an odd number of points the rectangle around them
function edgesOf(points) {
  const even = points.length % 2 ? cornersOf(boxOf(points)) : points;
  return [even.slice(0, even.length / 2), even.slice(even.length / 2).reverse()];
}

// the middles of a line's left and right end
function endsOf(points) {
  const [top, bottom] = edgesOf(points);
  return [between(top[0], bottom[0], 0.5), between(top.at(-1), bottom.at(-1), 0.5)];
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(bx - ax, by - ay);
}

// how far along a line each of its pairs of points lies, 0 to 1
function places([top, bottom]) {
  const middles = top.map((point, i) => between(point, bottom[i], 0.5));
  const along = [0];
  for (let i = 1; i < middles.length; i += 1) along.push(along[i - 1] + distance(middles[i - 1], middles[i]));
  return along.map(px => px / Math.max(along[along.length - 1], 1e-9));
}

// the outline from one share of a line's length to another
function partOf(points, begin, end) {
  const edges = edgesOf(points), along = places(edges);
  const at = (edge, share) => {
    const i = Math.min(Math.max(along.findIndex(place => place >= share), 1), along.length - 1);
    return between(edge[i - 1], edge[i], (share - along[i - 1]) / Math.max(along[i] - along[i - 1], 1e-9));
  };
  const [top, bottom] = edges.map(edge =>
    [at(edge, begin), ...edge.filter((_, i) => along[i] > begin && along[i] < end), at(edge, end)]);
  return [...top, ...bottom.reverse()];
}

function splitAlong(points, share) {
  return [partOf(points, 0, share), partOf(points, share, 1)];
}

// upper and lower half of the height
function splitRows(points) {
  const [top, bottom] = edgesOf(points);
  const middle = top.map((point, i) => between(point, bottom[i], 0.5));
  return [[...top, ...[...middle].reverse()], [...middle, ...[...bottom].reverse()]];
}

// how far along a line a point lies, 0 to 1
function shareAt(points, [x, y]) {
  const [top, bottom] = edgesOf(points), along = places([top, bottom]);
  const middles = top.map((point, i) => between(point, bottom[i], 0.5));
  let best = [Infinity, 0.5];
  for (let i = 1; i < middles.length; i += 1) {
    const [[ax, ay], [bx, by]] = [middles[i - 1], middles[i]];
    const length = Math.max((bx - ax) ** 2 + (by - ay) ** 2, 1e-9);
    const share = Math.min(Math.max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0), 1);
    const off = distance([x, y], [ax + share * (bx - ax), ay + share * (by - ay)]);
    if (off < best[0]) best = [off, along[i - 1] + share * (along[i] - along[i - 1])];
  }
  return best[1];
}

// one outline around two: a box of boxes; edges one after the other of lines that follow each other; else a rectangle
function joined(points, others) {
  if (isBox(points) && isBox(others)) return cornersOf(boxOf([...points, ...others]));
  const [top, bottom] = edgesOf(points);
  const [begin, end] = endsOf(points);
  const length = Math.max(distance(begin, end), 1e-9);
  const [ux, uy] = [(end[0] - begin[0]) / length, (end[1] - begin[1]) / length];
  const along = set => set.map(([x, y]) => (x - begin[0]) * ux + (y - begin[1]) * uy);
  const [own, other] = [along(points), along(others)];
  const [before, after] = Math.min(...own) <= Math.min(...other) ? [points, others] : [others, points];
  if (Math.max(...along(before)) <= Math.min(...along(after)) + 0.2 * distance(top[0], bottom[0])) {
    const [topA, bottomA] = edgesOf(before), [topB, bottomB] = edgesOf(after);
    return [...topA, ...topB, ...[...bottomA, ...bottomB].reverse()];
  }
  const all = [...points, ...others], across = all.map(([x, y]) => (y - begin[1]) * ux - (x - begin[0]) * uy);
  const [a0, a1, b0, b1] = [Math.min(...own, ...other), Math.max(...own, ...other), Math.min(...across), Math.max(...across)];
  return [[a0, b0], [a1, b0], [a1, b1], [a0, b1]]
    .map(([a, b]) => [rounded(begin[0] + a * ux - b * uy), rounded(begin[1] + a * uy + b * ux)]);
}

// where in the reading order a new line goes: after what stands left of it in its row, else after what stands above
function placeFor(points, lines) {
  const [x0, y0, x1, y1] = boxOf(points);
  const boxes = lines.map(line => boxOf(line.points));
  const shared = (a0, a1, b0, b1) => Math.min(a1, b1) - Math.max(a0, b0);
  const inRow = boxes.map(([, by0, , by1]) => shared(y0, y1, by0, by1) > 0.5 * Math.min(y1 - y0, by1 - by0));
  const best = (fits, score) => boxes.reduce((found, box, i) =>
    (fits(box, i) && (found < 0 || score(box) > score(boxes[found])) ? i : found), -1);
  const left = best(([bx0, , bx1], i) => inRow[i] && bx0 + bx1 < x0 + x1, box => box[0]);
  if (left >= 0) return left + 1;
  const right = best(([bx0, , bx1], i) => inRow[i] && bx0 + bx1 >= x0 + x1, box => -box[0]);
  if (right >= 0) return right;
  const above = best(([bx0, by0, bx1, by1]) => by0 + by1 < y0 + y1 && shared(x0, x1, bx0, bx1) > 0, box => box[1] + box[0] * 1e-6);
  if (above >= 0) return above + 1;
  const below = best(([, by0, , by1]) => by0 + by1 >= y0 + y1, box => -box[1]);
  return below >= 0 ? below : lines.length;
}

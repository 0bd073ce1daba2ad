// From a picture file to a page that was read. What is too large for a phone is scaled down first, and that is said.

import { bitmapOf, pixelsOf } from "../picture.js";

const MOST_PIXELS = 16_000_000; // of a picture: with more, phones run out of memory

// The page as read, in pixels of the picture itself where that was scaled down.
function inPixelsOf({ width, height }, page) {
  const scale = [width / page.width, height / page.height];
  const scaled = (points) => points.map((point) => point.map((px, i) => Math.round(px * scale[i % 2] * 100) / 100));
  const lines = page.lines.map((line) => ({
    ...line,
    polygon: scaled(line.polygon),
    box: scaled([line.box])[0],
    characters: line.characters.map((character) => ({ ...character, polygon: scaled(character.polygon) })),
  }));
  return { ...page, width, height, lines };
}

// Reads a picture file, by `reader.read`: { page, note }, the note where it was scaled down to `most` pixels.
export async function readPicture(reader, blob, tell, most = MOST_PIXELS) {
  tell({ step: "opening" });
  const picture = await bitmapOf(blob);
  const { width, height } = picture.bitmap;
  const scale = Math.min(1, Math.sqrt(most / (width * height)));
  const size = [width, height].map((side) => Math.max(1, Math.floor(side * scale)));
  const pixels = pixelsOf(picture, undefined, size);
  picture.bitmap.close();
  const page = await reader.read(pixels, tell);
  if (scale === 1) return { page };
  const note = `The picture has ${width} x ${height} pixels and was read at ${size.join(" x ")}: very small print may be lost.`;
  return { page: inPixelsOf({ width, height }, page), note };
}

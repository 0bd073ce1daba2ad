// What users hold as pictures: decoded as the Python reader decodes them, in a page or in a worker.

import { bitsOf, expectLevels } from "./reader.js";

// A bitmap as shown, EXIF applied, and the bits that a channel of its file has. Throws for what is no picture.
export async function bitmapOf(blob) {
  const bits = bitsOf(new Uint8Array(await blob.slice(0, 32).arrayBuffer()));
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" };
  const bitmap = await createImageBitmap(blob, options).catch((error) => {
    throw new Error(`it is damaged, or too large for this browser (${error.message ?? error})`);
  });
  return { bitmap, bits };
}

// The pixels of a bitmap, or of a part of it, scaled to `size` where one is given.
export function pixelsOf({ bitmap, bits }, box, size) {
  const { x, y, width, height } = box ?? { x: 0, y: 0, width: bitmap.width, height: bitmap.height };
  const [wide, high] = size ?? [width, height];
  const context = new OffscreenCanvas(wide, high).getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, width, height, 0, 0, wide, high);
  const pixels = context.getImageData(0, 0, wide, high);
  if (bits === 16 && !box) expectLevels(pixels);
  return pixels;
}

import type { Bidi, ModelFiles, Runtime } from "./index.js";

export type Point = [x: number, y: number];

/** A character on the page, in pixels of the picture. */
export interface PageCharacter {
  text: string;
  confidence: number;
  polygon: Point[];
}

/** A line, in pixels of the picture. `found` is how sure the locator is, `problem` says why a line was not read. */
export interface PageLine {
  polygon: Point[];
  box: [left: number, top: number, right: number, bottom: number];
  text: string;
  confidence: number;
  found: number;
  review: boolean;
  characters: PageCharacter[];
  problem?: string;
}

/** A page; its lines come in reading order. */
export interface Page {
  width: number;
  height: number;
  text: string;
  lines: PageLine[];
}

export type Progress = { step: "opening" | "locating" } | { step: "reading"; line: number; lines: number };

export interface PageReader {
  /**
   * Reads a page: a PNG, JPEG, WebP or BMP file, or pixels. A file of more than `mostPixels` (16 million) is scaled down
   * first, which `note` says. It takes a second or more: call it in a worker where the page should not stand still.
   */
  read(
    picture: Blob | ImageData,
    options?: { tell?: (progress: Progress) => void; mostPixels?: number },
  ): Promise<{ page: Page; note?: string }>;
}

/** Opens the models of this package, or others. */
export function openPageReader(
  ort: Runtime,
  options?: { locator?: Required<ModelFiles>; recogniser?: Required<ModelFiles>; bidi?: Bidi },
): Promise<PageReader>;

/** What is needed of onnxruntime-web: `import * as ort from "onnxruntime-web/wasm"`. */
export interface Runtime {
  InferenceSession: { create(model: ArrayBuffer, options?: object): Promise<unknown> };
  Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => unknown;
}

/** What `bidi-js` exports, called once; only a model that writes right-to-left lines needs it. */
export type Bidi = object;

/** Addresses of a model: the graph that `distill export --to onnx` wrote, and its description as JSON. */
export interface ModelFiles {
  model?: string;
  description?: string;
}

/** A character as it is read: how sure it is (0 to 1), and its frames, `end` not included. */
export interface Character {
  text: string;
  confidence: number;
  start: number;
  end: number;
}

/** What is read of a line. `confidence` is the probability of the whole text, 0 to 1. */
export interface Reading {
  text: string;
  confidence: number;
  characters: Character[];
  /** Time of the network. */
  milliseconds: number;
}

/** A part of a picture, in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface LineReader {
  /** What the model file says of itself: charset, preparation, training record. */
  readonly description: Record<string, unknown>;
  /** Reads one line: a PNG, JPEG, WebP or BMP file, or a part of it, or pixels. Throws for what is no such picture. */
  read(picture: Blob | ImageData, box?: Box): Promise<Reading>;
}

/** Opens the model of this package, or another one. */
export function openReader(ort: Runtime, options?: ModelFiles & { bidi?: Bidi }): Promise<LineReader>;

// Lines that run from right to left: read from left to right, and stored in the order in which they are written.

const RIGHT_TO_LEFT = ["R", "AL", "AN"];
const WITH_THE_LETTER_BEFORE = ["NSM", "BN"];
const STEPS = 8;
// For a character of two UTF-16 units, which bidi-js takes for two: one of its class.
const ONE_UNIT = { L: "a", R: "\u05d0", AL: "\u0627", EN: "0", AN: "\u0660", ON: "\u2600" };

// The numbers of the characters as they are drawn from left to right, and whether each is turned.
function drawn(characters, direction, bidi) {
  const units = characters.map((c) => (c.length === 1 ? c : ONE_UNIT[bidi.getBidiCharTypeName(c)] ?? ONE_UNIT.ON));
  const text = units.join("");
  const levels = bidi.getEmbeddingLevels(text, direction);
  return bidi.getReorderedIndices(text, levels).map((i) => [i, levels.levels[i] % 2 === 1]);
}

// The order of a text in a line of that direction, and whether it is drawn as the glyphs stand: begun from the glyphs,
// or with their digits as Arabic ones, since all digits behind Arabic letters are drawn as those are.
function undrawn(glyphs, direction, bidi) {
  const found = undrawnFrom(glyphs, glyphs, direction, bidi);
  const types = glyphs.map((glyph) => bidi.getBidiCharTypeName(glyph));
  if (found.exact || !types.includes("AL")) return found;
  const arabic = glyphs.map((glyph, i) => (types[i] === "EN" ? ONE_UNIT.AN : glyph));
  const other = undrawnFrom(glyphs, arabic, direction, bidi);
  return other.exact ? other : found;
}

function undrawnFrom(glyphs, begin, direction, bidi) {
  let order = drawn(begin, direction, bidi);
  for (let step = 0; step < STEPS; step++) {
    const text = order.map(([i, turned]) => (turned && bidi.getMirroredCharacter(glyphs[i])) || glyphs[i]);
    const again = [];
    const shown = drawn(text, direction, bidi);
    shown.forEach(([i, turned], place) => { again[i] = [place, turned]; });
    if (String(again) === String(order)) {
      return { order, exact: String(shown) === String(drawn(text, "auto", bidi)) };
    }
    order = again;
  }
  return { order, exact: false };
}

// What is read from left to right, [{ text, ... }], as its text is stored: `to_logical` of students/direction.py.
export function stored(read, bidi, base) {
  const typeOf = (glyph) => bidi.getBidiCharTypeName(glyph.text);
  if (!read.some((glyph) => RIGHT_TO_LEFT.includes(typeOf(glyph)))) return read;
  const clusters = [];
  for (const glyph of read) {
    if (clusters.length && WITH_THE_LETTER_BEFORE.includes(typeOf(glyph))) clusters[clusters.length - 1].push(glyph);
    else clusters.push([glyph]);
  }
  const glyphs = clusters.map(([base]) => base.text);
  const types = clusters.map(([base]) => typeOf(base));
  const nRight = types.filter((type) => type === "L").length;
  const nLeft = types.filter((type) => type === "R" || type === "AL").length;
  const runsLeft = base ? base === "R" : nLeft >= nRight;
  const directions = !nLeft ? ["ltr"] : !nRight ? ["rtl"] : runsLeft ? ["rtl", "ltr"] : ["ltr", "rtl"];
  const tries = directions.map((direction) => undrawn(glyphs, direction, bidi));
  return (tries.find(({ exact }) => exact) ?? tries[0]).order.flatMap(([i, turned]) => {
    const [base, ...marks] = clusters[i];
    return [{ ...base, text: (turned && bidi.getMirroredCharacter(base.text)) || base.text }, ...marks];
  });
}

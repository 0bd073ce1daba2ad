// What lines say when they are split and joined. Texts are stored in the order in which they are written.
"use strict";
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

function runsRight(text) {
  return RIGHT_TO_LEFT.test(text) && !/^[^\p{L}]*\p{Script=Latin}/u.test(text);
}

// where each character of a line stands, 0 to 1 from left to right: as it was read, else in equal parts
function charactersOf(text, read) {
  const letters = [...text];
  if (read && read.map(([c]) => c).join("") === text) return read.map(([c, , left, right]) => [c, (left + right) / 2]);
  return letters.map((c, i) => [c, ((runsRight(text) ? letters.length - 1 - i : i) + 0.5) / letters.length]);
}

// the texts left and right of a place in the picture
function textsAt(text, share, read) {
  const characters = charactersOf(text, read);
  const part = keeps => characters.filter(([, place]) => keeps(place)).map(([c]) => c).join("").trim();
  return [part(place => place < share), part(place => place >= share)];
}

// the place in the picture of a place in the text, a number of code units
function shareOf(text, index, read) {
  const characters = charactersOf(text, read);
  const before = [...text.slice(0, index)].length;
  const of = i => characters[Math.min(Math.max(i, 0), characters.length - 1)]?.[1] ?? 0.5;
  return Math.min(Math.max((of(before - 1) + of(before)) / 2, 0.02), 0.98);
}

function joinedText(first, second) {
  return [first, second].filter(Boolean).join(" ");
}

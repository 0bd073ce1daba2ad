// The pages with their lines as they are now, kept in this browser after every change; undoing.
// A line: points, text (null: not known), is ("open", "done", "ignored"), sure (0 to 1, null: not known),
// of (its number among the lines that were found or marked; absent: a person made it).
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const store = "distill-page-review " + data.key;
const charset = data.charset && new Set(data.charset);
const MOST_UNDONE = 200;
let state = keptState(store); // by file: done, lines; under "": pages of opened files that are not here
let at = 0; // the page shown
let here = 0; // the line that is edited, in reading order
const unusable = []; // why drafts of an earlier file are not
const pages = data.pages.map(page => state[page.file] ?? draftOf(page) ?? { done: false, lines: linesAsGiven(page) });
const past = data.pages.map(() => []);
let lastKind = null;

function linesAsGiven(page) {
  return page.lines.map((line, of) => ({
    points: line.points,
    text: page.marked ? line.text : line.text || null,
    is: line.ignored ? "ignored" : page.marked ? "done" : "open",
    sure: line.confidence ?? null,
    of,
  }));
}

// what an earlier saved file holds of a page that was not finished; null where there is nothing, or what cannot be used
function draftOf(page) {
  if (page.marked || !page.earlier?.draft) return null;
  try {
    return pageFrom({ ...page.earlier, lines: null }, page);
  } catch (error) {
    unusable.push(error.message);
    return null;
  }
}

function given(line) {
  return line.of === undefined ? undefined : data.pages[at].lines[line.of];
}

function lineHere() {
  return pages[at].lines[here];
}

function isTouched(index) {
  return state[data.pages[index].file] !== undefined;
}

function keep(index = at) {
  state[data.pages[index].file] = pages[index];
  keepState(store, state);
}

// remember the page as it is; changes of one kind that follow each other are undone together
function remember(kind = null) {
  if (kind === null || kind !== lastKind) {
    past[at].push(JSON.stringify([pages[at], here]));
    if (past[at].length > MOST_UNDONE) past[at].shift();
  }
  lastKind = kind;
}

function change(kind, act) {
  remember(kind);
  act(pages[at].lines);
  keep();
  render();
}

function undo() {
  const before = past[at].pop();
  if (before === undefined) return;
  [pages[at], here] = JSON.parse(before);
  lastKind = null;
  keep();
  render();
}

// the order in which lines are listed and gone through
function listed() {
  const { lines } = pages[at];
  const order = lines.map((_, i) => i);
  if (document.getElementById("sorted").value === "order") return order;
  const sure = i => lines[i].sure ?? 2;
  return order.sort((a, b) => sure(a) - sure(b) || a - b);
}

function nextOpen() {
  const order = listed(), from = order.indexOf(here) + 1;
  return [...order.slice(from), ...order.slice(0, from)].find(i => pages[at].lines[i].is === "open");
}

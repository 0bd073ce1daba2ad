// What a person does with lines: the acts, each undone as one; pointer and finger on the picture.
"use strict";
const TAP_PX = 5; // of the screen: less is a tap, not a drag
const TOOLS = ["draw", "split", "rows", "join"];
const drawn = ui.lines.appendChild(document.createElementNS(SVG, "rect"));
drawn.id = "drawn";
const cutMark = ui.lines.appendChild(document.createElementNS(SVG, "line"));
cutMark.id = "cut";
let tool = null;

function useTool(name) {
  tool = tool === name ? null : name;
  for (const each of TOOLS) {
    ui[each].ariaPressed = String(each === tool);
    ui.stage.classList.toggle(each, each === tool);
  }
  cutMark.style.display = drawn.style.display = "none";
  drawLines();
}

function toggle(button) {
  button.ariaPressed = String(button.ariaPressed !== "true");
  drawLines();
}

// acts on lines, each undone as one

function decide(is) {
  if (!lineHere()) return;
  change(null, lines => { lines[here].is = is; });
  const next = nextOpen();
  if (next === undefined) ui.finish.focus();
  else select(next);
}

function type() {
  change(`text ${here}`, lines => {
    lines[here].text = clean(ui.text.value) || null;
    if (lines[here].is === "ignored") lines[here].is = "open";
  });
}

function restore() {
  const line = lineHere();
  if (!line) return;
  const source = line.of === undefined ? null : linesAsGiven(pageHere())[line.of];
  change(null, lines => { lines[here] = source ?? { ...line, is: "open" }; });
}

function addLine(points) {
  change(null, lines => {
    here = placeFor(points, lines);
    lines.splice(here, 0, { points, text: null, is: "open", sure: 0 });
  });
  select(here);
}

function removeLine() {
  if (lineHere()) change(null, lines => { lines.splice(here, 1); });
}

function putApart(parts, texts) {
  const { sure } = lineHere();
  change(null, lines => {
    lines.splice(here, 1, ...parts.map((points, i) => ({ points, text: texts[i] || null, is: "open", sure })));
  });
  select(here);
}

function readHere() {
  return given(lineHere())?.characters;
}

function splitAt(share) {
  const { points, text } = lineHere(), between = Math.min(Math.max(share, 0.02), 0.98);
  const parts = splitAlong(points, between), texts = textsAt(text ?? "", between, readHere());
  const turn = runsRight(text ?? "");
  putApart(turn ? parts.reverse() : parts, turn ? texts.reverse() : texts);
}

function splitAtCursor() {
  const line = lineHere(), index = ui.text.selectionStart;
  if (!line) return;
  const text = line.text ?? "", share = shareOf(text, index, readHere()), turn = runsRight(text);
  const parts = splitAlong(line.points, share);
  putApart(turn ? parts.reverse() : parts, [text.slice(0, index).trim(), text.slice(index).trim()]);
}

function splitLineRows() {
  putApart(splitRows(lineHere().points), [lineHere().text, null]);
}

function joinWith(other) {
  if (!lineHere() || !pages[at].lines[other] || other === here) return;
  change(null, lines => {
    const [first, second] = [Math.min(here, other), Math.max(here, other)];
    const [a, b] = [lines[first], lines[second]];
    const sure = a.sure === null || b.sure === null ? null : Math.min(a.sure, b.sure);
    lines.splice(second, 1);
    lines[first] = { points: joined(a.points, b.points), text: joinedText(a.text, b.text) || null, is: "open", sure };
    here = first;
  });
  select(here);
}

function reorder(by) {
  const to = here + by;
  if (!lineHere() || !pages[at].lines[to]) return;
  change(null, lines => {
    lines.splice(to, 0, ...lines.splice(here, 1));
    here = to;
  });
}

function nudge(dx, dy) {
  if (lineHere()) change(`nudge ${here}`, lines => { lines[here].points = moved(lines[here].points, dx, dy, pageHere()); });
}

function finish() {
  const done = !pages[at].done;
  change(null, lines => {
    if (done) lines.filter(line => line.is === "open").forEach(line => { line.is = "done"; });
    pages[at].done = done;
  });
  if (!done) return;
  const order = pages.map((_, i) => (at + 1 + i) % pages.length);
  const next = order.find(i => !pages[i].done && !data.pages[i].marked) ?? order.find(i => !pages[i].done);
  if (next === undefined) {
    ui.save.focus();
    return;
  }
  showPage(next);
  select(here);
}

function go(by) {
  const order = listed(), to = order[order.indexOf(here) + by];
  if (to !== undefined) select(to);
}

// pointers

function pointAt(event) {
  const { left, top, width, height } = ui.lines.getBoundingClientRect(), page = pageHere();
  return [(event.clientX - left) / width * page.width, (event.clientY - top) / height * page.height];
}

function holdHandle(event) {
  event.preventDefault();
  event.stopPropagation();
  const { kind, which } = event.currentTarget.dataset;
  drag = { kind, which: Number(which), from: pointAt(event), points: lineHere().points, moved: false };
  event.currentTarget.setPointerCapture(event.pointerId);
}

function dragged(event) {
  const to = pointAt(event), { kind, which, from, points } = drag, page = pageHere();
  const off = [to[0] - from[0], to[1] - from[1]];
  if (kind === "move") return moved(points, ...off, page);
  if (kind === "side") return sideMoved(points, which, off, page);
  const corner = points[which];
  return reshaped(points, which, [corner[0] + off[0], corner[1] + off[1]], ui.free.ariaPressed === "true", page);
}

ui.lines.onpointerdown = event => {
  const number = event.target.dataset.line;
  if (event.button) return;
  if (tool === "draw") {
    event.preventDefault();
    drag = { kind: "draw", from: pointAt(event), screen: [event.clientX, event.clientY], number };
    ui.lines.setPointerCapture(event.pointerId);
    return;
  }
  if (number === undefined) return;
  if (tool) {
    event.preventDefault();
    useOn(Number(number), pointAt(event));
    return;
  }
  const held = Number(number) === here;
  if (!held) select(Number(number), event.pointerType === "mouse");
  if (!held && event.pointerType !== "mouse") return; // a finger moves a line once it is chosen; else it moves the page
  event.preventDefault();
  drag = { kind: "move", from: pointAt(event), screen: [event.clientX, event.clientY], points: lineHere().points, moved: false };
  ui.lines.setPointerCapture(event.pointerId);
};

// a tool on the line that was tapped
function useOn(number, point) {
  const used = tool;
  useTool(tool);
  if (used === "join") {
    joinWith(number);
    return;
  }
  here = number;
  if (used === "split") splitAt(shareAt(lineHere().points, point));
  else splitLineRows();
}

ui.stage.onpointermove = event => {
  if (tool === "split" && event.target.dataset?.line !== undefined) showCut(pages[at].lines[event.target.dataset.line], pointAt(event));
  if (!drag) return;
  if (drag.screen && !drag.moved && distance(drag.screen, [event.clientX, event.clientY]) < TAP_PX) return;
  if (drag.kind === "draw") {
    drag.moved = true;
    const page = pageHere(), [x0, y0, x1, y1] = boxOf([onPage(drag.from, page), onPage(pointAt(event), page)]);
    set(drawn, { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
    drawn.style.display = "";
    drag.box = [x0, y0, x1, y1];
    return;
  }
  if (!drag.moved) remember();
  drag.moved = true;
  const points = dragged(event);
  if (points) lineHere().points = points;
  drawLines();
};

ui.stage.onpointerup = ui.stage.onpointercancel = event => {
  const ended = drag;
  drag = null;
  if (!ended) return;
  drawn.style.display = "none";
  if (ended.kind === "draw") {
    const [x0, y0, x1, y1] = ended.box ?? [0, 0, 0, 0];
    if (event.type === "pointerup" && ended.moved && x1 - x0 >= LEAST_PX && y1 - y0 >= LEAST_PX) addLine(cornersOf(ended.box));
    else if (!ended.moved && ended.number !== undefined) select(Number(ended.number));
    return;
  }
  if (ended.moved) {
    keep();
    render();
  }
};

function showCut({ points }, point) {
  const share = shareAt(points, point), [first] = splitAlong(points, share), half = first.length / 2;
  const [[x1, y1], [x2, y2]] = [first[half - 1], first[half]];
  set(cutMark, { x1, y1, x2, y2 });
  cutMark.style.display = "";
}

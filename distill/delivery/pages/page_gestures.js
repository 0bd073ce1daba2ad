// What a person does: pointer and finger on the picture, keys, buttons.
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

// keys

const KEYS = {
  "Enter": () => decide("done"),
  "Shift Enter": () => decide("ignored"),
  "Ctrl Enter": finish,
  "Escape": () => (tool ? useTool(tool) : restore()),
  "ArrowDown": () => go(1),
  "ArrowUp": () => go(-1),
  "Alt ArrowUp": () => reorder(-1),
  "Alt ArrowDown": () => reorder(1),
  "Alt N": () => useTool("draw"),
  "Alt S": splitAtCursor,
  "Alt J": () => joinWith(here + 1),
  "Alt Delete": removeLine,
  "Alt Backspace": removeLine,
  "Alt Shift ArrowLeft": () => nudge(-1, 0),
  "Alt Shift ArrowRight": () => nudge(1, 0),
  "Alt Shift ArrowUp": () => nudge(0, -1),
  "Alt Shift ArrowDown": () => nudge(0, 1),
  "Ctrl z": undo,
  "PageUp": () => showPage(at - 1),
  "PageDown": () => showPage(at + 1),
};

addEventListener("keydown", event => {
  if (event.isComposing || event.target.tagName === "SELECT") return;
  if (event.key === "Enter" && event.target.tagName !== "INPUT" && !event.ctrlKey) return; // a button is pressed by it
  const held = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey ? "Shift" : ""];
  const letter = event.altKey && /^Key([A-Z])$/.exec(event.code)?.[1];
  const act = KEYS[[...held.filter(Boolean), letter || event.key].join(" ")];
  if (!act) return;
  event.preventDefault();
  act();
});

// buttons

for (const name of TOOLS) ui[name].onclick = () => useTool(name);
ui.delete.onclick = removeLine;
ui.undo.onclick = undo;
ui.free.onclick = () => toggle(ui.free);
ui.ways.onclick = () => toggle(ui.ways);
ui.in.onclick = () => setZoom(zoom * 1.4);
ui.out.onclick = () => setZoom(zoom / 1.4);
ui.fit.onclick = () => setZoom(Math.abs(zoom - fitted(true)) < 0.01 ? fitted(false) : fitted(true));
ui.text.oninput = type;
ui.accept.onclick = () => decide("done");
ui.ignore.onclick = () => decide("ignored");
ui.restore.onclick = restore;
ui.earlier.onclick = () => reorder(-1);
ui.later.onclick = () => reorder(1);
ui.finish.onclick = finish;
ui.before.onclick = () => showPage(at - 1);
ui.after.onclick = () => showPage(at + 1);
ui.pages.onchange = () => showPage(Number(ui.pages.value));
ui.sorted.onchange = render;
ui.open.onclick = () => ui.file.click();
ui.file.onchange = async () => {
  if (ui.file.files.length) await openFile(ui.file.files[0]);
  ui.file.value = "";
};
ui.save.onclick = save;
ui.picture.onload = () => drawCrop();
onSaveKey(save);

function fitHeader() {
  document.documentElement.style.setProperty("--header", document.querySelector("header").offsetHeight + "px");
  drawLines();
}

ui.pages.append(...data.pages.map((_, value) => make("option", { value })));
new ResizeObserver(fitHeader).observe(document.querySelector("header"));
addEventListener("resize", fitHeader);
ui.foot.textContent = `Save as ${data.target}: those pages are then a source for training. Of pages that are not right yet it has no ` +
  "lines, but a draft, which Open takes up. What you have done is kept in this browser, too." +
  (data.left_out ? ` ${data.left_out} more pages are not on this page.` : "");
useTool(null);
showPage(Math.max(0, pages.findIndex(page => !page.done)));
if (lineHere()) select(here);
if (unusable.length) ui.message.textContent = `Drafts in ${data.target} that cannot be used: ${unusable.join("; ")}`;

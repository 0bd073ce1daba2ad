// What is shown: the picture with its lines, the line that is edited, the list.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const LARGEST_SCALE = 1.4, LABEL_PX = 12, CROP_MARGIN = 0.35;
const ui = Object.fromEntries([...document.querySelectorAll("[id]")].map(element => [element.id, element]));
const shapes = [], labels = [], handles = [];
const way = ui.lines.appendChild(document.createElementNS(SVG, "path"));
way.id = "order";
let zoom = 1;
let drag = null; // what a pointer does to the line here

function pageHere() {
  return data.pages[at];
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

// as many elements as there are lines, made once: one that a finger holds must stay
function grown(elements, n, make) {
  while (elements.length < n) elements.push(make(elements.length));
  elements.forEach((element, i) => { element.style.display = i < n ? "" : "none"; });
}

function doubt(line) {
  return line.sure === null ? 0 : Math.sqrt(1 - line.sure); // what is a little unsure is seen, too
}

function drawLines() {
  const { lines } = pages[at], page = pageHere();
  const px = page.width / Math.max(ui.stage.clientWidth, 1); // of the page, a pixel of the screen
  grown(shapes, lines.length, i => {
    const shape = document.createElementNS(SVG, "polygon");
    shape.dataset.line = i;
    return ui.lines.insertBefore(shape, way);
  });
  grown(labels, lines.length, () => ui.lines.appendChild(document.createElementNS(SVG, "text")));
  lines.forEach((line, i) => {
    set(shapes[i], { points: line.points.join(" "), class: line.is + (i === here ? " here" : "") });
    shapes[i].style.setProperty("--d", doubt(line).toFixed(3));
    const [x, y] = endsOf(line.points)[0], fits = x > 2.2 * LABEL_PX * px;
    set(labels[i], { x: fits ? x - 4 * px : x + 4 * px, y, class: fits ? "" : "inside" });
    labels[i].style.fontSize = `${(LABEL_PX * px).toFixed(2)}px`;
    labels[i].textContent = i + 1;
  });
  const ends = lines.map(({ points, text }) => (runsRight(text ?? "") ? endsOf(points).reverse() : endsOf(points)));
  set(way, { d: ends.slice(1).map(([begin], i) => `M${ends[i][1]}L${begin}`).join("") });
  way.style.display = ui.ways.ariaPressed === "true" ? "" : "none";
  drawHandles(px);
}

function drawHandles(px) {
  const line = lineHere(), page = pageHere();
  const points = line && !document.querySelector("#stage.draw") ? line.points : [];
  const sides = points.length === 4 ? points.map((point, i) => [i, point, points[(i + 1) % 4]])
    .filter(([, a, b]) => distance(a, b) > 55 * px) : [];
  const shown = [...points.map((point, i) => ["corner", i, point]), ...sides.map(([i, a, b]) => ["side", i, between(a, b, 0.5)])];
  grown(handles, shown.length, () => {
    const handle = make("div", { className: "handle" });
    handle.onpointerdown = holdHandle;
    return ui.stage.appendChild(handle);
  });
  shown.forEach(([kind, which, [x, y]], i) => {
    handles[i].className = "handle " + kind;
    Object.assign(handles[i].dataset, { kind, which });
    handles[i].style.left = 100 * x / page.width + "%";
    handles[i].style.top = 100 * y / page.height + "%";
  });
}

// the line here out of the picture, with a part of it marked
function drawCrop(part) {
  const line = lineHere(), { picture, crop } = ui, page = pageHere();
  crop.hidden = !line || !picture.complete || !picture.naturalWidth;
  if (crop.hidden) return;
  const [x0, y0, x1, y1] = boxOf(line.points), margin = CROP_MARGIN * Math.min(x1 - x0, y1 - y0);
  const scale = picture.naturalWidth / page.width;
  const [left, top] = [x0 - margin, y0 - margin], [width, height] = [x1 - x0 + 2 * margin, y1 - y0 + 2 * margin];
  const large = Math.min(4, Math.max(1, 60 / (height * scale)));
  crop.width = Math.max(1, Math.round(width * scale * large));
  crop.height = Math.max(1, Math.round(height * scale * large));
  const pen = crop.getContext("2d");
  pen.drawImage(picture, left * scale, top * scale, width * scale, height * scale, 0, 0, crop.width, crop.height);
  if (!part) return;
  pen.strokeStyle = getComputedStyle(document.body).getPropertyValue("--doubt");
  pen.lineWidth = 3;
  pen.beginPath();
  part.forEach(([x, y]) => pen.lineTo((x - left) * scale * large, (y - top) * scale * large));
  pen.closePath();
  pen.stroke();
}

function showEditor() {
  const line = lineHere(), page = pageHere(), source = line && given(line);
  for (const id of ["text", "accept", "ignore", "restore", "earlier", "later", "delete", "join", "split", "rows"]) ui[id].disabled = !line;
  ui.characters.replaceChildren();
  ui.note.textContent = line ? unknownNote(line.text ?? "", charset) : "";
  if (document.activeElement !== ui.text || ui.text.value !== (line?.text ?? "")) ui.text.value = line?.text ?? "";
  drawCrop();
  if (!line) {
    ui.about.textContent = page.marked ? "This page is marked to have no line." : "There is no line on this page yet. Add lines, " +
      "or accept it as a page without text.";
    return;
  }
  const facts = [`line ${here + 1} of ${pages[at].lines.length}`, { open: "open", done: "accepted", ignored: "unreadable" }[line.is]];
  if (line.sure !== null && source) facts.push(`text ${percent(line.sure)} sure`, `box ${percent(source.found ?? 1)} sure`);
  if (!source) facts.push("made by hand");
  if (source?.problem) facts.push(source.problem);
  ui.about.textContent = facts.join(" · ");
  if (source?.characters) {
    ui.characters.append(characterRow(source.characters, (left, right) =>
      drawCrop(left === undefined ? null : partOf(source.points, left, right))));
  }
}

function showList() {
  const { lines } = pages[at];
  ui.list.replaceChildren(...listed().map(i => {
    const line = lines[i];
    const item = make("li", { className: line.is + (i === here ? " here" : ""), onclick: () => select(i) },
      make("span", { className: "number", textContent: i + 1 }),
      make("bdi", { className: "says", textContent: line.text ?? "" }),
      make("span", { className: "sure", textContent: line.is === "open" && line.sure !== null ? percent(line.sure) : { open: "open", done: "✓", ignored: "—" }[line.is] }));
    item.style.setProperty("--d", doubt(line).toFixed(3));
    return item;
  }));
}

function showCounts() {
  const done = pages.filter(page => page.done).length, open = pages[at].lines.filter(line => line.is === "open").length;
  ui.count.textContent = `${done} of ${pages.length} pages right; ${open ? `${open} of ${pages[at].lines.length} lines open here` : "no line open here"}`;
  Object.assign(ui.progress, { max: pages.length, value: done });
  [...ui.pages.options].forEach((option, i) => {
    const least = Math.min(...pages[i].lines.filter(line => line.is === "open" && line.sure !== null).map(line => line.sure));
    option.textContent = `${pages[i].done ? "✓ " : ""}${i + 1}. ${data.pages[i].file}${!pages[i].done && least <= 1 ? ` · ${percent(least)}` : ""}`;
  });
  ui.pages.value = at;
  ui.save.disabled = !pages.some((page, i) => page.done || data.pages[i].marked || isTouched(i));
  const rest = open ? ` (with ${open} open ${open > 1 ? "lines" : "line"})` : "";
  ui.finish.textContent = pages[at].done ? "Reopen this page" : pages[at].lines.length ? `✓ Page is right${rest}` : "✓ Page has no text";
  ui.undo.disabled = !past[at].length;
  ui.before.disabled = at === 0;
  ui.after.disabled = at === pages.length - 1;
}

function render() {
  here = Math.min(Math.max(here, 0), Math.max(pages[at].lines.length - 1, 0));
  drawLines();
  showEditor();
  showList();
  showCounts();
  ui.message.textContent = "";
}

function setZoom(to) {
  zoom = Math.min(Math.max(to, 0.1), 12);
  ui.stage.style.width = 100 * zoom + "%";
  drawLines();
}

// as wide as the window, but no small page blown up; `whole`: all of it
function fitted(whole) {
  const { width, height } = pageHere(), { clientWidth, clientHeight } = ui.view;
  const wide = Math.min(1, LARGEST_SCALE * width / Math.max(clientWidth, 1));
  return whole ? Math.min(1, clientHeight / height * width / Math.max(clientWidth, 1)) : wide;
}

function showPage(index) {
  at = Math.min(Math.max(index, 0), pages.length - 1);
  lastKind = null;
  const page = pageHere();
  set(ui.lines, { viewBox: `0 0 ${page.width} ${page.height}` });
  set(ui.picture, { width: page.width, height: page.height, alt: "page " + page.file });
  ui.picture.src = page.picture;
  const order = listed();
  here = order.find(i => pages[at].lines[i].is === "open") ?? order[0] ?? 0;
  setZoom(fitted(false));
  render();
  ui.view.scrollTo(0, 0);
  showLine();
}

// bring the line here into sight, on the picture and in the list
function showLine() {
  const line = lineHere();
  if (!line) return;
  const { view, stage } = ui, page = pageHere(), scale = stage.clientWidth / page.width;
  const [x0, y0, x1, y1] = boxOf(line.points).map(px => px * scale);
  if (y0 < view.scrollTop || y1 > view.scrollTop + view.clientHeight) view.scrollTop = (y0 + y1 - view.clientHeight) / 2;
  if (x0 < view.scrollLeft || x1 > view.scrollLeft + view.clientWidth) view.scrollLeft = Math.max(0, x0 - 20);
  const item = ui.list.querySelector(".here"), list = ui.list;
  if (item && list.scrollHeight > list.clientHeight) list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 2;
}

function select(index, focus = true) {
  here = index;
  lastKind = null;
  render();
  showLine();
  if (focus && matchMedia("(pointer: fine)").matches) ui.text.focus({ preventScroll: true });
}

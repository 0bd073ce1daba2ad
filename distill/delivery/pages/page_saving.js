// From the lines of this page to a pages.json, and back.
"use strict";

// inside the page, where lines were found a little beyond its edge
function inside(points, { width, height }) {
  return points.map(([x, y]) => [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)]);
}

function savedLine(line, page) {
  const points = inside(line.points, page);
  return {
    ...(isBox(points) ? { box: boxOf(points) } : { polygon: points }),
    text: line.text === null ? null : clean(line.text),
    ...(line.is === "ignored" ? { ignored: true } : {}),
  };
}

// a page that is right, or was marked before, has lines; any other has what was done on it as a draft, which nothing reads
function savedPage(index) {
  const page = data.pages[index], { file, width, height } = page, { done, lines } = pages[index];
  const saved = lines.map(line => savedLine(line, page));
  if (done || page.marked) return { file, width, height, lines: saved };
  const before = { file, width, height, lines: null, ...page.earlier };
  return isTouched(index) ? { ...before, draft: saved.map((line, i) => ({ ...line, is: lines[i].is, sure: lines[i].sure })) } : before;
}

function savedText() {
  const all = [...data.pages.map((_, i) => savedPage(i)), ...data.rest, ...(state[""] ?? [])];
  const name = page => String(page.file);
  all.sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
  return `[\n${all.map(page => JSON.stringify(page)).join(",\n")}\n]\n`;
}

function save() {
  if (!document.getElementById("save").disabled) download("pages.json", [savedText()], "application/json");
}

function pointsFrom({ box, polygon, points }, where) {
  const outline = polygon ?? points ?? (Array.isArray(box) && box.length === 4 ? cornersOf(box) : null);
  const fits = Array.isArray(outline) && outline.length > 2 && outline.every(point =>
    Array.isArray(point) && point.length === 2 && point.every(Number.isFinite));
  if (!fits) throw new Error(`${where} has no box and no polygon`);
  return outline;
}

// a page of a saved file as it is edited; null where it says nothing; throws what is wrong with it
function pageFrom(saved, page) {
  if (saved.width !== undefined && (saved.width !== page.width || saved.height !== page.height)) {
    throw new Error(`${page.file} is ${page.width} × ${page.height} px here, but was marked on ${saved.width} × ${saved.height}`);
  }
  const lines = saved.lines ?? saved.draft;
  if (!Array.isArray(lines)) return null;
  const as = ["open", "done", "ignored"];
  return {
    done: Array.isArray(saved.lines),
    lines: lines.map((line, i) => {
      const points = pointsFrom(Object(line), `${page.file}: line ${i}`);
      const text = line.text ?? null;
      if (text !== null && typeof text !== "string") throw new Error(`${page.file}: line ${i} has a text that is none`);
      const is = as.includes(line.is) ? line.is : line.ignored === true ? "ignored" : "done";
      const sure = Number.isFinite(line.sure) ? line.sure : null;
      return { points, text, is, sure };
    }),
  };
}

// take the pages of a saved file, all or nothing; throws what is wrong with it
function takeFile(text) {
  let content;
  try { content = JSON.parse(text); } catch (error) { throw new Error(`it is not JSON (${error.message})`); }
  const listedPages = Array.isArray(content) ? content : content?.pages;
  if (!Array.isArray(listedPages)) throw new Error("it is no list of pages");
  const numbers = new Map(data.pages.map((page, i) => [page.file, i]));
  const known = listedPages.filter(page => numbers.has(page?.file));
  if (!known.length) {
    throw new Error(`it is of other pages: none of its ${listedPages.length} is here, such as ${listedPages[0]?.file}`);
  }
  const taken = known.map(page => [numbers.get(page.file), pageFrom(page, data.pages[numbers.get(page.file)])])
    .filter(([, page]) => page);
  const rest = new Set(data.rest.map(page => page.file));
  const elsewhere = listedPages.filter(page => page?.file !== undefined && !numbers.has(page.file) && !rest.has(page.file));
  for (const [index, page] of taken) {
    past[index].push(JSON.stringify([pages[index], 0]));
    pages[index] = page;
    keep(index);
  }
  if (elsewhere.length) state[""] = elsewhere;
  keepState(store, state);
  return `${taken.length === 1 ? "1 page" : `${taken.length} pages`} opened` + (elsewhere.length ? `; not here, and kept in what is saved: ${elsewhere.length}` : "");
}

async function openFile(file) {
  let said;
  try { said = takeFile(await file.text()); } catch (error) { said = `${file.name} cannot be opened: ${error.message}; nothing was changed`; }
  here = 0;
  lastKind = null;
  render();
  document.getElementById("message").textContent = said;
}

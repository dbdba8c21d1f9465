"use strict";
// Everything that the reader sees is made with textContent: names from the config are never taken for HTML.

const data = JSON.parse(document.getElementById("data").textContent);
const { emotions, models, rows, look, votes } = data;
const NONE = 255; // for an emotion: there is none
const PAGE = 60; // faces listed at once
const $ = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");

// ---- data

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const labels = bytes(data.labels);
for (const model of models) {
  for (const name of ["probabilities", "predicted", "gate", "unweighted"]) model[name] = model[name].map(bytes);
  for (const plane of Object.values(model.maps)) {
    plane.faces = new Uint32Array(bytes(plane.faces).buffer);
    for (const axis of ["x", "y"]) plane[axis] = new Uint16Array(bytes(plane[axis]).buffer);
  }
}
const twins = { twin: bytes(data.twins.twin), row: new Int32Array(bytes(data.twins.row).buffer),
  label: bytes(data.twins.label), distance: new Float32Array(bytes(data.twins.distance).buffer) };
const majority = votes && bytes(votes.majority);
const counted = votes && bytes(votes.votes);
const tileOf = new Map([...rows, ...data.twin_rows].map((row, tile) => [row, tile]));
const faceOf = new Map(rows.map((row, face) => [row, face]));

// ---- what is shown: all of it stands in the address

const pairs = emotions.flatMap((one, at) => emotions.slice(at + 1).map((other) => `${one}-${other}`));
const maps = models.flatMap((model) => Object.keys(model.maps).map((method) => `${model.name}/${method}`));
const names = models.map((model) => model.name);
// By key: what it may be, the first by default.
const CHOICES = {
  model: [data.opening[0], ...names],
  reference: [data.opening[1], ...names],
  seed: [...new Set(models.flatMap((model) => model.seeds.map(String)))],
  truth: votes ? ["label", "majority"] : ["label"],
  faces: ["all", "twins", "rest", ...(votes ? ["doubted"] : [])],
  pair: ["", ...pairs],
  outcome: ["reference", "model", "all", "both", "neither"],
  sort: ["disagreement", "confidence", "doubt", "row"],
  matrices: ["sides", "difference"],
  map: ["", ...maps],
  colour: ["truth", "answer", "outcome"],
};
const FREE = {
  cell: /^(model|reference|difference):[0-6]:[0-6]$/, // a cell of a matrix
  box: /^\d+,\d+,\d+,\d+$/, // a rectangle of the map: left, bottom, right, top
  face: /^\d+$/, // a row; without one the first of the list
};
const state = {};

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [key, values] of Object.entries(CHOICES)) {
    state[key] = values.includes(given.get(key)) ? given.get(key) : values[0];
  }
  for (const [key, form] of Object.entries(FREE)) state[key] = form.test(given.get(key) ?? "") ? given.get(key) : "";
  if (!faceOf.has(Number(state.face))) state.face = "";
}

function writeAddress() {
  const chosen = Object.entries(state).filter(([key, value]) => value !== (CHOICES[key]?.[0] ?? ""));
  const hash = new URLSearchParams(chosen).toString();
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", `#${hash}`);
}

const named = (which) => models[names.indexOf(state[which])];
const seedOf = (model) => Math.max(model.seeds.indexOf(Number(state.seed)), 0);
const seven = (model, face, kind = "probabilities") =>
  model[kind][seedOf(model)].subarray(face * emotions.length, (face + 1) * emotions.length);
const answer = (model, face) => model.predicted[seedOf(model)][face];
const truth = (face) => (state.truth === "majority" ? majority : labels)[face];
const isRight = (model, face) => answer(model, face) === truth(face);

function outcomeText(value) {
  return { all: "all", both: "both right", neither: "both wrong" }[value] ?? `only ${named(value).label} right`;
}

function outcome(face) {
  const [own, other] = [isRight(named("model"), face), isRight(named("reference"), face)];
  return own ? (other ? "both" : "model") : other ? "reference" : "neither";
}

const confidence = (face) => Math.max(...seven(named("model"), face));
// How far apart the two distributions lie: total variation.
function disagreement(face) {
  const [own, other] = [seven(named("model"), face), seven(named("reference"), face)];
  return own.reduce((sum, value, at) => sum + Math.abs(value - other[at]), 0) / 2;
}
const ORDER = { disagreement, confidence, doubt: (face) => -confidence(face), row: (face) => -rows[face] };

// Faces that are judged at all: the matrices' and the outcomes'.
function judged() {
  const kept = { all: () => true, twins: (face) => twins.twin[face] > 0, rest: (face) => !twins.twin[face],
    doubted: (face) => majority[face] !== NONE && majority[face] !== labels[face] }[state.faces];
  return [...labels.keys()].filter((face) => truth(face) !== NONE && kept(face));
}

function inPair(face) {
  if (!state.pair) return true;
  const two = state.pair.split("-").map((emotion) => emotions.indexOf(emotion));
  const said = [answer(named("model"), face), answer(named("reference"), face)];
  const [first, second] = truth(face) === two[0] ? two : [two[1], two[0]];
  return truth(face) === first && said.includes(second);
}

function inCell(face) {
  if (!state.cell) return true;
  const [which, row, column] = state.cell.split(":");
  const said = (name) => answer(named(name), face) === Number(column);
  const there = which === "difference" ? said("model") !== said("reference") : said(which);
  return truth(face) === Number(row) && there;
}

function inBox(face) {
  const [left, bottom, right, top] = state.box.split(",").map(Number);
  const at = onMap().get(face);
  return at !== undefined && inside(plane(), at, left, bottom, right, top);
}
const inside = ({ x, y }, at, left, bottom, right, top) => x[at] >= left && x[at] <= right && y[at] >= bottom && y[at] <= top;

// ---- elements

const share = (value) => `${Math.round((100 * value) / 255)}\u00a0%`;
const many = (count) => `${count.toLocaleString("en")} ${count === 1 ? "face" : "faces"}`;
const tick = (right) => (right ? "✓" : "✗");

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "scope") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

const note = (text) => make("p", { className: "note", textContent: text });

function picture(row, label) {
  const tile = tileOf.get(row);
  if (!sheet || tile === undefined) return [];
  const element = make("span", { className: "face", role: "img", "aria-label": label });
  element.style.setProperty("--column", tile % sheet.columns);
  element.style.setProperty("--row", Math.floor(tile / sheet.columns));
  return [element];
}

function bar(value, extra = "") {
  const inner = make("span", { className: `bar ${extra}` });
  inner.style.width = `${(100 * value) / 255}%`;
  return [make("td", {}, inner), make("td", { textContent: share(value) })];
}

// ---- the list

let listed = [];
let shown = PAGE;

function showList() {
  const all = judged();
  const narrowed = all.filter((face) => inPair(face) && inCell(face) && (!state.box || inBox(face)));
  const by = { all: narrowed, model: [], reference: [], both: [], neither: [] };
  for (const face of narrowed) by[outcome(face)].push(face);
  const value = new Map(by[state.outcome].map((face) => [face, ORDER[state.sort](face)]));
  listed = by[state.outcome].sort((a, b) => value.get(b) - value.get(a) || a - b);
  shown = PAGE;
  for (const button of $("outcomes").children) {
    button.firstChild.textContent = outcomeText(button.value);
    button.lastChild.textContent = by[button.value].length.toLocaleString("en");
    button.setAttribute("aria-pressed", String(button.value === state.outcome));
  }
  $("filters").replaceChildren(...["cell", "box"].filter((key) => state[key]).map((key) => {
    const text = key === "box" ? "in the rectangle of the map" : cellText(...state.cell.split(":"));
    const button = make("button", { type: "button", textContent: `${text} ✕`, "aria-label": `${text}: no longer` });
    button.addEventListener("click", () => change({ [key]: "" }));
    return button;
  }));
  showGallery();
}

function showGallery() {
  $("list-note").textContent = `${many(listed.length)}${listed.length > shown ? `, the first ${shown} shown` : ""}. `
    + `Below each: ${state.truth === "label" ? "its label" : "FER+’s majority"} → what the model and the reference say.`;
  $("gallery").replaceChildren(...listed.slice(0, shown).map((face) => {
    const [own, other] = ["model", "reference"].map((name) => answer(named(name), face));
    const true_ = emotions[truth(face)];
    const text = `row ${rows[face]}, ${true_}: the model says ${emotions[own]}, the reference ${emotions[other]}`;
    const button = make("button", { type: "button", title: text, "aria-label": text }, ...picture(rows[face], ""),
      ...(sheet ? [] : [make("small", { textContent: rows[face] })]),
      make("b", { textContent: `${true_} →` }),
      ...[own, other].map((said) => make("span", { textContent: `${tick(said === truth(face))} ${emotions[said]}` })));
    button.dataset.face = face;
    return button;
  }));
  $("more").hidden = listed.length <= shown;
  press();
}

function press() {
  for (const button of $("gallery").children) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.face) === chosen()));
  }
}

// The face that is looked at; null where the list is empty.
const chosen = () => (state.face ? faceOf.get(Number(state.face)) : listed[0] ?? null);

// ---- one face

function showFace() {
  const face = chosen();
  if (face === null) return $("face").replaceChildren(note("No face is like that."));
  const [model, other] = [named("model"), named("reference")];
  const says = (one) => `${emotions[answer(one, face)]} ${tick(isRight(one, face))}`;
  const head = make("div", {}, make("p", {}, "Labelled ", make("strong", { textContent: emotions[labels[face]] })),
    make("p", {}, `${model.label}: `, make("strong", { textContent: says(model) })),
    ...(other === model ? [] : [make("p", {}, `${other.label}: `, make("strong", { textContent: says(other) }))]),
    note(`row ${rows[face]} of the data`));
  $("spoken").textContent = `Row ${rows[face]}: labelled ${emotions[labels[face]]}, the model says ${emotions[answer(model, face)]}.`;
  $("face").replaceChildren(make("div", { className: "who" }, ...picture(rows[face], `face of row ${rows[face]}`), head),
    ...(sheet ? [] : [note("This page was made without the pictures.")]), ...verdictOn(face, model), probabilities(face),
    ...experts(face, model), ...voted(face), twin(face), everyModel(face));
}

// Of a mixture of groups: whether its gate or an expert erred.
function verdictOn(face, model) {
  const right = truth(face);
  if (!model.groups || right === NONE) return [];
  const p = seven(model, face);
  const sums = model.groups.map((group) => group.reduce((sum, emotion) => sum + p[emotion], 0));
  const home = model.groups.findIndex((group) => group.includes(right));
  const within = seven(model, face, "unweighted");
  const best = model.groups[home].reduce((a, b) => (within[b] > within[a] ? b : a));
  const told = within[best] ? `Within the true group, its expert decides for ${emotions[best]} ${tick(best === right)}` : "Its expert was not heard";
  const names_ = sums[home] === Math.max(...sums) ? "the right group is named ✓" : "another group is named ✗";
  const group = model.groups[home].map((emotion) => emotions[emotion]).join(", ");
  return [make("p", { className: "verdict", textContent: `The true group (${group}) gets ${share(sums[home])}: ${names_}. ${told}.` })];
}

function probabilities(face) {
  const two = [...new Set([named("model"), named("reference")])];
  const line = (emotion, at) => make("tr", { className: at === truth(face) ? "truth" : "" },
    make("th", { scope: "row", textContent: emotion }), ...two.flatMap((model, n) => bar(seven(model, face)[at], n ? "second" : "")));
  return make("table", { className: "bars" }, make("caption", { textContent: "Probabilities, what counts as true in bold" }),
    make("thead", {}, make("tr", {}, make("td"), ...two.map((model) => make("th", { scope: "col", colSpan: 2, textContent: model.label })))),
    make("tbody", {}, ...emotions.map(line)));
}

function experts(face, model) {
  const count = model.experts.length;
  if (!count) return [];
  const weights = model.gate[seedOf(model)].subarray(face * count, (face + 1) * count);
  const within = model.groups && seven(model, face, "unweighted");
  const parts = model.experts.map((name, at) => {
    const own = model.groups?.[at] ?? [];
    const heard = own.some((emotion) => within[emotion]);
    return make("tbody", {}, make("tr", { className: "expert" }, make("th", { scope: "rowgroup", textContent: name }), ...bar(weights[at])),
      ...(heard ? own.map((emotion) => make("tr", { className: emotion === truth(face) ? "truth" : "" },
        make("th", { scope: "row", textContent: emotions[emotion] }), ...bar(within[emotion], "second"))) : []));
  });
  const text = model.groups ? "The gate’s weight of each expert, and what it says by itself, before it is weighted" : "The gate’s weight of each expert";
  return [make("table", { className: "bars" }, make("caption", { textContent: text }), ...parts)];
}

// What FER+'s taggers saw.
function voted(face) {
  if (!votes) return [];
  const count = votes.tags.length;
  const own = [...counted.subarray(face * count, (face + 1) * count)].map((value, tag) => [value, votes.tags[tag]]);
  const told = own.filter(([value]) => value).sort((a, b) => b[0] - a[0]).map(([value, tag]) => `${tag} ${value}`);
  return [make("p", {}, `FER+’s votes: ${told.join(", ") || "none"}`)];
}

function twin(face) {
  const row = twins.row[face];
  if (row < 0) return note("No training face is like it.");
  const how = ["No twin; the nearest training face is", "Its twin in training is", "Its exact twin in training is"][twins.twin[face]];
  const label = twins.label[face] === NONE ? "" : `, labelled ${emotions[twins.label[face]]}`;
  return make("div", { className: "who twin" }, ...picture(row, `face of row ${row}`),
    make("p", { textContent: `${how} row ${row}${label} (distance ${twins.distance[face].toFixed(2)})` }));
}

function everyModel(face) {
  const lines = models.map((model) => make("tr", {}, make("th", { scope: "row", textContent: model.label }),
    make("td", { textContent: `${emotions[answer(model, face)]} ${tick(isRight(model, face))}` }),
    make("td", { textContent: share(Math.max(...seven(model, face))) })));
  return make("table", { className: "others" }, make("caption", { textContent: "What every model says" }), make("tbody", {}, ...lines));
}

// ---- the matrices

function cellText(which, row, column) {
  const [from, to] = [emotions[row], emotions[column]];
  const who = { model: "the model", reference: "the reference", difference: "one of the two" }[which];
  return `true ${from}, called ${to} by ${who}`;
}

function shares(model, faces) {
  const table = emotions.map(() => emotions.map(() => 0));
  for (const face of faces) table[truth(face)][answer(model, face)] += 1;
  return table.map((line) => {
    const sum = line.reduce((a, b) => a + b, 0);
    return line.map((count) => ({ count, share: sum ? count / sum : 0 }));
  });
}

function showMatrices() {
  const faces = judged();
  const tables = ["model", "reference"].map((name) => shares(named(name), faces));
  const right = ["model", "reference"].map((name) => faces.filter((face) => isRight(named(name), face)).length / Math.max(faces.length, 1));
  const focused = document.activeElement.dataset?.cell;
  if (state.matrices === "sides") {
    $("tables").replaceChildren(...["model", "reference"].map((which, at) => matrix(which,
      `${named(which).label}: ${(100 * right[at]).toFixed(1)} % right`,
      (row, column) => {
        const { count, share: part } = tables[at][row][column];
        return { text: Math.round(100 * part), more: `${many(count)}, ${(100 * part).toFixed(1)} %`, strength: part, better: true };
      })));
  } else {
    const signed = (value, digits) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);
    $("tables").replaceChildren(matrix("difference",
      `${named("model").label} minus ${named("reference").label}: ${signed(100 * (right[0] - right[1]), 1)} points`,
      (row, column) => {
        const [own, other] = tables.map((table) => table[row][column]);
        const change_ = own.share - other.share;
        return { text: signed(Math.round(100 * change_), 0), more: `${own.count} and ${many(other.count)}, ${signed(100 * change_, 1)} points`,
          strength: Math.min(12 * Math.abs(change_), 1), better: row === column ? change_ >= 0 : change_ <= 0 };
      }));
  }
  $("matrix-note").textContent = `Shares of each row in per cent; rows are the truth, columns the answer; ${many(faces.length)}, seed ${state.seed}. `
    + (state.matrices === "difference" ? "Blue: better than the reference, orange: worse. " : "") + "A cell lists its faces.";
  if (focused) document.querySelector(`[data-cell="${focused}"]`)?.focus();
}

function matrix(which, title, value) {
  const [current, at, to] = state.cell.split(":");
  const here = current === which ? [Number(at), Number(to)] : [0, 0];
  const body = emotions.map((truth_, row) => make("tr", {}, make("th", { scope: "row", textContent: truth_ }),
    ...emotions.map((_, column) => {
      const { text, more, strength, better } = value(row, column);
      const words = `${cellText(which, row, column)}: ${more}`;
      const own = row === here[0] && column === here[1];
      const cell = make("button", { type: "button", className: better ? "" : "worse", textContent: text, title: words,
        "aria-label": words, "aria-pressed": String(own && current === which), tabIndex: own ? 0 : -1 });
      cell.style.setProperty("--rate", strength);
      cell.dataset.cell = `${which}:${row}:${column}`;
      return make("td", {}, cell);
    })));
  const head = make("tr", {}, make("td"), ...emotions.map((emotion) => make("th", { scope: "col" }, make("span", { textContent: emotion }))));
  return make("table", { className: "matrix" }, make("caption", { textContent: title }), make("thead", {}, head), make("tbody", {}, ...body));
}

$("tables").addEventListener("click", ({ target }) => {
  const { cell } = target.dataset;
  if (cell) change({ cell: cell === state.cell ? "" : cell, box: "", outcome: cell === state.cell ? state.outcome : "all" });
});
$("tables").addEventListener("keydown", (event) => {
  if (!event.target.dataset.cell) return;
  const [which, row, column] = event.target.dataset.cell.split(":");
  const last = emotions.length - 1;
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -last], End: [0, last] }[event.key];
  if (!step) return;
  event.preventDefault();
  const [to, at] = [Number(row) + step[0], Number(column) + step[1]].map((place) => Math.min(Math.max(place, 0), last));
  event.target.tabIndex = -1;
  const next = document.querySelector(`[data-cell="${which}:${to}:${at}"]`);
  next.tabIndex = 0;
  next.focus();
});

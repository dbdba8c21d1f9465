"use strict";
// Everything that the reader sees is made with textContent: names from the config are never taken for HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { emotions, models, rows, look } = data;
  const METHODS = { tsne: "t-SNE", pca: "PCA" };
  const PAGE = 60; // faces listed at once
  const AROUND = 24; // faces that Enter on the map lists
  const $ = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const u16 = (text) => new Uint16Array(bytes(text).buffer);
  const u32 = (text) => new Uint32Array(bytes(text).buffer);
  const labels = bytes(data.labels);
  for (const model of models) {
    model.probabilities = model.probabilities.map(bytes);
    model.predicted = model.predicted.map(bytes);
    model.gate = model.gate.map(bytes);
    for (const plane of Object.values(model.maps)) {
      Object.assign(plane, { faces: u32(plane.faces), x: u16(plane.x), y: u16(plane.y) });
    }
  }

  const state = { model: 0, seed: 0, listed: null, title: "", cell: null, shown: PAGE, face: null };
  const percent = (share) => `${Math.round((100 * share) / 255)} %`;
  const many = (count) => `${count.toLocaleString("en")} ${count === 1 ? "face" : "faces"}`;

  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key.includes("-") || key === "role" || key === "scope") element.setAttribute(key, value);
      else element[key] = value;
    }
    element.append(...children);
    return element;
  }

  // ---- faces

  if (data.sheet) {
    const url = URL.createObjectURL(new Blob([bytes(data.sheet.webp)], { type: "image/webp" }));
    document.documentElement.style.setProperty("--sheet", `url("${url}")`);
    document.documentElement.style.setProperty("--columns", data.sheet.columns);
  }

  function picture(face, label) {
    if (!data.sheet) return [];
    const element = make("span", { className: "face" });
    if (label) {
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", label);
    }
    element.style.setProperty("--column", face % data.sheet.columns);
    element.style.setProperty("--row", Math.floor(face / data.sheet.columns));
    return [element];
  }

  const answer = (face) => models[state.model].predicted[state.seed][face];

  function bars(caption, names, values, marked) {
    const body = make("tbody");
    names.forEach((name, index) => {
      const bar = make("span", { className: "bar" });
      bar.style.width = `${(100 * values[index]) / 255}%`;
      const row = make("tr", {}, make("th", { scope: "row", textContent: name }), make("td", {}, bar),
        make("td", { textContent: percent(values[index]) }));
      if (index === marked) row.className = "truth";
      body.append(row);
    });
    return make("table", { className: "bars" }, make("caption", { textContent: caption }), body);
  }

  function showFace() {
    const box = $("face");
    const face = state.face;
    if (face === null) {
      box.replaceChildren(make("p", { className: "note", textContent: "None chosen yet: point at the map, or choose one below." }));
      return;
    }
    const model = models[state.model];
    const truth = emotions[labels[face]];
    const said = emotions[answer(face)];
    $("spoken").textContent = `Row ${rows[face]}: labelled ${truth}, called ${said}.`;
    const lines = make("div", {}, make("p", {}, `Labelled `, make("strong", { textContent: truth })),
      make("p", {}, `${model.label} says `, make("strong", { textContent: said }), truth === said ? " ✓" : " ✗"),
      make("p", { className: "note", textContent: `row ${rows[face]} of the data` }));
    const parts = [make("div", { className: "who" }, ...picture(face, `face of row ${rows[face]}, labelled ${truth}`), lines)];
    if (!data.sheet) parts.push(make("p", { className: "note", textContent: "This page was made without the pictures." }));
    parts.push(bars("Probabilities, the labelled emotion in bold", emotions,
      model.probabilities[state.seed].subarray(face * emotions.length, (face + 1) * emotions.length), labels[face]));
    const experts = model.experts;
    if (experts.length) {
      parts.push(bars("Weights of the gate, by expert", experts,
        model.gate[state.seed].subarray(face * experts.length, (face + 1) * experts.length), -1));
    }
    parts.push(others(face));
    box.replaceChildren(...parts);
  }

  function others(face) {
    const body = make("tbody");
    const seed = models[state.model].seeds[state.seed];
    models.forEach((model, index) => {
      const place = Math.max(model.seeds.indexOf(seed), 0);
      const said = model.predicted[place][face];
      const row = make("tr", {}, make("th", { scope: "row", textContent: model.label }),
        make("td", { textContent: `${emotions[said]} ${said === labels[face] ? "✓" : "✗"}` }),
        make("td", { textContent: percent(model.probabilities[place][face * emotions.length + said]) }));
      if (index === state.model) row.className = "chosen";
      body.append(row);
    });
    return make("table", { className: "others" }, make("caption", { textContent: "What every model says" }), body);
  }

  function chooseFace(face) {
    state.face = face;
    showFace();
    ring();
    for (const button of document.querySelectorAll("#gallery button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.face) === face));
    }
  }

  // ---- confusion matrix and the list of faces

  function counts() {
    const table = emotions.map(() => emotions.map(() => 0));
    labels.forEach((label, face) => { table[label][answer(face)] += 1; });
    return table;
  }

  function showConfusion() {
    const table = counts();
    const head = make("tr", {}, make("th", { scope: "col", textContent: "truth" }),
      ...emotions.map((emotion) => make("th", { scope: "col", textContent: emotion })));
    const body = make("tbody");
    const [at, to] = state.cell ?? [0, 0];
    emotions.forEach((truth, row) => {
      const sum = table[row].reduce((a, b) => a + b, 0);
      const line = make("tr", {}, make("th", { scope: "row", textContent: truth }));
      emotions.forEach((said, column) => {
        const rate = sum ? table[row][column] / sum : 0;
        const text = `true ${truth}, called ${said}: ${many(table[row][column])}, ${Math.round(100 * rate)} % of true ${truth}`;
        const chosen = state.cell !== null && row === at && column === to;
        const cell = make("button", { type: "button", textContent: table[row][column], title: text, "aria-label": text,
          "aria-pressed": String(chosen), tabIndex: row === at && column === to ? 0 : -1 });
        cell.style.setProperty("--rate", rate);
        Object.assign(cell.dataset, { row, column });
        line.append(make("td", {}, cell));
      });
      body.append(line);
    });
    const focused = $("confusion").contains(document.activeElement) ? document.activeElement.dataset : null;
    $("confusion").replaceChildren(make("thead", {}, head), body);
    if (focused) cellAt(Number(focused.row), Number(focused.column)).focus();
    const right = emotions.reduce((sum, _, index) => sum + table[index][index], 0);
    const { label, seeds } = models[state.model];
    $("accuracy").textContent =
      `${label}, seed ${seeds[state.seed]}: ${((100 * right) / labels.length).toFixed(1)} % of ${many(labels.length)} right.`;
  }

  const cellAt = (row, column) => document.querySelector(`#confusion button[data-row="${row}"][data-column="${column}"]`);

  $("confusion").addEventListener("keydown", (event) => {
    if (!event.target.dataset.row) return;
    const last = emotions.length - 1;
    let [row, column] = [Number(event.target.dataset.row), Number(event.target.dataset.column)];
    if (event.key === "ArrowRight") column = Math.min(column + 1, last);
    else if (event.key === "ArrowLeft") column = Math.max(column - 1, 0);
    else if (event.key === "ArrowDown") row = Math.min(row + 1, last);
    else if (event.key === "ArrowUp") row = Math.max(row - 1, 0);
    else if (event.key === "Home") column = 0;
    else if (event.key === "End") column = last;
    else return;
    event.preventDefault();
    event.target.tabIndex = -1;
    cellAt(row, column).tabIndex = 0;
    cellAt(row, column).focus();
  });

  $("confusion").addEventListener("click", (event) => {
    const { row, column } = event.target.dataset;
    if (row === undefined) return;
    state.cell = [Number(row), Number(column)];
    listCell();
    showConfusion();
  });

  function listCell() {
    const [row, column] = state.cell;
    const found = [];
    labels.forEach((label, face) => { if (label === row && answer(face) === column) found.push(face); });
    const right = row === column;
    list(found, right ? `True ${emotions[row]}, and called so` : `True ${emotions[row]}, called ${emotions[column]}`);
  }

  // `faces` null is all of them; the map marks those that are listed.
  function list(faces, title) {
    Object.assign(state, { listed: faces, title, shown: PAGE });
    showGallery();
    mark();
  }

  function showGallery() {
    const faces = state.listed ?? [...labels.keys()];
    $("gallery-title").textContent = state.listed ? state.title : "All test faces";
    const shown = faces.slice(0, state.shown);
    $("gallery-note").textContent = faces.length > shown.length
      ? `${many(faces.length)}, the first ${shown.length} shown.` : `${many(faces.length)}.`;
    $("gallery").replaceChildren(...shown.map((face) => {
      const text = `row ${rows[face]}, labelled ${emotions[labels[face]]}, called ${emotions[answer(face)]}`;
      const inside = data.sheet ? picture(face) : [String(rows[face])];
      const button = make("button", { type: "button", title: text, "aria-label": text, "aria-pressed": String(face === state.face) },
        ...inside);
      button.dataset.face = face;
      return button;
    }));
    $("more").hidden = faces.length <= shown.length;
    $("clear").hidden = state.listed === null;
  }

  $("gallery").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) chooseFace(Number(button.dataset.face));
  });
  $("more").addEventListener("click", () => {
    const before = state.shown;
    state.shown += PAGE;
    showGallery();
    $("gallery").children[before].focus();
  });
  $("clear").addEventListener("click", () => {
    state.cell = null;
    list(null, "");
    showConfusion();
    $("gallery-title").focus();
  });

  // ---- map

  let view = null; // Bokeh's figure and sources, once they are there
  let plane = null; // the faces on the map and where they are
  let marked = ""; // the selection that this script made itself; Bokeh reports it like the reader's, and later

  const colours = () => (dark.matches ? look.dark : look.light);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function groups() {
    // Which of the legend's entries a face belongs to.
    if ($("colour").value === "error") {
      return { names: ["right", "wrong"], markers: ["circle", "x"], colours: [css("--faint"), dark.matches ? "#F0803C" : "#D55E00"],
        of: (face) => Number(answer(face) !== labels[face]) };
    }
    const truth = $("colour").value === "truth";
    return { names: emotions, markers: look.markers, colours: colours(), of: (face) => (truth ? labels[face] : answer(face)) };
  }

  const SHAPES = {
    circle: "M5 0a5 5 0 1 0 .01 0z", square: "M.5.5h9v9h-9z", diamond: "M5-.8 9 5 5 10.8 1 5z", triangle: "M5 0l5 9H0z",
    inverted_triangle: "M5 10l5-9H0z", plus: "M3.3 0h3.4v3.3H10v3.4H6.7V10H3.3V6.7H0V3.3h3.3z",
    x: "M1.5 0 5 3.4 8.5 0 10 1.5 6.6 5 10 8.5 8.5 10 5 6.6 1.5 10 0 8.5 3.4 5 0 1.5z",
  };

  function showLegend(how) {
    $("legend").replaceChildren(...how.names.map((name, index) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 10 10");
      svg.setAttribute("aria-hidden", "true");
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", SHAPES[how.markers[index]]);
      path.setAttribute("fill", how.colours[index]);
      svg.append(path);
      return make("span", {}, svg, name);
    }));
  }

  function maker() {
    const value = $("mapmaker").value;
    return models[value === "same" ? state.model : Number(value)];
  }

  function showMap() {
    const how = groups();
    showLegend(how);
    const from = maker();
    const drawn = maker().maps[$("method").value] ?? null;
    const seed = models[state.model].seeds[state.seed];
    const first = Math.min(...from.seeds);
    const notes = [];
    if (!drawn) notes.push(`${from.label} was not projected: there is no map of it.`);
    else {
      if (drawn.faces.length < labels.length) notes.push(`A sample of ${drawn.faces.length.toLocaleString("en")} of ${many(labels.length)}.`);
      if (seed !== first) notes.push(`The map stays that of seed ${first}, the only one projected; answers are those of seed ${seed}.`);
      if (from !== models[state.model]) notes.push(`The map is that of ${from.label}; answers are those of ${models[state.model].label}.`);
    }
    $("map-note").textContent = notes.join(" ");
    plane = drawn;
    if (!view) return;
    const faces = drawn ? [...drawn.faces] : [];
    const of = faces.map(how.of);
    view.points.data = { x: drawn ? [...drawn.x] : [], y: drawn ? [...drawn.y] : [], face: faces,
      colour: of.map((group) => how.colours[group]), marker: of.map((group) => how.markers[group]) };
    mark();
    ring();
  }

  function mark() {
    if (!view || !plane) return;
    const listed = new Set(state.listed ?? []);
    const indices = state.listed ? view.points.data.face.flatMap((face, at) => (listed.has(face) ? [at] : [])) : [];
    marked = indices.join();
    view.points.selected.indices = indices;
  }

  function ring() {
    if (!view) return;
    const at = plane && state.face !== null ? plane.faces.indexOf(state.face) : -1;
    view.ring.data = at < 0 ? { x: [], y: [] } : { x: [plane.x[at]], y: [plane.y[at]] };
  }

  function paint() {
    if (!view) return;
    Object.assign(view.figure, { background_fill_color: css("--page"), border_fill_color: css("--page"), outline_line_color: null });
    view.ringShape.glyph.line_color = css("--ink");
  }

  window.explorer = {
    pointedAt(indices) {
      if (indices.length && plane) {
        const face = plane.faces[indices[indices.length - 1]];
        if (face !== state.face) chooseFace(face);
      }
    },
    selectedOnMap(indices) {
      const sorted = [...indices].sort((a, b) => a - b);
      if (!plane || sorted.join() === marked) return;
      state.cell = null;
      if (indices.length === 1) chooseFace(plane.faces[indices[0]]);
      list(indices.length ? sorted.map((at) => plane.faces[at]) : null, "Selected on the map");
      showConfusion();
    },
  };

  $("map").addEventListener("keydown", (event) => {
    if (!plane || event.target !== $("map")) return;
    const here = Math.max(state.face === null ? 0 : plane.faces.indexOf(state.face), 0);
    const [x, y] = [plane.x[here], plane.y[here]];
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (direction) {
      event.preventDefault();
      if (state.face === null) return chooseFace(plane.faces[0]);
      let [best, cost] = [here, Infinity];
      plane.faces.forEach((_, at) => {
        const [dx, dy] = [plane.x[at] - x, plane.y[at] - y];
        const along = dx * direction[0] + dy * direction[1];
        const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
        // Within 45 degrees of the arrow, what lies aside counts double.
        if (along > 0 && aside <= along && along + 2 * aside < cost) [best, cost] = [at, along + 2 * aside];
      });
      chooseFace(plane.faces[best]);
    } else if (event.key === "Enter" && state.face !== null) {
      event.preventDefault();
      const far = (at) => (plane.x[at] - x) ** 2 + (plane.y[at] - y) ** 2;
      const near = [...plane.faces.keys()].sort((a, b) => far(a) - far(b)).slice(0, AROUND);
      state.cell = null;
      list(near.map((at) => plane.faces[at]), "The nearest on the map");
      showConfusion();
    }
  });

  // ---- controls

  function fill(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => make("option", { value: String(value), textContent: text })));
  }

  function fillSeeds(wanted) {
    const { seeds } = models[state.model];
    fill($("seed"), seeds.map((seed, index) => [index, seed]));
    state.seed = Math.max(seeds.indexOf(wanted), 0);
    $("seed").value = String(state.seed);
    $("seed").disabled = seeds.length === 1;
  }

  function fillMethods() {
    const before = $("method").value;
    const known = Object.keys(maker().maps);
    const order = [...Object.keys(METHODS), ...known].filter((name, at, all) => known.includes(name) && all.indexOf(name) === at);
    fill($("method"), order.map((name) => [name, METHODS[name] ?? name]));
    if (known.includes(before)) $("method").value = before;
  }

  function showAll() {
    showMap();
    showConfusion();
    if (state.cell) listCell();
    else showGallery();
    showFace();
  }

  $("model").addEventListener("change", () => {
    const before = models[state.model].seeds[state.seed];
    state.model = Number($("model").value);
    fillSeeds(before);
    fillMethods();
    showAll();
  });
  $("seed").addEventListener("change", () => {
    state.seed = Number($("seed").value);
    showAll();
  });
  $("colour").addEventListener("change", showMap);
  $("method").addEventListener("change", showMap);
  $("mapmaker").addEventListener("change", () => {
    fillMethods();
    showMap();
  });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", () => {
    paint();
    showMap();
  });

  fill($("model"), models.map((model, index) => [index, model.label]));
  fill($("mapmaker"), [["same", "the same model"], ...models.map((model, index) => [index, model.label])]);
  $("model").value = "0";
  $("mapmaker").value = "same";
  $("colour").value = "truth";
  fillSeeds(models[0].seeds[0]);
  fillMethods();
  showAll();

  const item = JSON.parse($("map-data").textContent);
  Bokeh.embed.embed_item(item, "map").then(() => {
    const document_ = Bokeh.documents[Bokeh.documents.length - 1];
    const find = (name) => document_.get_model_by_name(name);
    const figure = find("map");
    view = { figure, points: find("points"), ring: find("ring"), ringShape: find("ring-shape") };
    // A finger that scrolls the page must not drag the map; its tools can be chosen above it.
    if (matchMedia("(pointer: coarse)").matches) figure.toolbar.active_drag = null;
    paint();
    showMap();
    document.documentElement.dataset.ready = "true";
  });
})();

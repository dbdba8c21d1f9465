// The controls, and the page as a whole.

const SELECTS = ["model", "reference", "seed", "truth", "faces", "pair", "sort", "matrices", "map", "colour"];

function fill(id, entries) {
  $(id).replaceChildren(...entries.map(([value, text]) => make("option", { value, textContent: text })));
}

// The questions of the paper, by name.
const [primary, control, single] = data.opening;
const label = (name) => models[names.indexOf(name)].label;
const against = (reference, outcome_) => [`${label(primary)} ${outcome_ === "model" ? "right" : "wrong"}, `
  + `${label(reference)} ${outcome_ === "model" ? "wrong" : "right"}`, { reference, outcome: outcome_ }];
const VIEWS = new Map([...new Set([control, single])].flatMap((name) => [against(name, "reference"), against(name, "model")]));
VIEWS.set("errors on faces with a twin", { outcome: "reference", faces: "twins" });
if (votes) {
  VIEWS.set("judged by FER+’s majority", { outcome: "reference", truth: "majority" });
  VIEWS.set("FER+’s majority is not the label", { outcome: "all", faces: "doubted" });
}
const viewOf = (what) => ({ model: primary, reference: control, truth: "label", faces: "all", pair: "", cell: "", box: "", ...what });
const isView = (what) => Object.entries(viewOf(what)).every(([key, value]) => state[key] === value);

function show() {
  writeAddress();
  $("view").value = [...VIEWS].find(([, what]) => isView(what))?.[0] ?? "";
  for (const key of SELECTS) $(key).value = state[key];
  if (maps.length) $("map").value = mapName();
  $("list-title").textContent = `Faces: ${outcomeText(state.outcome)}`;
  showList();
  showFace();
  showMatrices();
  showMap();
}

// Other faces or models: the face that was looked at may not be among them.
function change(what) {
  Object.assign(state, { face: "" }, what);
  show();
}

function choose(face, unfold = false) {
  state.face = String(rows[face]);
  writeAddress();
  showFace();
  press();
  showMap();
  if (unfold) fold(false);
}

// On a phone the face is a sheet at the lower edge, of which at first only the head is seen.
function fold(folded) {
  $("face-section").classList.toggle("folded", folded);
  $("unfold").setAttribute("aria-expanded", String(!folded));
  $("unfold").textContent = folded ? "More" : "Less";
  $("face-section").scrollTop = 0;
}

fill("view", [["", "your own"], ...[...VIEWS.keys()].map((name) => [name, name])]);
fill("model", models.map((model) => [model.name, model.label]));
fill("reference", models.map((model) => [model.name, model.label]));
fill("seed", CHOICES.seed.map((seed) => [seed, seed]));
fill("pair", [["", "any"], ...pairs.map((pair) => [pair, pair.replace("-", " and ")])]);
fill("map", maps.map((name) => {
  const [model, method] = name.split("/");
  return [name, `${models[names.indexOf(model)].label}, ${METHODS[method] ?? method}`];
}));
$("outcomes").append(...CHOICES.outcome.map((value) => make("button", { type: "button", value },
  make("span"), make("b"))));
if (votes) $("faces").append(make("option", { value: "doubted", textContent: "FER+’s majority is not the label" }));
$("truth").disabled = !votes;
$("view").addEventListener("change", () => change(viewOf(VIEWS.get($("view").value) ?? {})));
$("map-section").hidden = !maps.length;
$("own").hidden = Boolean(data.sheet) || data.synthetic;
if (data.sheet) useSheet(new Blob([bytes(data.sheet.webp)], { type: "image/webp" }), data.sheet.columns);

for (const key of SELECTS) {
  const same = ["matrices", "map", "colour"].includes(key); // the faces stay those that are listed
  $(key).addEventListener("change", () => change({ ...(same ? { face: state.face } : {}), [key]: $(key).value }));
}
$("outcomes").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button) change({ outcome: button.value });
});
$("gallery").addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  if (button) choose(Number(button.dataset.face), true);
});
$("more").addEventListener("click", () => {
  const before = shown;
  shown += PAGE;
  showGallery();
  $("gallery").children[before].focus();
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const face = faceOf.get(Number($("row").value));
  if (face !== undefined && $("row").value) choose(face, true);
  else $("list-note").textContent = `Row ${$("row").value} is none of the ${many(rows.length)} of the test split.`;
});
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("unfold").addEventListener("click", () => fold(!$("face-section").classList.contains("folded")));
addEventListener("hashchange", () => {
  readAddress();
  show();
});
dark.addEventListener("change", showMap);
new ResizeObserver(showMap).observe(canvas);

readAddress();
fold(true);
show();
document.documentElement.dataset.ready = "true";

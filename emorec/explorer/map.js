// The map: a canvas of points, each a face.

const METHODS = { tsne: "t-SNE", pca: "PCA" };
const EDGE = 65535; // coordinates go from 0 to it
const SHAPES = { // in a square of 10
  angry: "M5 10l5-9H0z", disgust: "M3.3 0h3.4v3.3H10v3.4H6.7V10H3.3V6.7H0V3.3h3.3z", fear: "M.5.5h9v9h-9z",
  happy: "M5 0a5 5 0 1 0 .01 0z", sad: "M5-.8 9 5 5 10.8 1 5z", surprise: "M5 0l5 9H0z",
  neutral: "M1.5 0 5 3.4 8.5 0 10 1.5 6.6 5 10 8.5 8.5 10 5 6.6 1.5 10 0 8.5 3.4 5 0 1.5z",
};
const canvas = $("canvas");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let view = { left: 0, bottom: 0, span: EDGE }; // the part of the map that is drawn
let drag = null; // where the reader began a rectangle, on the map

// The map that is shown: the one chosen, else the model's own, the reference's, or the first.
function mapName() {
  const own = ["model", "reference"].flatMap((which) => maps.filter((name) => name.startsWith(`${state[which]}/`)).sort().reverse());
  return state.map || own[0] || maps[0];
}
function plane() {
  const [name, method] = mapName().split("/");
  return models[names.indexOf(name)].maps[method];
}
const places = new Map(); // by plane: by face, its place among the plane's points
function onMap() {
  const now = plane();
  if (!places.has(now)) places.set(now, new Map([...now.faces].map((face, at) => [face, at])));
  return places.get(now);
}

function kinds() {
  const colours = dark.matches ? look.dark : look.light;
  if (state.colour === "outcome") {
    const looks = { model: [colours[4], "happy"], reference: [colours[0], "angry"], both: [css("--faint"), "fear"], neither: [colours[2], "neutral"] };
    return { entries: Object.fromEntries(Object.entries(looks).map(([value, how]) => [value, [outcomeText(value), ...how]])), of: outcome };
  }
  const entries = Object.fromEntries(emotions.map((emotion, at) => [at, [emotion, colours[at], emotion]]));
  return { entries, of: (face) => (state.colour === "truth" ? truth(face) : answer(named("model"), face)) };
}

const side = () => canvas.clientWidth;
const height = () => canvas.clientHeight;
const scale = () => (Math.min(side(), height()) - 24) / view.span;
const toScreen = (x, y) => [side() / 2 + (x - view.left - view.span / 2) * scale(), height() / 2 - (y - view.bottom - view.span / 2) * scale()];
const toMap = (x, y) => [(x - side() / 2) / scale() + view.left + view.span / 2, (height() / 2 - y) / scale() + view.bottom + view.span / 2];

function showMap() {
  if (!maps.length) return;
  const { entries, of } = kinds();
  $("legend").replaceChildren(...Object.values(entries).map(([name, colour, shape]) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 10 10");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", SHAPES[shape]);
    path.setAttribute("fill", colour);
    svg.append(path);
    return make("span", {}, svg, name);
  }));
  const now = plane();
  const model = models[names.indexOf(mapName().split("/")[0])];
  $("map-note").textContent = `${many(listed.filter((face) => onMap().has(face)).length)} of the list stand out among ${many(now.faces.length)}`
    + `${now.faces.length < labels.length ? ", a sample" : ""}. The map is of seed ${Math.min(...model.seeds)}. Point at a face or tap it `
    + "to see it; drag a rectangle to list its faces. Keys: arrows go to the next face that way, Enter lists the faces around it.";
  draw(now, entries, of);
}

function draw(now, entries, of) {
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: side() * ratio, height: height() * ratio });
  const pen = canvas.getContext("2d");
  const marked = new Set(listed);
  const paths = Object.fromEntries(Object.entries(SHAPES).map(([name, path]) => [name, new Path2D(path)]));
  const point = (at, alpha) => {
    const entry = entries[of(now.faces[at])];
    if (!entry) return; // a face that is not judged
    const [x, y] = toScreen(now.x[at], now.y[at]);
    pen.setTransform(0.8 * ratio, 0, 0, 0.8 * ratio, (x - 4) * ratio, (y - 4) * ratio);
    pen.globalAlpha = alpha;
    pen.fillStyle = entry[1];
    pen.fill(paths[entry[2]]);
  };
  const order = [...now.faces.keys()];
  order.filter((at) => !marked.has(now.faces[at])).forEach((at) => point(at, 0.13));
  order.filter((at) => marked.has(now.faces[at])).forEach((at) => point(at, 0.85));
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.globalAlpha = 1;
  pen.strokeStyle = css("--ink");
  pen.lineWidth = 2.5;
  const here = onMap().get(chosen());
  if (here !== undefined) {
    pen.beginPath();
    pen.arc(...toScreen(now.x[here], now.y[here]), 10, 0, 7);
    pen.stroke();
  }
  const box = drag ? [...drag.from, ...drag.to] : state.box && state.box.split(",").map(Number);
  if (box) {
    const [a, b] = [toScreen(box[0], box[1]), toScreen(box[2], box[3])];
    pen.lineWidth = 1.5;
    pen.strokeRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
  }
}

function nearest(x, y) {
  const now = plane();
  let [best, cost] = [null, 14 ** 2]; // pixels
  now.faces.forEach((face, at) => {
    const [px, py] = toScreen(now.x[at], now.y[at]);
    const far = (px - x) ** 2 + (py - y) ** 2;
    if (far < cost && truth(face) !== NONE) [best, cost] = [face, far];
  });
  return best;
}

const boxOf = (from, to) => {
  const within = (value) => Math.round(Math.min(Math.max(value, 0), EDGE));
  return [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])].map(within).join();
};

canvas.addEventListener("pointerdown", (event) => {
  if (event.pointerType !== "mouse" || event.button) return; // a finger scrolls the page
  const at = toMap(event.offsetX, event.offsetY);
  drag = { from: at, to: at };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (event.pointerType !== "mouse") return;
  if (drag) {
    drag.to = toMap(event.offsetX, event.offsetY);
    return showMap();
  }
  const face = nearest(event.offsetX, event.offsetY);
  if (face !== null && face !== chosen()) choose(face);
});
canvas.addEventListener("pointerup", () => {
  const now = drag;
  drag = null;
  if (now && Math.abs(now.from[0] - now.to[0]) * scale() > 5) change({ box: boxOf(now.from, now.to), cell: "", outcome: "all" });
  else showMap();
});
canvas.addEventListener("click", (event) => {
  const face = nearest(event.offsetX, event.offsetY);
  if (face !== null) choose(face, true);
});
canvas.addEventListener("keydown", (event) => {
  const now = plane();
  const here = onMap().get(chosen()) ?? 0;
  const [x, y] = [now.x[here], now.y[here]];
  const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
  if (direction) {
    event.preventDefault();
    let [best, cost] = [here, Infinity];
    now.faces.forEach((_, at) => {
      const [dx, dy] = [now.x[at] - x, now.y[at] - y];
      const along = dx * direction[0] + dy * direction[1];
      const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
      // Within 45 degrees of the arrow, what lies aside counts double.
      if (along > 0 && aside <= along && along + 2 * aside < cost) [best, cost] = [at, along + 2 * aside];
    });
    choose(now.faces[best]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    const reach = EDGE / 20;
    change({ box: boxOf([x - reach, y - reach], [x + reach, y + reach]), cell: "", outcome: "all", face: state.face });
  }
});

// To the rectangle, or else twice as large around the face.
$("closer").addEventListener("click", () => {
  if (state.box) {
    const [left, bottom, right, top] = state.box.split(",").map(Number);
    const span = Math.max(right - left, top - bottom, 100);
    view = { left: (left + right - span) / 2, bottom: (bottom + top - span) / 2, span };
  } else {
    const here = onMap().get(chosen());
    const [x, y] = here === undefined ? [view.left + view.span / 2, view.bottom + view.span / 2] : [plane().x[here], plane().y[here]];
    const span = Math.max(view.span / 2, 100);
    view = { left: x - span / 2, bottom: y - span / 2, span };
  }
  showMap();
});
$("whole").addEventListener("click", () => {
  view = { left: 0, bottom: 0, span: EDGE };
  showMap();
});

// The faces' pictures: from the page, or from a table of the reader's own, which stays in the page.

const SIDE = 48; // pixels, both ways
let sheet = data.sheet && { columns: data.sheet.columns };

function useSheet(blob, columns) {
  sheet = { columns };
  document.documentElement.style.setProperty("--sheet", `url("${URL.createObjectURL(blob)}")`);
  document.documentElement.style.setProperty("--columns", columns);
}

async function* lines(file) {
  let stream = file.stream();
  if (file.name.endsWith(".gz")) stream = stream.pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const found = (rest + value).split("\n");
    rest = found.pop();
    yield* found;
  }
  if (rest) yield rest;
}

// A canvas with the faces of `wanted` (a Map from row to tile) from a table like fer2013.csv. Errors say what is wrong.
async function readTable(file, wanted, columns) {
  const picture_ = make("canvas", { width: columns * SIDE, height: Math.ceil(wanted.size / columns) * SIDE });
  const pen = picture_.getContext("2d");
  const fields = (line) => line.split(",").map((field) => field.trim().replace(/^"|"$/g, ""));
  let place = null;
  let row = -1;
  let found = 0;
  for await (const line of lines(file)) {
    if (!line.trim()) continue;
    if (!place) {
      const header = fields(line.replace(/^\ufeff/, "")).map((name) => name.toLowerCase());
      place = { emotion: header.indexOf("emotion"), pixels: header.indexOf("pixels"), usage: header.indexOf("usage") };
      if (Object.values(place).includes(-1)) throw new Error(`${file.name} has no columns emotion, pixels and Usage.`);
      continue;
    }
    row += 1;
    const tile = wanted.get(row);
    if (tile === undefined) continue;
    const own = fields(line);
    const face = faceOf.get(row);
    if (face !== undefined && (own[place.usage] !== "PrivateTest" || Number(own[place.emotion]) !== labels[face])) {
      throw new Error(`${file.name}: row ${row} is not the face that was predicted; choose the fer2013.csv of this study.`);
    }
    const grey = (own[place.pixels] ?? "").split(" ").map(Number);
    if (grey.length !== SIDE * SIDE || grey.some((value) => !(value >= 0 && value <= 255))) {
      throw new Error(`${file.name}: row ${row} does not hold ${SIDE}×${SIDE} grey pixels.`);
    }
    const image = new ImageData(SIDE, SIDE);
    grey.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
    pen.putImageData(image, (tile % columns) * SIDE, Math.floor(tile / columns) * SIDE);
    found += 1;
  }
  if (found < wanted.size) throw new Error(`${file.name} lacks ${many(wanted.size - found)} of this study.`);
  return picture_;
}

$("own-file").addEventListener("change", async ({ target }) => {
  const file = target.files[0];
  if (!file) return;
  $("own-note").textContent = `Reading ${file.name} …`;
  try {
    const columns = 50;
    const picture_ = await readTable(file, tileOf, columns);
    useSheet(await new Promise((resolve) => picture_.toBlob(resolve)), columns);
    $("own-note").textContent = `The faces are those of ${file.name}.`;
    show();
  } catch (error) {
    $("own-note").textContent = error.message;
  }
});

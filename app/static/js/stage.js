// The picture with its heatmap and marks, and how it is looked at. Knows nothing of the API.

import { byId } from "./elements.js";
import { mayBeTurned } from "./files.js";

const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const SVG = "http://www.w3.org/2000/svg";

export function installStage() {
  const [stage, scroller, sheet] = ["stage", "scroller", "sheet"].map(byId);
  const [picture, heat, marks, busy] = ["picture", "heat", "marks", "busy"].map(byId);
  const [opacity, boxes, out, into] = ["opacity", "boxes", "zoom-out", "zoom-in"].map(byId);
  let zoom = 0;
  let shownUrl = null; // of the file
  let heatUrl = null; // of the answer
  let drawnByService = false; // the picture on it is the answer's own
  let drawn = { regions: [], image: { width: 1, height: 1 }, roi: [] };

  function setZoom(index) {
    const [x, y] = [scroller.scrollLeft + scroller.clientWidth / 2, scroller.scrollTop + scroller.clientHeight / 2];
    const grows = ZOOMS[index] / ZOOMS[zoom];
    zoom = index;
    sheet.style.width = `${100 * ZOOMS[zoom]}%`;
    scroller.scrollLeft = x * grows - scroller.clientWidth / 2;
    scroller.scrollTop = y * grows - scroller.clientHeight / 2;
    byId("zoom").textContent = `${Math.round(100 * ZOOMS[zoom])} %`;
    out.disabled = zoom === 0;
    into.disabled = zoom === ZOOMS.length - 1;
  }

  function mark() {
    marks.replaceChildren();
    for (const polygon of drawn.roi) marks.append(polygonOf(polygon, "roi"));
    if (!boxes.checked) return;
    const { width, height } = drawn.image;
    for (const { box: [x0, y0, x1, y1] } of drawn.regions) {
      marks.append(polygonOf([[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(([x, y]) => [x / width, y / height]), "box"));
    }
  }

  function dropHeat() {
    if (heatUrl) URL.revokeObjectURL(heatUrl);
    heatUrl = null;
    heat.hidden = true;
    drawn = { ...drawn, regions: [] };
    delete stage.dataset.outdated;
    mark();
  }

  out.addEventListener("click", () => setZoom(Math.max(0, zoom - 1)));
  into.addEventListener("click", () => setZoom(Math.min(ZOOMS.length - 1, zoom + 1)));
  scroller.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") into.click();
    else if (event.key === "-") out.click();
  });
  opacity.addEventListener("input", () => {
    heat.style.opacity = opacity.value / 100;
  });
  boxes.addEventListener("change", mark);
  heat.style.opacity = opacity.value / 100;
  setZoom(0);

  return {
    sheet,
    picture,
    isShown: () => stage.dataset.state === "shown",
    /** Whether the picture on it has this size: with another a heatmap lies askew. */
    fits: ({ width, height }) => picture.naturalWidth === width && picture.naturalHeight === height,
    /** A file as soon as it is chosen. Resolves to whether the browser shows it as the service sees it. */
    async show(file) {
      if (shownUrl) URL.revokeObjectURL(shownUrl);
      const url = URL.createObjectURL(file);
      shownUrl = url;
      drawnByService = false;
      dropHeat();
      heat.removeAttribute("src"); // nothing of another picture is seen while the next one loads
      setZoom(0);
      picture.src = url;
      picture.alt = `The picture ${file.name}`;
      const turned = mayBeTurned(file);
      const decoded = await picture.decode().then(() => true, () => false);
      const readable = decoded && !(await turned);
      if (url !== shownUrl) return false; // another was chosen meanwhile
      stage.dataset.state = readable ? "shown" : "unreadable";
      return readable;
    },
    /** An answer's heatmap, the service's own: over the picture or, where that cannot be shown, in
     * its place. Resolves when it is to be seen. */
    async answer(prediction, readable) {
      const [before, url] = [heatUrl, URL.createObjectURL(prediction.heatmap.blob)];
      heatUrl = url;
      drawnByService = !readable;
      const image = readable ? heat : picture;
      image.src = url;
      await image.decode().catch(() => {});
      if (before) URL.revokeObjectURL(before);
      if (url !== heatUrl) return; // another was asked meanwhile
      heat.hidden = !readable;
      stage.dataset.state = "shown";
      opacity.disabled = !readable;
      opacity.title = readable ? "" : "This browser cannot show such a file as the service sees it";
      picture.alt = `The picture, scored ${prediction.anomaly_score.toFixed(3)}`;
      drawn = { ...drawn, regions: prediction.regions, image: prediction.image };
      delete stage.dataset.outdated;
      mark();
    },
    /** The heatmap and boxes are of an answer that holds no more, or hold again. */
    outdate(on) {
      if (on) stage.dataset.outdated = drawnByService ? "picture" : "heat";
      else delete stage.dataset.outdated;
    },
    /** There is no answer to this picture. */
    forget() {
      dropHeat();
      if (drawnByService) stage.dataset.state = "unreadable";
    },
    /** Polygons as shares of width and height. */
    outline(roi) {
      drawn = { ...drawn, roi };
      mark();
    },
    busy(on) {
      busy.hidden = !on;
      stage.setAttribute("aria-busy", String(on));
    },
  };
}

export function polygonOf(points, kind) {
  const shape = document.createElementNS(SVG, "polygon");
  shape.setAttribute("points", points.map((point) => point.join(",")).join(" "));
  shape.setAttribute("class", kind);
  return shape;
}

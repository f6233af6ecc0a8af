// Drawing a region of interest: corners by mouse, finger or keyboard. Knows nothing of the API.

import { byId } from "./elements.js";
import { polygonOf } from "./stage.js";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.02;
const HINT = "Click the corners one after another; or move the cross with the arrow keys and press Enter. Backspace takes a corner back, Escape cancels.";

/** onRegion(points): at least three [x, y], each in [0, 1]. */
export function installRegion(sheet, onRegion) {
  const [draw, panel, hint] = ["draw", "drawing", "drawing-hint"].map(byId);
  const [save, undo, cancel] = ["region-save", "region-undo", "region-cancel"].map(byId);
  const layer = document.createElementNS(SVG, "svg");
  layer.setAttribute("viewBox", "0 0 1 1");
  layer.setAttribute("preserveAspectRatio", "none");
  layer.setAttribute("class", "drawing-layer");
  layer.setAttribute("tabindex", "0");
  layer.setAttribute("role", "application");
  layer.setAttribute("aria-label", "Corners of the region of interest");
  let points = [];
  let cross = [0.5, 0.5];

  function paint(said = HINT) {
    layer.replaceChildren();
    if (points.length) layer.append(polygonOf(points, "drawn"));
    for (const point of points) layer.append(...crossAt(point, "corner"));
    layer.append(...crossAt(cross, "cross"));
    hint.textContent = said;
    save.disabled = points.length < 3;
    undo.disabled = points.length === 0;
  }

  function begin() {
    points = [];
    cross = [0.5, 0.5];
    panel.hidden = false;
    draw.setAttribute("aria-pressed", "true");
    sheet.append(layer);
    paint();
    layer.focus({ preventScroll: true });
  }

  function end() {
    const within = layer === document.activeElement || panel.contains(document.activeElement);
    panel.hidden = true;
    draw.setAttribute("aria-pressed", "false");
    layer.remove();
    if (within) draw.focus({ preventScroll: true }); // and take it from nothing else
  }

  function add(point) {
    points.push(point.map((value) => Math.round(value * 1e4) / 1e4));
    paint(`${points.length} ${points.length === 1 ? "corner" : "corners"}. ${HINT}`);
  }

  function takeBack() {
    points.pop();
    paint();
  }

  function finish() {
    if (points.length < 3) return;
    end();
    onRegion(points);
  }

  const keys = {
    ArrowLeft: () => move(-STEP, 0), ArrowRight: () => move(STEP, 0),
    ArrowUp: () => move(0, -STEP), ArrowDown: () => move(0, STEP),
    Enter: () => add([...cross]), " ": () => add([...cross]), Backspace: takeBack, Escape: end,
  };

  function move(x, y) {
    cross = [cross[0] + x, cross[1] + y].map((value) => Math.min(1, Math.max(0, value)));
    paint(`Cross at ${Math.round(100 * cross[0])} % from the left, ${Math.round(100 * cross[1])} % from the top.`);
  }

  layer.addEventListener("keydown", (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  layer.addEventListener("click", (event) => {
    const frame = layer.getBoundingClientRect();
    if (!frame.width || !frame.height) return;
    cross = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height]
      .map((value) => Math.min(1, Math.max(0, value)));
    add([...cross]);
  });
  draw.addEventListener("click", () => (panel.hidden ? begin() : end()));
  save.addEventListener("click", finish);
  undo.addEventListener("click", takeBack);
  cancel.addEventListener("click", end);

  function stop() {
    if (!panel.hidden) end();
  }

  return {
    stop,
    allow(on) {
      if (!on) stop();
      draw.disabled = !on;
    },
  };
}

function crossAt([x, y], kind) {
  return [[[x - 0.015, y], [x + 0.015, y]], [[x, y - 0.015], [x, y + 0.015]]].map((ends) => {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", ends.map((end) => end.join(",")).join(" "));
    line.setAttribute("class", kind);
    return line;
  });
}

// Where pictures come from: dropped, pasted, chosen, packaged, or taken with the camera.

import { takePicture } from "./camera.js";
import { byId, make } from "./elements.js";

const SAMPLES = [
  ["wood-scratch", "wood", "scratched"], ["wood-good", "wood", "good"],
  ["tile-crack", "tile", "cracked"], ["tile-good", "tile", "good"],
  ["fabric-stain", "fabric", "stained"], ["fabric-good", "fabric", "good"],
  ["bamboo-mat-hole", "bamboo mat", "with a hole"], ["bamboo-mat-good", "bamboo mat", "good"],
];

/** onPictures(files, name): files or a promise of one; name is what a sample shows, else null. */
export function installPictures(onPictures) {
  installDrop(byId("drop"), byId("pick"), byId("file"), (files) => onPictures(files, null));
  dropOn(byId("stage"), (files) => onPictures(files, null));
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length && !document.querySelector("dialog[open]")) onPictures(files, null);
  });
  byId("open-camera").addEventListener("click", async () => {
    const file = await takePicture();
    if (file) onPictures([file], null);
  });
  for (const [file, name, how] of SAMPLES) {
    const image = make("img", { src: `static/samples/${file}.png`, alt: "", width: 72, height: 72, loading: "lazy" });
    const button = make("button", { type: "button", title: `${name}, ${how}` }, image, make("span", {}, `${name}, ${how}`));
    button.addEventListener("click", () => onPictures(fetchSample(file), name));
    byId("samples").append(make("li", {}, button));
  }
  // What misses a drop zone must not make the browser leave the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
}

/** A place to drop files on, with a button that opens the file dialog. */
export function installDrop(zone, button, input, onFiles) {
  dropOn(zone, onFiles);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file may be chosen again
    if (files.length) onFiles(files);
  });
}

function dropOn(zone, onFiles) {
  let inside = 0;
  const shown = (by) => {
    inside = Math.max(0, inside + by);
    zone.classList.toggle("over", inside > 0);
  };
  zone.addEventListener("dragenter", () => shown(1));
  zone.addEventListener("dragleave", () => shown(-1));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    shown(-inside);
    if (event.dataTransfer.files.length) onFiles([...event.dataTransfer.files]);
  });
}

async function fetchSample(name) {
  try {
    const answer = await fetch(`static/samples/${name}.png`);
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    return new File([await answer.blob()], `${name}.png`, { type: "image/png" });
  } catch (error) {
    throw Object.assign(new Error(`${name}: ${error.message}.`), { title: "The sample could not be fetched" });
  }
}

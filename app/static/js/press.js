// The mouse button or finger that is down: what its click will do comes first.

let down = false;
let waiting = [];

document.addEventListener("pointerdown", () => { down = true; }, true);
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, release, true);

function release() {
  down = false;
  for (const work of waiting) setTimeout(work, 0); // the click itself belongs to this task
  waiting = [];
}

/** Leaving a field by a click changes it before the click arrives: work after both. */
export function afterPress(work) {
  if (down) waiting.push(work);
  else setTimeout(work, 0);
}

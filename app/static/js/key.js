// The dialog that asks for an API key.

import { byId } from "./elements.js";
import { hasKey, onKeyNeeded, setKey } from "./service.js";

export function installKey() {
  const dialog = byId("key-dialog");
  const field = byId("key");
  let asking = null;

  function open(why) {
    if (asking) return asking; // several requests may need it at once
    byId("key-why").textContent = why;
    field.value = "";
    asking = new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        asking = null;
        const given = dialog.returnValue === "ok" ? field.value.trim() : "";
        if (given) setKey(given);
        resolve(given !== "");
      }, { once: true });
    });
    dialog.returnValue = "";
    dialog.showModal();
    field.focus();
    return asking;
  }

  byId("key-cancel").addEventListener("click", () => dialog.close(""));
  byId("change-key").addEventListener("click", async () => {
    const before = hasKey() ? "Another key than the one in use." : "Only needed where the service asks for one.";
    if (await open(before)) document.dispatchEvent(new CustomEvent("key-changed"));
  });
  onKeyNeeded((refused) =>
    open(refused ? "The service does not take this key. Please check it." : "This service asks for a key. Whoever runs it has one for you."));
}

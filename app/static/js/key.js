// The dialog that asks for an API key.

import { byId } from "./elements.js";
import { hasKey, onKeyNeeded, setKey } from "./service.js";

const SENDABLE = /^[\x21-\x7e]+$/; // of anything else a browser makes no header

export function installKey() {
  const dialog = byId("key-dialog");
  const field = byId("key");
  const given = () => field.value.trim();
  let asking = null;

  /** Resolves to the key, "" where the stored one is to be forgotten, null where nothing changes. */
  function open(why) {
    if (asking) return asking; // several requests may need it at once
    byId("key-why").textContent = why;
    field.value = "";
    field.setCustomValidity("");
    asking = new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        asking = null;
        const key = dialog.returnValue === "ok" ? given() : null;
        if (key !== null) setKey(key);
        resolve(key);
      }, { once: true });
    });
    dialog.returnValue = "";
    dialog.showModal();
    field.focus();
    return asking;
  }

  field.addEventListener("input", () => {
    const sendable = given() === "" || SENDABLE.test(given());
    field.setCustomValidity(sendable ? "" : "A key has only letters, digits and signs of plain ASCII, and no space.");
  });
  byId("key-cancel").addEventListener("click", () => dialog.close(""));
  byId("change-key").addEventListener("click", async () => {
    const before = hasKey() ? "Another key than the one in use; none to forget it." : "Only needed where the service asks for one.";
    if ((await open(before)) !== null) document.dispatchEvent(new CustomEvent("key-changed"));
  });
  onKeyNeeded(async (refused) => {
    const key = await open(refused ? "The service does not take this key. Please check it." : "This service asks for a key. Whoever runs it has one for you.");
    if (key) document.dispatchEvent(new CustomEvent("key-changed"));
    return Boolean(key);
  });
}

// The model behind the service: what it is, and by which of its methods to ask.

import { byId, make, pause } from "./elements.js";
import { notify } from "./notice.js";
import { getCategories, getModel } from "./service.js";
import { learnModel } from "./standing.js";

const RETRY_S = 2;

/** onMethod(): another one was chosen. */
export function installModel({ part, onMethod }) {
  const [line, methods] = ["model", "method"].map(byId);
  let begun = 0; // a new key begins anew
  let shown = null; // the fingerprint of the one described

  async function introduce() {
    begun += 1;
    const mine = begun;
    for (;;) {
      try {
        const [model, categories] = [await getModel(), await getCategories()];
        if (mine !== begun) return;
        notify("model", null);
        describe(model);
        part.suggest(categories.map(({ id }) => id));
        await part.refresh();
        return;
      } catch (error) {
        if (mine !== begun) return;
        line.textContent = error.title ?? error.message;
        if (!error.mayPass) return notify("model", error);
        await pause(error.retryAfter ?? RETRY_S);
        if (mine !== begun) return;
      }
    }
  }

  /** Whether it is another by now; what fails is told by who asks more. */
  async function look() {
    const mine = begun;
    const model = await getModel().catch(() => null);
    if (model && mine === begun && model.fingerprint !== shown) describe(model);
  }

  function describe(model) {
    const chosen = methods.value;
    shown = model.fingerprint;
    learnModel(shown);
    const several = model.methods.length > 1;
    line.textContent = `${model.backbone} on ${model.device}, ${several ? "linear heads loaded" : "from words alone"}`;
    byId("demo").hidden = !model.demo;
    methods.replaceChildren(...model.methods.map((name) => {
      const text = name === "sdp" ? "words alone (SDP)" : "with linear heads (SDP+)";
      return make("option", { value: name, selected: name === model.default_method }, text);
    }));
    if (model.methods.includes(chosen)) methods.value = chosen;
    methods.hidden = byId("method-label").hidden = !several;
  }

  methods.addEventListener("change", () => {
    part.refresh();
    onMethod();
  });

  return {
    introduce,
    look,
    /** "" until the service has named them. */
    method: () => methods.value,
    choose(name) {
      methods.value = name;
    },
  };
}

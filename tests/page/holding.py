"""Answers held back, so that what usually comes first comes last; and nothing by the clock."""

from playwright.sync_api import Page

# Put before the page's own scripts. A gate holds back the first thing whose words have its text.
SCRIPT = """
    const gates = [];
    window.sent = [];
    window.setInterval = () => 0; // nothing is looked at that the test did not ask for
    window.holdBack = (text) => {
        const gate = { text, met: false, held: false };
        gate.until = new Promise((resolve) => { gate.open = resolve; });
        gates.push(gate);
    };
    window.isHeld = (text) => gates.some((gate) => gate.text === text && gate.held);
    window.letGo = (text) => {
        for (const gate of gates) if (gate.text === text) gate.open();
    };
    const wait = (words) => {
        const gate = gates.find((each) => !each.met && words.includes(each.text));
        if (gate) gate.met = true;
        return gate;
    };
    const wrap = (owner, name, wordsOf) => {
        const real = owner[name];
        owner[name] = async function (...values) {
            const words = wordsOf(...values);
            window.sent.push(words);
            const gate = wait(words);
            const answer = await real.apply(this, values);
            if (!gate) return answer;
            gate.held = true;
            const signal = values[1]?.signal; // a real answer under way ends with it, too
            await Promise.race([gate.until, new Promise((_, reject) => {
                signal?.addEventListener("abort", () => reject(signal.reason));
            })]);
            return answer;
        };
    };
    wrap(window, "fetch", (path, options) => `${options?.method ?? "GET"} ${path}`);
    wrap(HTMLImageElement.prototype, "decode", () => "decode");
    if (navigator.mediaDevices) wrap(navigator.mediaDevices, "getUserMedia", () => "camera");
"""


def hold(page: Page, text: str) -> None:
    """The next `METHOD path` with this text, `decode` or `camera` is done, but answers nothing."""
    page.evaluate("text => window.holdBack(text)", text)


def wait_until_held(page: Page, text: str) -> None:
    page.wait_for_function("text => window.isHeld(text)", arg=text)


def let_go(page: Page, text: str) -> None:
    """Now it answers; whatever the page does with it has been done when this returns."""
    page.evaluate(
        """async (text) => {
            window.letGo(text);
            await new Promise((resolve) => setTimeout(resolve, 150));
        }""",
        text,
    )


def sent(page: Page, text: str) -> int:
    """How many things with this text the page has begun."""
    found: int = page.evaluate("text => window.sent.filter((s) => s.includes(text)).length", text)
    return found

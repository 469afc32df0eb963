"""Checks of the explorable page in headless Chromium."""

import json
import pathlib
import sys
import time

from browser import Browser, budget, check, failures

CSV = "worker,step,time_ms\n" + "".join(
    f"rank{worker},{step},{100 * (2.0 if worker == 2 else 1.0) * (1 + 0.05 * ((7 * step + 3 * worker) % 11) / 11):.3f}\n"
    for step in range(40) for worker in range(4))


def check_page(browser, url, out):
    browser.size(1280, 900)
    browser.dark(False)
    began = time.time()
    browser.open(url)
    browser.until("document.body.dataset.ready")
    first = browser.run("return performance.getEntriesByType('paint').map((entry) => entry.startTime)")
    budget("the first picture comes within a second", first and max(first) < 1000, f"{max(first, default=-1):.0f} ms, {1000 * (time.time() - began):.0f} ms until all was ready")
    check("nothing is loaded from anywhere", browser.run("return performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith('blob:') && !entry.name.startsWith('data:')).map((entry) => entry.name)") == [], "")
    browser.until("document.body.dataset.drawn")
    browser.picture(f"{out}/light.png", whole=True)

    texts = ["per-gradient-text", "per-update-text", "staleness-text", "loss-text", "ranking-text", "command", "lanes-text"]
    state = {name: browser.text(name) for name in texts}
    for dial, value in [("dial-m", 12), ("law", "gamma"), ("dial-cv", 0.3), ("dial-persist", 0.5), ("dial-slow", 2), ("dial-comm", 0.25), ("dial-seed", 7), ("policy-b", "k-async:4")]:
        browser.turn(dial, value)
        now = {name: browser.text(name) for name in texts}
        changed = [name for name in texts if now[name] != state[name]]
        check(f"the dial {dial} changes figures and command", {"per-gradient-text", "command"} <= set(changed), ", ".join(changed))
        state = now
    browser.turn("dial-eta", 0.1)
    check("the dial of the step size changes the loss", browser.text("loss-text") != state["loss-text"])
    address = browser.run("return location.hash")
    check("the dials are in the address", all(part in address for part in ["m=12", "law=gamma", "cv=0.3", "persist=0.5", "slow=2", "comm=0.25", "seed=7", "b=k-async"]), address)
    command = browser.text("command")
    browser.open("about:blank")
    browser.open(url + address)
    browser.until("document.body.dataset.drawn")
    check("the address brings the same page back", browser.text("command") == command)

    # Every law with every persistence has the mean and the CV of its dials, and that correlation: computed, not simulated.
    wrong = browser.run("""const wrong = [];
        for (const law of Object.keys(LAWS)) for (const cv of [0.1, 0.5, 1, 2.5]) for (const persist of [0.01, 0.3, 0.9]) {
            const kept = Math.min(LAWS[law].cv[1], Math.max(LAWS[law].cv[0], cv));
            if (kept === 0) continue;
            const seen = ask(`law --step-time '${persistent(law, 0.5, kept, persist)}'`);
            const off = [seen.mean_s / 0.5 - 1, seen.cv / kept - 1, seen.persistence - persist].map(Math.abs);
            if (!off.every((error) => error < 0.005)) wrong.push([law, kept, persist, off]);
        }
        return wrong;""")
    check("persistence keeps mean and CV, and is the correlation of successive steps", wrong == [], wrong or "")

    presets = browser.run("return [...document.getElementById('policy-a').options].map((option) => option.value)")
    for preset in presets:
        browser.turn("policy-a", preset)
        hidden = browser.run("return document.getElementById('failure').hidden")
        check(f"policy {preset} is drawn", hidden and preset in browser.text("lanes-text"), "" if hidden else browser.text("failure"))

    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    time_before = browser.text("lanes-text")
    browser.run("for (const key of ['0', 'ArrowRight', 'ArrowRight']) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))")
    check("keys move the lanes", browser.text("lanes-text") != time_before, browser.text("lanes-text"))

    browser.open("about:blank")
    browser.open(url + "#m=32&b=async")
    browser.until("document.body.dataset.drawn")
    frames = browser.run_async("""const done = arguments[0]; const gaps = []; let last;
        const work = []; new PerformanceObserver((list) => work.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
        document.getElementById('play').click();
        const frame = (now) => { if (last) gaps.push(now - last); last = now; if (gaps.length < 200) requestAnimationFrame(frame); else { document.getElementById('play').click(); done([gaps, work]); } };
        requestAnimationFrame(frame);""")
    gaps, work = frames
    gaps.sort()
    budget("no task of the page holds a frame up for 50 ms while 32 workers play", not work, f"long tasks {[round(w) for w in work]}, frames of {gaps[len(gaps) // 2]:.0f} ms (median) to {gaps[-1]:.0f} ms")
    browser.picture(f"{out}/m32.png")

    browser.open("about:blank")
    browser.open(url)
    browser.until("document.body.dataset.drawn")
    csv = pathlib.Path(out, "dropped.csv").resolve()
    csv.write_text(CSV)
    before = browser.run("return document.body.dataset.drawn")
    browser.run("""const moved = new DataTransfer(); moved.items.add(new File([arguments[0]], 'steps.csv', { type: 'text/csv' }));
        document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: moved, bubbles: true, cancelable: true }));""", CSV)
    browser.until("document.getElementById('data-result').textContent.includes('steps.csv')")
    browser.until(f"document.body.dataset.drawn !== {json.dumps(before)}")
    told = browser.text("data-result")
    check("a dropped CSV is read", "160 times of 4 workers" in told, told[:120])
    check("who is slow is named", "rank2" in told)
    check("milliseconds are seconds in the command, and draws keep who is slow", "trace(steps.csv, time_ms, by-worker)" in browser.text("command"), browser.text("command")[:90])
    by_worker = browser.text("per-update-text")
    browser.turn("keep", "pooled")
    check("what draws keep changes figures and command", browser.text("per-update-text") != by_worker and "trace(steps.csv, time_ms)" in browser.text("command"))
    browser.turn("keep", "by-worker")
    ranked = browser.text("ranking") + browser.text("ranking-text")
    check("the table ranks policies on these times", "k-sync" in ranked and "trace(steps.csv" in ranked)
    browser.picture(f"{out}/data.png", whole=True)
    browser.run("""const moved = new DataTransfer(); moved.items.add(new File(['nonsense'], 'bad.csv'));
        document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: moved, bubbles: true, cancelable: true }));""")
    browser.until("document.getElementById('data-result').textContent.includes('bad.csv')")
    check("what is no table is refused in words", "no rows" in browser.text("data-result"), browser.text("data-result"))

    browser.run("document.getElementById('answer').value = 5; document.getElementById('check').click()")
    check("the exercise is checked", "k-sync:5" in browser.text("verdict"), browser.text("verdict"))
    browser.run("document.getElementById('lessons').scrollIntoView()")
    for i in range(6):
        browser.run("document.querySelectorAll('#lessons article')[arguments[0]].scrollIntoView()", i)
        browser.until(f"document.querySelectorAll('#lessons article')[{i}].querySelector('svg')")
        before = browser.run("return document.querySelectorAll('#lessons figcaption')[arguments[0]].textContent", i)
        browser.run("""const input = document.querySelectorAll('#lessons article')[arguments[0]].querySelector('input');
            input.value = Number(input.value) === Number(input.max) ? input.min : Number(input.value) + 1; input.dispatchEvent(new Event('input'));""", i)
        browser.until(f"document.querySelectorAll('#lessons figcaption')[{i}].textContent !== {json.dumps(before)}")
        check(f"figure {i + 1} of the ideas can be touched", True)

    browser.open("about:blank")
    browser.open(url)
    browser.until("document.body.dataset.drawn")
    by_keys(browser)

    check("every control has a label", browser.run("""return [...document.querySelectorAll('input, select, button')].filter((control) =>
        !control.getAttribute('aria-label') && !control.labels?.length && !control.textContent.trim()).map((control) => control.id)""") == [])
    browser.size(390, 844)
    browser.open("about:blank")
    browser.dark(True)
    browser.open(url)
    browser.until("document.body.dataset.drawn")
    wide = browser.run("return document.documentElement.scrollWidth")
    check("a phone's width is enough", wide <= 390, f"{wide} px of 390")
    for i in range(6):
        browser.run("document.querySelectorAll('#lessons article')[arguments[0]].scrollIntoView()", i)
        browser.until(f"document.querySelectorAll('#lessons article')[{i}].querySelector('svg')")
    browser.picture(f"{out}/phone-dark.png", whole=True)
    browser.size(1280, 900)
    browser.run("window.scrollTo(0, 0)")
    time.sleep(0.5)
    browser.picture(f"{out}/dark.png", whole=True)
    browser.devtools("Emulation.setEmulatedVisionDeficiency", type="achromatopsia")
    browser.dark(False)
    time.sleep(0.5)
    browser.picture(f"{out}/grey.png", whole=True)
    browser.devtools("Emulation.setEmulatedVisionDeficiency", type="none")


def by_keys(browser):
    """All of the laboratory without a mouse: from the top of the page by Tab, with the keys that each control has."""
    browser.run("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached = []
    for _ in range(60):
        browser.key("Tab")
        name = browser.run("return document.activeElement.id")
        reached.append(name)
        if name == "slide-m":
            before = browser.run("return document.body.dataset.drawn")
            browser.key("ArrowRight")
            browser.until(f"document.body.dataset.drawn !== {json.dumps(before)}")
            check("an arrow turns a dial", "m=9" in browser.run("return location.hash"))
        if name == "play":
            browser.key(" ", "Space")
            check("space plays", browser.run("return lanes.playing"))
            browser.key(" ", "Space")
            check("space pauses", not browser.run("return lanes.playing"))
        if name == "copy":
            break
    wanted = ["policy-a", "policy-b", "law", "slide-m", "dial-m", "slide-persist", "slide-seed", "play", "step", "rewind", "speed", "lanes", "copy"]
    places = [reached.index(name) if name in reached else -1 for name in wanted]
    check("Tab reaches every control, in the order in which they stand", -1 not in places and places == sorted(places), reached)
    shown = browser.run("document.getElementById('play').focus(); return getComputedStyle(document.activeElement).outlineStyle")
    check("where the focus is can be seen", shown != "none", shown)


def check_given(browser, trace, profile):
    """Pages that were made with measured times, and with a profile: what they begin with, and what their address brings back."""
    for url, law, words in [(trace, "trace", "--step-time"), (profile, "profile", "--profile profile.toml")]:
        browser.open("about:blank")
        browser.open(url)
        browser.until("document.body.dataset.drawn")
        chosen = browser.run("return document.getElementById('law').value")
        check(f"the page with a {law} begins with it", chosen == law and words in browser.text("command"), browser.text("command"))
        browser.turn("policy-b", "k-async:4")
        browser.turn("dial-slow", 2)
        command, address = browser.text("command"), browser.run("return location.hash")
        browser.open("about:blank")
        browser.open(url + address)
        browser.until("document.body.dataset.drawn")
        check("its address brings it back", browser.text("command") == command, address)
        browser.turn("law", "gamma")
        command, address = browser.text("command"), browser.run("return location.hash")
        browser.open("about:blank")
        browser.open(url + address)
        browser.until("document.body.dataset.drawn")
        check("so does that of another law", browser.text("command") == command and "gamma" in command, address)


def check_old_browser(browser, url):
    """A browser that cannot unpack the page says so."""
    script = browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")
    browser.open("about:blank")
    browser.open(url)
    said = browser.until("!document.getElementById('failure').hidden && document.getElementById('failure').textContent")
    check("a browser that is too old is told so", "DecompressionStream" in said and "Firefox" in said, said)
    browser.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])


def main():
    page, out, *given = sys.argv[1:]
    browser = Browser()
    try:
        check_page(browser, f"file://{page}", out)
        if given:
            check_given(browser, *(f"file://{path}" for path in given))
        check_old_browser(browser, f"file://{page}")
        errors = browser.errors()
        check("the console is empty", errors == [], "" if errors == [] else errors)
    finally:
        browser.close()
    print(f"{len(failures)} of the checks failed" if failures else "all checks passed")
    sys.exit(1 if failures else 0)


main()

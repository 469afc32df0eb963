"""Checks of the explorable page in headless Chromium, by WebDriver and nothing but the standard library."""

import base64
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request


class Browser:
    """One window of headless Chromium."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.profile = tempfile.TemporaryDirectory()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={self.profile.name}"]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        for _ in range(100):
            try:
                made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        self.base += f"/session/{made['sessionId']}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        return self.call("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def errors(self):
        return [entry for entry in self.call("POST", "/se/log", {"type": "browser"}) if entry["level"] in ("SEVERE", "WARNING")]

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def dark(self, dark):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path, whole=False):
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        extra = {"captureBeyondViewport": True, "clip": clip} if whole else {}
        pathlib.Path(path).write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", **extra)["data"]))

    def until(self, condition, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            found = self.run(f"return {condition}")
            if found:
                return found
            time.sleep(0.05)
        raise SystemExit(f"never came true: {condition}; the page says: {self.text('failure')}; {self.errors()}")

    def text(self, name):
        return self.run("return document.getElementById(arguments[0]).textContent", name)

    def turn(self, name, value):
        """Sets a dial and waits until all figures are drawn anew."""
        before = self.run("return document.body.dataset.drawn")
        self.run("""const input = document.getElementById(arguments[0]); input.value = arguments[1];
            for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }));""", name, value)
        self.until(f"document.body.dataset.drawn !== {json.dumps(before)} && document.body.dataset.drawn")

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.profile.cleanup()


failures = []


def check(what, holds, found=""):
    print(f"{'ok  ' if holds else 'FAIL'} {what}{f': {found}' if found != '' else ''}")
    if not holds:
        failures.append(what)


CSV = "worker,step,time_ms\n" + "".join(
    f"rank{worker},{step},{100 * (2.0 if worker == 2 else 1.0) * (1 + 0.05 * ((7 * step + 3 * worker) % 11) / 11):.3f}\n"
    for step in range(40) for worker in range(4))


def budget(what, holds, found=""):
    """What a machine that is busy with other things cannot keep: told, and failed on nobody."""
    print("ok  " if holds else "SLOW", what + (f": {found}" if found else ""), flush=True)


def check_page(browser, url, out):
    browser.size(1280, 900)
    browser.dark(False)
    began = time.time()
    browser.open(url)
    browser.until("document.body.dataset.ready")
    first = browser.run("return performance.getEntriesByType('paint').map((entry) => entry.startTime)")
    ready = browser.run("return performance.now()")
    budget("the first picture comes within a second", first and max(first) < 1000, f"{max(first, default=-1):.0f} ms, {1000 * (time.time() - began):.0f} ms until all was ready")
    check("nothing is loaded from anywhere", browser.run("return performance.getEntriesByType('resource').filter((entry) => !entry.name.startsWith('blob:') && !entry.name.startsWith('data:')).map((entry) => entry.name)") == [], "")
    browser.until("document.body.dataset.drawn")
    browser.picture(f"{out}/light.png", whole=True)
    del ready

    texts = ["per-gradient-text", "per-update-text", "staleness-text", "loss-text", "ranking-text", "command", "lanes-text"]
    state = {name: browser.text(name) for name in texts}
    for dial, value in [("dial-m", 12), ("law", "gamma"), ("dial-cv", 0.3), ("dial-slow", 2), ("dial-comm", 0.25), ("dial-seed", 7), ("policy-b", "k-async:4")]:
        browser.turn(dial, value)
        now = {name: browser.text(name) for name in texts}
        changed = [name for name in texts if now[name] != state[name]]
        check(f"the dial {dial} changes figures and command", {"per-gradient-text", "command"} <= set(changed), ", ".join(changed))
        state = now
    browser.turn("dial-eta", 0.1)
    check("the dial of the step size changes the loss", browser.text("loss-text") != state["loss-text"])
    address = browser.run("return location.hash")
    check("the dials are in the address", all(part in address for part in ["m=12", "law=gamma", "cv=0.3", "slow=2", "comm=0.25", "seed=7", "b=k-async"]), address)
    command = browser.text("command")
    browser.open("about:blank")
    browser.open(url + address)
    browser.until("document.body.dataset.drawn")
    check("the address brings the same page back", browser.text("command") == command)

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
    check("milliseconds are seconds in the command", "trace(steps.csv, time_ms)" in browser.text("command"), browser.text("command")[:90])
    ranked = browser.text("ranking")
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
    browser.devtools("Emulation.setEmulatedVisionDeficiency", type="achromatopsia")
    browser.size(1280, 900)
    browser.dark(False)
    browser.run("window.scrollTo(0, 0)")
    time.sleep(0.5)
    browser.picture(f"{out}/grey.png")


def main():
    page, out = sys.argv[1:]
    browser = Browser()
    try:
        check_page(browser, f"file://{page}", out)
        errors = browser.errors()
        check("the console is empty", errors == [], "" if errors == [] else errors)
    finally:
        browser.close()
    print(f"{len(failures)} of the checks failed" if failures else "all checks passed")
    sys.exit(1 if failures else 0)


main()

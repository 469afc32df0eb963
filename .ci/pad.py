"""Checks of the pad in headless Chromium: digits drawn on the page of a running server, and what it answers.

Usage: pad.py http://HOST:PORT/ FOLDER_FOR_PICTURES
"""

import math
import sys

from browser import Browser, check, failures


def line(*corners, points=12):
    """Points from corner to corner, on a pad of 280 by 280."""
    parts = zip(corners, corners[1:])
    return [(x0 + (x1 - x0) * i / points, y0 + (y1 - y0) * i / points) for (x0, y0), (x1, y1) in parts for i in range(points + 1)]


def arc(x, y, width, height, begin, end, points=40):
    """Points of an ellipse, angles in turns, from the right and clockwise."""
    angles = [2 * math.pi * (begin + (end - begin) * i / points) for i in range(points + 1)]
    return [(x + width * math.cos(angle), y + height * math.sin(angle)) for angle in angles]


# Strokes of a hand.
DIGITS = {
    "0": [arc(140, 140, 55, 85, -0.25, 0.77)],
    "1": [line((145, 45), (140, 235))],
    "2": [arc(135, 95, 55, 50, -0.45, 0.1) + line((180, 125), (85, 230), (205, 228))],
    "3": [arc(130, 90, 55, 45, -0.42, 0.22) + arc(130, 180, 60, 48, -0.22, 0.42)],
    "4": [line((95, 55), (85, 140), (200, 140)), line((180, 60), (172, 235))],
    "7": [line((75, 70), (200, 68), (125, 235))],
}

# The same by keys: (key, how many times). The cursor begins at 140, 60 and goes 12 each time.
KEYS = [("ArrowLeft", 5), (" ", 1), ("ArrowRight", 10), *[("ArrowDown", 2), ("ArrowLeft", 1)] * 5, ("ArrowDown", 4), (" ", 1)]


def answers(browser):
    return browser.run("""return [...document.querySelectorAll('#guess li')].map((line) =>
        [line.querySelector('strong')?.textContent, line.querySelector('.bar')?.getBoundingClientRect().width, line.textContent])""")


def drawn(browser, act):
    """Wipes the pad, draws, and waits for the answer to all of it."""
    browser.run("document.getElementById('wipe').click()")
    act()
    browser.until("document.getElementById('guess').children.length > 0 && document.getElementById('pad').getAttribute('aria-busy') === 'false'")
    return answers(browser)


def check_pad(browser, url, out):
    browser.size(1280, 900)
    browser.dark(False)
    browser.open(url)
    browser.until("document.body.dataset.ready")
    check("the pad is there where a server is", browser.run("return getComputedStyle(document.getElementById('pad')).display") == "block")

    def place():
        browser.run("document.getElementById('pad').scrollIntoView({ behavior: 'instant', block: 'center' })")
        box = browser.run("const box = document.getElementById('ink').getBoundingClientRect(); return [box.left, box.top, box.width, box.height]")
        return lambda point: (box[0] + point[0] * box[2] / 280, box[1] + point[1] * box[3] / 280)

    def by_mouse(strokes):
        at = place()
        for stroke in strokes:
            browser.mouse("mousePressed", *at(stroke[0]))
            for point in stroke[1:]:
                browser.mouse("mouseMoved", *at(point))
            browser.mouse("mouseReleased", *at(stroke[-1]))

    def by_touch(strokes):
        at = place()
        for stroke in strokes:
            browser.touch("touchStart", [at(stroke[0])])
            for point in stroke[1:]:
                browser.touch("touchMove", [at(point)])
            browser.touch("touchEnd", [])

    right = []
    for digit, strokes in DIGITS.items():
        found = drawn(browser, lambda: by_mouse(strokes))
        names, widths = [row[0] for row in found], [row[1] for row in found]
        check(f"a drawn {digit} has five bars, the longest first", len(found) == 5 and widths == sorted(widths, reverse=True), ", ".join(row[2] for row in found))
        right += [digit] if names and names[0] == digit else []
        browser.picture(f"{out}/pad-{digit}.png")
    # A model of one epoch reads most hands, not every hand.
    check("at least five of six drawn digits are read, and the seven", len(right) >= 5 and "7" in right, " ".join(right))

    def by_keys():
        browser.run("document.getElementById('ink').focus()")
        for key, times in KEYS:
            for _ in range(times):
                browser.key(key, "Space" if key == " " else key)

    found = drawn(browser, by_keys)
    check("a seven that is drawn by keys alone is read", found[0][0] == "7", ", ".join(row[2] for row in found))
    browser.picture(f"{out}/pad-keys.png")

    browser.size(390, 844)
    browser.devtools("Emulation.setTouchEmulationEnabled", enabled=True)
    browser.dark(True)
    found = drawn(browser, lambda: by_touch(DIGITS["7"]))
    check("a seven that is drawn by a finger is read", found[0][0] == "7", ", ".join(row[2] for row in found))
    wide = browser.run("return document.documentElement.scrollWidth")
    check("the page of the server fits a phone", wide <= 390, f"{wide} px of 390")
    browser.picture(f"{out}/pad-phone-dark.png")


def main():
    url, out = sys.argv[1:]
    browser = Browser()
    try:
        check_pad(browser, url, out)
        errors = browser.errors()
        check("the console is empty", errors == [], "" if errors == [] else errors)
    finally:
        browser.close()
    print(f"{len(failures)} of the checks failed" if failures else "all checks passed")
    sys.exit(1 if failures else 0)


main()

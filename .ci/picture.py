"""The picture of the page in the README: picture.py PAGE.html PICTURE.png"""

import sys

from browser import Browser

page, picture = sys.argv[1:]
browser = Browser()
try:
    browser.size(1000, 815)
    browser.dark(False)
    browser.open(f"file://{page}#b=k-sync:6&m=8")
    browser.until("document.body.dataset.drawn")
    # From the dials to the first two figures, as wide as the page.
    browser.run("document.documentElement.style.scrollBehavior = 'auto'; document.getElementById('lab').scrollIntoView()")
    browser.picture(picture)
finally:
    browser.close()

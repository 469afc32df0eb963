"""Links: every relative link and anchor of a built book and of Markdown files leads somewhere. No network.

usage: links.py BOOK_DIRECTORY MARKDOWN_FILE..
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """The anchors that a page has, and the links that leave it."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            if value and name in ("href", "src") and tag in ("a", "img", "iframe", "source"):
                self.links.append(value)


def outside(link):
    return bool(re.match(r"[a-z]+:|//", link))


def broken_in_book(book):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(book.rglob("*.html"))}
    for path, page in pages.items():
        # The page of all pages repeats the links of the others from another directory.
        if path.name in ("print.html", "404.html", "toc.html"):
            continue
        for link in page.links:
            if outside(link):
                continue
            target, _, anchor = urllib.parse.unquote(link).partition("#")
            goal = (path.parent / target).resolve() if target else path
            if not goal.exists():
                yield f"{path.relative_to(book)}: {link} does not exist"
            elif anchor and goal in pages and anchor not in pages[goal].anchors:
                yield f"{path.relative_to(book)}: {link} has no such anchor"


def broken_in_markdown(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target = urllib.parse.unquote(link).partition("#")[0]
        if not outside(link) and target and not (path.parent / target).exists():
            yield f"{path}: {link} does not exist"


def main():
    book = pathlib.Path(sys.argv[1]).resolve()
    broken = list(broken_in_book(book))
    for name in sys.argv[2:]:
        broken += broken_in_markdown(pathlib.Path(name))
    for line in broken:
        print(line)
    sys.exit(f"{len(broken)} links lead nowhere" if broken else 0)


main()

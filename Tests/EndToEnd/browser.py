"""Debian's Chromium on the dashboard, watched: every request, every message of the console and every breach of the content policy is kept."""

import json
import os
import re
import shutil
import urllib.parse

from dashboard_data import Answers

# What the page asks for data. The page itself, the session and the purge of a real gateway are never replaced.
DATA = re.compile(r"/(stats|logs|tenants|routes|cache|semantic)(/|\?|$)")


def chromium():
    found = os.environ.get("WEIR_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "Chromium is missing: scripts/install-packages test installs it, or name one in WEIR_CHROMIUM"
    return found


def launch(playwright):
    # Chromium's own sandbox does not work for root, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=chromium(), args=arguments + ["--disable-background-networking", "--disable-component-update"])


class Dashboard:
    """A page of a gateway. With `answers` the data is theirs, else the gateway's own."""

    def __init__(self, browser, gateway, answers=None, **options):
        self.gateway = gateway
        self.origin = gateway.admin_url
        self.answers = answers
        self.requests, self.console, self.breaches, self.errors, self.dialogs = [], [], [], [], []
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "timezone_id": "UTC", "locale": "en-GB", **options})
        self.context.add_init_script(
            "window.breaches = []; document.addEventListener('securitypolicyviolation', (event) => window.breaches.push(`${event.violatedDirective} ${event.blockedURI}`));"
        )
        if answers:
            self.context.route(DATA, self.reply)
        self.page = self.context.new_page()
        # Long, for machines whose every core is taken: what does not come does not come in half a minute either.
        self.page.set_default_timeout(30_000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.console.append((message.type, message.text)))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.is_down = False

    def reply(self, route):
        if self.is_down:
            return route.abort("connectionrefused")
        request = route.request
        address = urllib.parse.urlsplit(request.url)
        target = address.path + ("?" + address.query if address.query else "")
        if not DATA.search(target) or request.resource_type == "document":
            return route.continue_()
        status, found = self.answers.answer(request.method, target, json.loads(request.post_data) if request.post_data else None)
        kind = "text/event-stream" if address.path == "/logs/tail" else "application/json"
        body = found if isinstance(found, str) else json.dumps(found)
        return route.fulfill(status=status, body=body, content_type=kind)

    def open(self, fragment="", token=None):
        """Signs in, by the API as the form is a test of its own, and opens a view."""
        if token is not False:
            self.sign_in(token or self.gateway.admin_token)
        self.page.goto(f"{self.origin}/{fragment}")
        if token is not False:
            self.settled()
        return self.page

    def sign_in(self, token):
        response = self.context.request.post(f"{self.origin}/session", data={"token": token}, headers={"weir-dashboard": "1"})
        assert response.status == 204, response.text()

    def go(self, fragment):
        self.page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        self.settled()

    def settled(self):
        """Waits until the view has loaded what it asked for."""
        # What was clicked has been heard once a message sent after it has.
        self.page.evaluate("new Promise((done) => { const {port1, port2} = new MessageChannel(); port1.onmessage = () => done(); port2.postMessage(0); })")
        self.page.locator("body:has(main:not([aria-busy]) h1):not(:has(.is-loading))").wait_for(state="attached")

    def asked(self, path):
        """The queries under which a path was asked, in order."""
        return [query for _, asked, query, _ in self.answers.requests if asked == path]

    def check(self, expected=()):
        """Nothing of elsewhere was asked for, no policy was broken, nothing went wrong that was not `expected`."""
        foreign = [url for url in self.requests if not url.startswith((self.origin + "/", "data:"))]
        assert not foreign, foreign
        if not self.page.is_closed():
            self.breaches += self.page.evaluate("window.breaches")
        assert not self.breaches, self.breaches
        assert not self.errors, self.errors
        assert not self.dialogs, self.dialogs
        wrong = [text for kind, text in self.console if kind in ("error", "warning") and not any(part in text for part in expected)]
        assert not wrong, wrong

    def close(self):
        self.context.close()


def text_of(page, selector):
    return page.locator(selector).first.inner_text()


__all__ = ["Answers", "Dashboard", "launch", "text_of"]

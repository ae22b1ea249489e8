"""The dashboard in Chromium: it shows the numbers it was given, its filters ask what they say, nothing hostile runs, and keyboard and screen
reader get as far as a mouse does."""

import itertools
import json
import re
import time

import pytest
from playwright.sync_api import expect, sync_playwright

from browser import Answers, Dashboard, launch, text_of
from harness import wait_until

expect.set_options(timeout=30_000)

pytestmark = pytest.mark.xdist_group("dashboard")

VIEWS = ["overview", "log", "targets", "tenants", "cache"]
UNREACHABLE = ("Failed to load resource", "UnreachableError")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def answers():
    return Answers()


@pytest.fixture
def open_dashboard(browser, gateway, request):
    """Opens pages; at the end of the test each must have asked nobody else for anything and have broken nothing."""
    opened = []

    def open_(answers=None, expected=(), **options):
        dashboard = Dashboard(browser, gateway, answers, **options)
        dashboard.expected = expected
        opened.append(dashboard)
        return dashboard

    yield open_
    try:
        for dashboard in opened:
            dashboard.check(dashboard.expected)
    finally:
        for dashboard in opened:
            dashboard.close()


@pytest.fixture
def dashboard(open_dashboard, answers):
    return open_dashboard(answers)


def integer(text):
    return int(text.replace(",", ""))


def outcomes(numbers):
    saved = min(sum(numbers["hits"][layer] for layer in ("exact", "semantic", "collapsed", "stale")), numbers["successes"])
    return [saved, numbers["successes"] - saved, numbers["requests"] - numbers["successes"]]


def table_of(page, title):
    """The rows of a chart's table, oldest first: [time, value, …]."""
    page.get_by_role("button", name=f"{title} as a table").click()
    rows = page.get_by_role("region", name=f"{title} as a table").locator("tbody tr")
    return [row.split("\t") for row in reversed([text.replace("\n", "") for text in rows.all_inner_texts()])]


def frozen(answers):
    """The same /stats whatever is asked: what is shown can be held against it."""
    stats = answers.stats({"window": ["1h"], "step": ["1m"], "group_by": ["tenant"]})
    answers.replaced["GET", "/stats"] = (200, stats)
    return stats


# Signing in


def test_the_form_signs_in_with_a_token_and_the_browser_keeps_none(open_dashboard, answers, gateway):
    dashboard = open_dashboard(answers, expected=("401",))
    page = dashboard.open(token=False)
    field = page.get_by_label("Admin or read token")
    expect(field).to_be_focused()
    field.fill("not-a-token")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not a token of this gateway.")
    field.fill(gateway.admin_token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Traffic")).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert gateway.admin_token not in kept and "weir_session" not in kept
    cookie, = dashboard.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    page.get_by_role("button", name="Sign out").click()
    expect(field).to_be_visible()
    assert not dashboard.context.cookies()


def test_an_ended_session_asks_to_sign_in_again(open_dashboard, answers):
    dashboard = open_dashboard(answers, expected=("401",))
    page = dashboard.open()
    dashboard.context.clear_cookies()
    answers.replaced["GET", "/stats"] = (401, {"error": {"message": "Send the admin token", "code": "admin_token_required"}})
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_role("alert")).to_have_text("The session has ended. Sign in again.")


# Numbers


def test_the_charts_show_the_numbers_of_stats(dashboard, answers):
    stats = frozen(answers)
    page = dashboard.open("#/overview")
    totals = stats["totals"]
    tile = page.get_by_role("group", name="Requests", exact=True)
    assert integer(tile.locator(".tile-value").get_attribute("title")) == totals["requests"]
    assert text_of(page, "[aria-label='Hit ratio'] .tile-value") == f"{totals['hit_ratio'] * 100:.1f}%"
    assert text_of(page, "[aria-label='Spent'] .tile-value") == f"${totals['cost']:.2f}"
    assert text_of(page, "[aria-label='Saved'] .tile-value") == f"${totals['cost_saved']:.2f}"

    rows = table_of(page, "Requests by outcome")
    assert len(rows) == len(stats["series"])
    assert [[integer(value) for value in row[1:]] for row in rows] == [outcomes(point) for point in stats["series"]]

    header = page.get_by_role("region", name="Errors by kind as a table")
    kinds = [kind for kind in ("upstream", "timeout", "overloaded", "limited", "rejected", "refused", "unauthenticated", "client_left") if totals["errors"][kind]]
    rows = table_of(page, "Errors by kind")
    assert header.locator("thead th").count() == len(kinds) + 1
    assert [[integer(value) for value in row[1:]] for row in rows] == [[point["errors"][kind] for kind in kinds] for point in stats["series"]]


def test_a_bar_is_as_high_as_its_number(dashboard, answers):
    """The drawing, not its table: pixels against values."""
    stats = frozen(answers)
    page = dashboard.open("#/overview")
    plot = page.locator(".plot").first
    # All of it at one moment: a chart that learns its size is drawn anew.
    path, texts, lines = plot.evaluate("""(plot) => [
        plot.querySelector('path.bar[data-series=cached]:not(.is-open)').getAttribute('d'),
        [...plot.querySelectorAll('text.tick[text-anchor=end]')].map((text) => text.textContent),
        [...plot.querySelectorAll('line.grid-line, line.base-line')].map((line) => Number(line.getAttribute('y1'))),
    ]""")
    heights = [float(match) for match in re.findall(r"h[\d.]+v([\d.]+)z", path)]
    values = [outcomes(point)[0] for point in stats["series"]][:-1]
    assert len(heights) == len([value for value in values if value])
    scale = [height / value for height, value in zip(heights, [value for value in values if value], strict=True)]
    assert max(scale) - min(scale) < 0.02 * max(scale) + 0.02
    # The scale is the axis's: its uppermost tick at its line.
    ticks = [integer(text) for text in texts if text.replace(",", "").isdigit()]
    bottom, top = lines[0], lines[-1]
    assert abs((bottom - top) / max(ticks) - scale[0]) < 0.05 * scale[0]


def test_pointer_and_keys_read_the_same_values(dashboard, answers):
    stats = frozen(answers)
    page = dashboard.open("#/overview")
    plot = page.locator(".plot").first
    box = plot.bounding_box()
    plot.hover(position={"x": box["width"] / 2, "y": 60})
    shown = page.locator(".tooltip:visible tr").all_inner_texts()
    values = {row.split("\t")[0].strip(): integer(row.split("\t")[1]) for row in shown}
    plot.focus()
    spoken = plot.get_attribute("aria-valuetext")
    index = int(plot.get_attribute("aria-valuenow"))
    cached, provider, failed = outcomes(stats["series"][index])
    assert values == {"Failed": failed, "From providers": provider, "From cache": cached, "All": stats["series"][index]["requests"]}
    assert f"From cache {cached:,}" in spoken and f"From providers {provider:,}" in spoken and f"Failed {failed:,}" in spoken
    page.mouse.move(0, 0)
    plot.focus()
    page.keyboard.press("Home")
    first = plot.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    second = plot.get_attribute("aria-valuetext")
    cached, provider, _ = outcomes(stats["series"][1])
    assert first != second and f"From cache {cached:,}" in second
    page.keyboard.press("Escape")
    expect(page.locator(".tooltip:visible")).to_have_count(0)


def test_other_views_of_a_chart_show_other_numbers(dashboard, answers):
    stats = frozen(answers)
    page = dashboard.open("#/overview")
    page.get_by_role("button", name="Tokens", exact=True).click()
    rows = table_of(page, "Money and tokens")
    assert len(rows[0]) == 4
    legend = page.get_by_role("group", name="Series of Money and tokens").get_by_role("button", name="Saved")
    assert f"{stats['totals']['tokens_saved'] / 1e6:.2f}M" in legend.inner_text()
    for name, key in [("Gateway", "overhead_us"), ("First byte", "ttfb_ms"), ("Total", "latency_ms")]:
        page.get_by_role("button", name=name, exact=True).click()
        value = stats["totals"][key]["p50"]
        assert f"{value:.0f}" in page.locator(".legend-entry[data-series=p50]").inner_text().replace(",", ""), name


def test_a_hidden_series_leaves_the_drawing_and_comes_back(dashboard, answers):
    frozen(answers)
    page = dashboard.open("#/overview")
    plot = page.locator(".plot").first
    entry = page.locator(".legend-entry[data-series=cached]")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    expect(plot.locator("[data-series=cached]")).to_have_count(0)
    entry.click()
    expect(plot.locator("[data-series=cached]")).not_to_have_count(0)


def test_health_tells_breakers_and_the_rings_fill(dashboard, answers):
    page = dashboard.open("#/overview")
    health = page.get_by_role("region", name="Health")
    expect(health.get_by_role("listitem").first).to_contain_text("groq/llama-4-70b")
    expect(health.get_by_role("listitem").first).to_contain_text("open")
    expect(health.get_by_role("meter", name="Log rows")).to_have_attribute("aria-valuenow", "84.2")
    expect(health).to_contain_text("84,210 of 100,000 rows")
    dashboard.go("#/targets")
    expect(page.locator("tr[data-key='groq/llama-4-70b']")).to_contain_text("because of consecutive failures, for 21 s more, opened 3 times")
    expect(page.get_by_role("row").filter(has_text="fallback").get_by_role("listitem")).to_have_text(["openai/gpt-5.2-mini", "anthropic/claude-sonnet-5", "mistral/mistral-large-3"])


def test_tenants_show_how_far_their_budgets_are_spent(dashboard):
    page = dashboard.open("#/tenants")
    card = page.get_by_role("article", name="Tenant support-bot")
    expect(card).to_contain_text("$116.00 of $120.00 used")
    expect(card).to_contain_text("12 refused")
    meter = card.get_by_role("meter", name=re.compile("per month"))
    expect(meter).to_have_attribute("aria-valuenow", "96.7")
    assert "is-bad" in meter.get_attribute("class")
    page.get_by_placeholder("Find a tenant").fill("stag")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.get_by_role("article")).to_contain_text("disabled")


# Ranges, filters, refreshing


def test_ranges_and_filters_ask_what_they_say_and_the_address_keeps_them(dashboard, answers):
    page = dashboard.open("#/overview")
    for name, window, step in [("the last 24 hours", "24h", "1h"), ("the last 30 days", "30d", "1d"), ("the last 15 minutes", "15m", "1m")]:
        page.get_by_role("button", name=name).click()
        dashboard.settled()
        shown = [query for query in dashboard.asked("/stats") if "window" in query and "step" in query][-1]
        assert (shown["window"], shown["step"]) == ([window], [step])
    page.get_by_role("button", name="Show only tenant storefront").click()
    expect(page.get_by_role("button", name="Remove filter Tenant storefront")).to_be_visible()
    dashboard.settled()
    assert all(query["tenant"] == ["storefront"] for query in dashboard.asked("/stats")[-3:])
    page.reload()
    dashboard.settled()
    assert dashboard.asked("/stats")[-1]["tenant"] == ["storefront"]
    page.get_by_role("link", name="Log", exact=True).click()
    dashboard.settled()
    assert dashboard.asked("/logs")[-1]["tenant"] == ["storefront"]
    page.get_by_role("button", name="Remove filter Tenant storefront").click()
    dashboard.settled()
    assert "tenant" not in dashboard.asked("/logs")[-1]


def test_dragging_over_a_chart_narrows_the_range(dashboard, answers):
    page = dashboard.open("#/overview")
    box = page.locator(".plot").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 80, steps=4)
    page.mouse.up()
    dashboard.settled()
    chosen = [query for query in dashboard.asked("/stats") if "from" in query and "step" in query]
    assert chosen and "window" not in chosen[-1]
    page.get_by_role("button", name=re.compile("Remove filter Range")).click()
    dashboard.settled()
    assert any(query.get("window") == ["1h"] for query in dashboard.asked("/stats")[-3:])


def test_keys_alone_narrow_the_range_too(dashboard, answers):
    page = dashboard.open("#/overview")
    page.locator(".plot").first.focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    dashboard.settled()
    assert any("from" in query for query in dashboard.asked("/stats")[-3:])
    assert "from=" in page.url


def test_a_hidden_page_does_not_ask_and_a_paused_one_neither(open_dashboard, answers):
    dashboard = open_dashboard(answers)
    page = dashboard.page
    page.clock.install(time=time.time())
    dashboard.open("#/overview")
    count = lambda: len(dashboard.asked("/stats"))  # noqa: E731

    def refreshed(seconds):
        before = count()
        page.clock.run_for(seconds * 1000)
        page.wait_for_timeout(60)
        dashboard.settled()
        return count() > before

    def hide(isHidden):
        page.evaluate("(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }", isHidden)

    assert refreshed(11)
    hide(True)
    assert not refreshed(60)
    before = count()
    hide(False)
    dashboard.settled()
    assert count() > before, "a page that is seen again is not renewed"
    page.get_by_role("button", name="Pause refreshing").click()
    assert not refreshed(60)
    page.get_by_role("button", name="Pause refreshing").click()
    assert refreshed(11)


def test_an_unreachable_gateway_leaves_the_numbers_with_a_notice(open_dashboard, answers):
    dashboard = open_dashboard(answers, expected=UNREACHABLE)
    page = dashboard.open("#/overview")
    before = text_of(page, "[aria-label='Requests'] .tile-value")
    dashboard.is_down = True
    page.get_by_role("button", name="Refresh now").click()
    notice = page.locator(".stale")
    expect(notice).to_contain_text("The gateway can’t be reached.")
    expect(notice).to_contain_text("What is shown is of ")
    assert text_of(page, "[aria-label='Requests'] .tile-value") == before
    dashboard.is_down = False
    page.get_by_role("button", name="Try now").click()
    expect(notice).to_be_empty()


def test_failures_and_emptiness_are_told(open_dashboard, answers):
    dashboard = open_dashboard(answers, expected=UNREACHABLE)
    answers.replaced["GET", "/stats"] = (503, {"error": {"message": "The rollups are being restored.", "code": "stats_unavailable"}})
    page = dashboard.open("#/overview")
    expect(page.get_by_role("alert").first).to_have_text("The rollups are being restored.")
    del answers.replaced["GET", "/stats"]
    answers.rows = []
    dashboard.go("#/log")
    expect(page.get_by_text("No request in the last hour.")).to_be_visible()
    answers.replaced["GET", "/cache/entries"] = (503, {"error": {"message": "The cache store is not open.", "code": "cache_unavailable"}})
    dashboard.go("#/cache")
    expect(page.get_by_role("alert")).to_have_text("The cache store is not open.")
    answers.replaced["GET", "/cache/entries"] = (200, {"entries": [], "next_cursor": None})
    page.get_by_role("button", name="Refresh now").click()
    expect(page.get_by_text("The cache is empty.")).to_be_visible()


def test_a_gateway_without_any_request_yet_shows_an_empty_page_and_no_nonsense(dashboard, answers):
    window = {"from": "2026-11-23T01:00:00Z", "to": "2026-11-23T02:00:00Z", "step_seconds": 60, "resolution": "minute"}
    nothing = {key: 0 for key in ("requests", "attempts", "successes", "misses", "bypasses", "tokens_in", "tokens_out", "tokens_cached", "tokens_saved", "cost", "cost_saved", "retries", "fallbacks")}
    quantiles = {"p50": None, "p90": None, "p99": None, "mean": None}
    totals = {**nothing, "errors": {}, "hits": {}, "hit_ratio": None, "latency_ms": quantiles, "overhead_us": quantiles, "ttfb_ms": quantiles, "tokens_per_second": quantiles}
    answers.replaced["GET", "/stats"] = (200, {"window": window, "totals": totals, "series": [], "groups": [], "counters": {}, "in_flight": 0, "connections": 1, "flights": 0, "targets": [], "ring": None})
    page = dashboard.open("#/overview")
    expect(page.get_by_text("Nothing in this range").first).to_be_visible()
    text = page.locator("main").inner_text()
    assert not re.search(r"NaN|undefined|null|Infinity|\[object", text), text
    assert text_of(page, "[aria-label='Requests'] .tile-value") == "0"
    assert text_of(page, "[aria-label='Hit ratio'] .tile-value") == "–"


# Log


def test_the_logs_filters_show_what_passes_them(dashboard, answers):
    page = dashboard.open("#/log")
    body = page.locator(".log-table tbody tr")
    page.get_by_label("Outcome").select_option("Failed")
    dashboard.settled()
    failed = [row for row in answers.rows if not row["success"]]
    expect(body).to_have_count(min(50, len(failed)))
    page.get_by_label("Error").select_option("Timed out")
    dashboard.settled()
    timeouts = [row for row in failed if row["error_kind"] == "timeout"]
    expect(body).to_have_count(len(timeouts))
    expect(body.first).to_contain_text("504")
    page.get_by_role("searchbox", name="Search").fill("gemini")
    expect(body).to_have_count(len([row for row in timeouts if "gemini" in row["model"]]))
    asked = dashboard.asked("/logs")[-1]
    assert (asked["success"], asked["error_kind"], asked["search"]) == (["false"], ["timeout"], ["gemini"])
    page.get_by_role("button", name="Clear all").click()
    dashboard.settled()
    expect(body).to_have_count(50)


def test_a_condition_of_ones_own_is_asked_as_the_contract_has_it(dashboard, answers):
    page = dashboard.open("#/log")
    for field, comparison, value, expected in [("status_code", "gte", "500", "status_code.gte:500"), ("duration", "gt", "100", "duration.gt:100")]:
        page.get_by_role("button", name="+ Condition").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Field").select_option(field)
        dialog.get_by_label("Comparison").select_option(comparison)
        dialog.get_by_label("Value").fill(value)
        dialog.get_by_role("button", name="Add").click()
        dashboard.settled()
        assert expected in dashboard.asked("/logs")[-1]["filter"]
    shown = [row for row in answers.rows if row["status_code"] >= 500 and row["duration"] > 100]
    expect(page.locator(".log-table tbody tr")).to_have_count(min(50, len(shown)))
    page.get_by_role("button", name="+ Condition").click()
    dialog.get_by_label("Field").select_option("metadata")
    dialog.get_by_label("Metadata name").fill("team")
    dialog.get_by_label("Value").fill("nobody")
    dialog.get_by_role("button", name="Add").click()
    expect(page.get_by_text("No row of the last hour passes these filters.")).to_be_visible()
    assert "metadata.team.eq:nobody" in dashboard.asked("/logs")[-1]["filter"]


def test_older_rows_come_by_the_cursor_and_none_twice(dashboard, answers):
    page = dashboard.open("#/log")
    for pages in (2, 3):
        page.get_by_role("button", name="Show older rows").click()
        expect(page.locator(".log-table tbody tr")).to_have_count(pages * 50)
    assert [query["cursor"] for query in dashboard.asked("/logs") if "cursor" in query] == [["50"], ["100"]]
    keys = page.locator(".log-table tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.key)")
    assert keys == [row["id"] for row in answers.rows[:150]]


def test_rows_of_the_tail_come_on_top_and_a_gap_is_told(dashboard, answers):
    new = [{**answers.row(900 + number), "model": f"tailed-{number}"} for number in range(3)]
    events = "".join(f"event: row\ndata: {json.dumps(row)}\n\n" for row in new) + 'event: gap\ndata: {"dropped": 7}\n\n'
    answers.replaced["GET", "/logs/tail"] = (200, ": welcome\n\n" + events)
    page = dashboard.open("#/log")
    rows = page.locator(".log-table tbody tr")
    expect(rows.first).to_contain_text("tailed-2")
    expect(rows.nth(2)).to_contain_text("tailed-0")
    expect(page.get_by_text("7 rows passed too fast for this page")).to_be_visible()


def test_a_row_shows_all_that_is_known_and_its_bodies_to_an_admin(dashboard, answers, open_dashboard, gateway):
    row = next(row for row in answers.rows if row["has_request"] and not row["cached"])
    page = dashboard.open(f"#/log?id={row['id']}")
    dialog = page.get_by_role("dialog", name="Request")
    expect(dialog).to_contain_text(row["id"])
    expect(dialog).to_contain_text(row["model"])
    expect(dialog.get_by_role("region", name="Attempts").locator("tbody tr")).to_have_count(2)
    expect(dialog).to_contain_text("checkout")
    dialog.get_by_role("button", name="Show the request").click()
    expect(dialog.locator("pre")).to_contain_text("Where is my order?")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    reader = open_dashboard(Answers(role="read"))
    reader.open(f"#/log?id={row['id']}", token=(gateway.data / "read.token").read_text().strip())
    expect(reader.page.get_by_role("dialog")).to_contain_text("Kept, and shown to the admin token only.")


# Cache


def test_purging_asks_first_and_sends_exactly_what_was_said(dashboard, answers):
    page = dashboard.open("#/cache")
    rows = page.get_by_role("region", name="Cache entries").locator("tbody tr")
    expect(rows).to_have_count(50)
    key = rows.first.get_attribute("data-key")
    rows.first.get_by_role("button", name=re.compile("Purge entry")).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert answers.purged == []
    rows.first.get_by_role("button", name=re.compile("Purge entry")).click()
    page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True).click()
    expect(page.get_by_text("1 entry was purged.")).to_be_visible()
    page.get_by_label("What").select_option("model")
    page.get_by_label("Exact model").fill("gpt-5.2-mini")
    page.get_by_role("button", name="Purge…").click()
    page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True).click()
    expect(page.get_by_text("37 entries were purged.")).to_be_visible()
    page.get_by_label("What").select_option("all")
    page.get_by_role("button", name="Purge…").click()
    button = page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True)
    expect(button).to_be_disabled()
    page.get_by_label("Type purge to confirm").fill("purge")
    button.click()
    expect(page.get_by_text("37 entries were purged.")).to_have_count(2)
    assert answers.purged == [{"cache_key": key}, {"model": "gpt-5.2-mini"}, {"all": True}]


def test_cache_entries_are_searched(dashboard, answers):
    page = dashboard.open("#/cache")
    page.get_by_role("textbox", name="Tenant", exact=True).fill("search")
    expect(page.get_by_role("region", name="Cache entries").locator("tbody tr").first).to_contain_text("search")
    page.get_by_role("searchbox", name="Search").fill("gemini")
    expect(page.get_by_role("region", name="Cache entries").locator("tbody tr").nth(10)).to_have_count(0)
    assert {name: dashboard.asked("/cache/entries")[-1][name] for name in ("tenant", "search")} == {"tenant": ["search"], "search": ["gemini"]}


def test_the_read_role_has_nothing_to_purge_with(open_dashboard, gateway):
    reader = open_dashboard(Answers(role="read"), expected=("403",))
    reader.open("#/cache", token=(gateway.data / "read.token").read_text().strip())
    expect(reader.page.get_by_role("region", name="Cache entries").locator("tbody tr")).to_have_count(50)
    assert reader.page.get_by_role("button", name=re.compile("Purge")).count() == 0
    status = reader.page.evaluate("fetch('/keys', {method: 'POST', headers: {'weir-dashboard': '1'}, body: '{}'}).then((answer) => answer.status)")
    assert status == 403
    expect(reader.page.get_by_text("read only")).to_be_visible()
    expect(reader.page.get_by_role("region", name="Riskiest semantic answers").locator("tbody tr")).to_have_count(3)
    assert reader.page.get_by_role("button", name=re.compile("Evict")).count() == 0


def test_the_semantic_cache_shows_its_error_and_what_is_least_sure(dashboard, answers):
    page = dashboard.open("#/cache")
    card = page.get_by_role("region", name="Semantic", exact=True)
    rows = card.get_by_role("region", name="Scopes of the semantic cache").locator("tbody tr")
    expect(rows).to_have_count(3)
    assert rows.nth(0).inner_text().split("\t") == ["storefront", "verified", "84.2k", "38.0%", "1,411", "0.6%", "0.3% – 0.9%", "1.0%: 0.931"]
    assert rows.nth(1).inner_text().split("\t")[1:] == ["alarm", "9,120", "8.9%", "212", "2.1%", "1.2% – 3.4%", "–"]
    assert rows.nth(2).inner_text().split("\t")[1:] == ["learning", "12", "0%", "0", "–", "–", "–"]
    facts = dict(zip(card.locator("dt").all_inner_texts(), card.locator("dd").all_inner_texts()))
    assert facts == {"State": "ready", "Entries": "48.1k", "Served": "32.8k", "Hit share": "35.1%", "Audits": "1,623", "Saved": "$67.24", "Not judged": "7", "Alarms": "1 now"}
    pairs = card.get_by_role("region", name="Riskiest semantic answers").locator("tbody tr")
    expect(pairs).to_have_count(3)
    assert pairs.nth(0).inner_text().split("\t")[:5] == ["Where is my order from yesterday?", "Where is my order?", "storefront", "0.931", "0.910"]
    assert pairs.nth(2).inner_text().split("\t")[3] == "–"


def test_evicting_asks_first_and_then_takes_the_answer_away(dashboard, answers):
    page = dashboard.open("#/cache")
    button = page.get_by_role("button", name="Evict the answer of entry 4101")
    button.click()
    expect(page.get_by_role("dialog")).to_contain_text("How can I return a pair of shoes?")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert answers.evicted == []
    button.click()
    page.get_by_role("dialog").get_by_role("button", name="Evict", exact=True).click()
    expect(page.get_by_text("The answer was evicted.")).to_be_visible()
    expect(button).to_have_count(0)
    assert answers.evicted == [4101]


def test_a_semantic_cache_that_is_off_says_why(open_dashboard, answers):
    dashboard = open_dashboard(answers, expected=UNREACHABLE)
    answers.replaced["GET", "/semantic"] = (200, {"state": "off", "problem": "No model is installed in .weir/models: run weir model install.", "models": {"gate": None, "sentence": None}, "scopes": [], "riskiest": []})
    page = dashboard.open("#/cache")
    card = page.get_by_role("region", name="Semantic", exact=True)
    expect(card.get_by_text("off: No model is installed in .weir/models: run weir model install.")).to_be_visible()
    expect(card.locator("table")).to_have_count(2)
    expect(card.get_by_role("table")).to_have_count(0)
    answers.replaced["GET", "/semantic"] = (503, {"error": {"message": "Not now.", "code": "x"}})
    page.get_by_role("button", name="Refresh now").click()
    expect(card.get_by_role("alert")).to_have_text("Not now.")


# The gateway's own answers


def test_the_page_shows_what_the_gateway_itself_counted(open_dashboard, start_gateway):
    """No made-up answers here: requests of every outcome, then the page beside the API."""
    gateway = start_gateway()
    key = gateway.create_key("storefront")
    ids = [gateway.chat(key, text).headers["cf-aig-log-id"] for text in ("one", "one", "one", "two")]
    refused = gateway.chat("wk_" + "x" * 43, "who")
    assert refused.status_code == 401
    admin = lambda path: gateway.admin("GET", path).json()  # noqa: E731
    wait_until(lambda: admin("/stats?window=15m&step=1m")["totals"]["requests"] >= 5, what="the roll-up of five requests")
    wait_until(lambda: len(admin("/logs?limit=10")["rows"]) >= 5, what="five rows of the log")
    dashboard = open_dashboard()
    dashboard.gateway, dashboard.origin = gateway, gateway.admin_url
    page = dashboard.open("#/overview?range=15m")
    stats = admin("/stats?window=15m&step=1m")
    tile = page.get_by_role("group", name="Requests", exact=True).locator(".tile-value")
    expect(tile).to_have_text(str(stats["totals"]["requests"]))
    rows = table_of(page, "Requests by outcome")
    assert [sum(column) for column in zip(*([integer(value) for value in row[1:]] for row in rows), strict=True)] == outcomes(stats["totals"]) == [2, 2, 1]
    expect(page.locator("[aria-label='Hit ratio'] .tile-value")).to_have_text("50.0%")
    expect(page.get_by_role("group", name="Series of Errors by kind")).to_contain_text("No valid key1")
    dashboard.go("#/log?range=15m")
    expect(page.locator(".log-table tbody tr")).to_have_count(5)
    assert set(ids) <= set(page.locator(".log-table tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.key)"))
    later = gateway.chat(key, "three").headers["cf-aig-log-id"]
    expect(page.locator(f".log-table tbody tr[data-key='{later}']")).to_have_count(1)
    page.locator(f".log-table tbody tr[data-key='{later}']").click()
    expect(page.get_by_role("dialog")).to_contain_text("demo/demo-chat")
    page.keyboard.press("Escape")
    dashboard.go("#/targets")
    expect(page.get_by_role("row").filter(has_text="demo-chat").first).to_contain_text("closed")
    dashboard.go("#/cache")
    entries = page.get_by_role("region", name="Cache entries").locator("tbody tr")
    expect(entries).to_have_count(3)
    entries.first.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True).click()
    expect(page.get_by_text("1 entry was purged.")).to_be_visible()
    expect(entries).to_have_count(2)
    dashboard.go("#/tenants")
    expect(page.get_by_role("article", name="Tenant storefront")).to_be_visible()


# Hostile texts

HOSTILE = {
    "markup": [
        "<img src=x onerror=\"window.hacked=1\">", "</script><script>window.hacked=2</script>", "\"><svg onload=window.hacked=3>", "javascript:window.hacked=4", "'-window.hacked=5-'",
        "{{constructor.constructor('window.hacked=6')()}}", "=HYPERLINK(\"http://evil.example\")", "&lt;b&gt;&amp;",
    ],
    "unseen": ["\u202egnp.exe\u202c", "\x1b[31mred\x00\r\nX: y", "a\u200bb\ufeffc\u2066d", "\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627"],
    "long": ["A" * 4000, "word " * 800],
}


def poison(value, texts):
    """Every text within, replaced by one after the other; times and the words that decide what is drawn stay."""
    kept = {"created_at", "expires_at", "resets_at", "oldest", "newest", "from", "to", "t", "cache_layer", "error_kind", "breaker", "unit", "window", "cache_key", "strategy", "id"}
    if isinstance(value, dict):
        return {key: found if key in kept and not isinstance(found, (dict, list)) else poison(found, texts) for key, found in value.items()}
    if isinstance(value, list):
        return [poison(found, texts) for found in value]
    return next(texts) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_shown_and_do_nothing(open_dashboard, answers, kind):
    dashboard = open_dashboard(answers)
    original = answers.answer
    texts = itertools.cycle(HOSTILE[kind])
    answers.rows = answers.rows[:12]

    def poisoned(method, target, body=None):
        status, found = original(method, target, body)
        if isinstance(found, dict) and "window" in found:
            return status, {**poison({key: found[key] for key in found if key != "window"}, texts), "window": found["window"]}
        return status, poison(found, texts) if isinstance(found, (dict, list)) else found

    answers.answer = poisoned
    answers.rows[0]["metadata"] = {text[:60]: text for text in HOSTILE[kind]}
    page = dashboard.open("#/overview")
    images = page.locator("img").count()
    shown = ""
    for view in VIEWS:
        dashboard.go(f"#/{view}")
        state = page.evaluate(
            "[window.hacked, document.querySelectorAll('img').length, document.querySelectorAll('main script, main svg[onload], main iframe, main a[href^=javascript]').length, document.documentElement.scrollWidth <= innerWidth]"
        )
        assert state == [None, images, 0, True], view
        shown += page.locator("main").inner_text()
    dashboard.go("#/log")
    page.locator(".log-table tbody tr").first.click()
    expect(page.get_by_role("heading", name="Metadata")).to_be_visible()
    shown += page.get_by_role("dialog").inner_text()
    assert page.evaluate("window.hacked") is None
    # Nothing invisible is left of it, and what can be read is read as it was written.
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x1b]", shown)
    for text in HOSTILE[kind]:
        assert re.sub("[^\x21-\x7e\u0590-\u06ff]", "", text[:20]) in re.sub("[^\x21-\x7e\u0590-\u06ff]", "", shown), text


# Reach


def broken_rules(page, *rules):
    """axe-core's findings: under WCAG 2.2 A and AA and its best practices, or under single rules."""
    from axe_playwright_python.sync_playwright import Axe

    only = {"type": "rule", "values": list(rules)} if rules else ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [(rule["id"], [(node["html"][:160], node.get("failureSummary", "")[:300]) for node in rule["nodes"][:3]]) for rule in found.response["violations"]]


# What the colours change is the contrast alone.
@pytest.mark.parametrize(("scheme", "rules"), [("dark", []), ("light", ["color-contrast"])])
def test_no_view_breaks_a_rule_of_accessibility(open_dashboard, answers, scheme, rules):
    dashboard = open_dashboard(answers, color_scheme=scheme)
    answers.rows = answers.rows[:25]
    page = dashboard.open("#/overview")
    for view in VIEWS:
        dashboard.go(f"#/{view}")
        assert broken_rules(page, *rules) == [], view
    dashboard.go("#/log")
    page.locator(".log-table tbody tr").first.click()
    expect(page.get_by_role("dialog").locator("h3").first).to_be_visible()
    assert broken_rules(page, *rules) == [], "row"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="+ Filter").click()
    assert broken_rules(page, *rules) == [], "dialog"


def test_the_form_to_sign_in_breaks_no_rule_of_accessibility(open_dashboard):
    dashboard = open_dashboard(None, expected=("401",))
    page = dashboard.open(token=False)
    expect(page.get_by_label("Admin or read token")).to_be_visible()
    assert broken_rules(page) == []


def test_the_skip_link_goes_past_the_bar_and_stays_in_the_view(dashboard):
    page = dashboard.open("#/tenants")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    assert page.url.endswith("#/tenants")


@pytest.mark.parametrize("view", VIEWS)
def test_tab_reaches_every_control_and_each_is_seen(dashboard, answers, view):
    answers.rows = answers.rows[:8]
    page = dashboard.open(f"#/{view}")
    page.get_by_role("button", name="Pause refreshing").click()
    dashboard.settled()
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    expected = page.evaluate("[...document.querySelectorAll('a[href], button:not(:disabled), input, select, summary, [tabindex=\"0\"]')].filter((element) => element.checkVisibility()).length")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    seen = page.evaluate(
        """() => { window.seen = []; document.addEventListener('focusin', (event) => {
             const style = getComputedStyle(event.target);
             window.seen.push([event.target.tagName, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0]); }); return 1; }"""
    )
    for _ in range(expected + 20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body || document.activeElement.classList.contains('skip')"):
            break
    seen = page.evaluate("window.seen")
    assert len([found for found in seen if found[0] != "BODY"]) >= expected - 1, (len(seen), expected)
    assert all(is_outlined for tag, is_outlined in seen if tag != "BODY"), seen


def test_a_dialog_keeps_the_focus_and_gives_it_back(dashboard):
    page = dashboard.open("#/log")
    page.get_by_role("button", name="Pause refreshing").click()
    opener = page.locator(".log-table tbody tr button").nth(2)
    opener.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("h3").first).to_be_visible()
    first = dialog.locator(".pairs").nth(1).inner_text()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)")
    page.keyboard.press("ArrowDown")
    expect(dialog.locator(".pairs").nth(1)).not_to_have_text(first)
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


@pytest.mark.parametrize("width", [375, 320])
def test_nothing_is_wider_than_a_phone(open_dashboard, answers, width):
    dashboard = open_dashboard(answers, viewport={"width": width, "height": 740}, has_touch=True)
    answers.rows = answers.rows[:25]
    page = dashboard.open("#/overview")
    for view in VIEWS:
        dashboard.go(f"#/{view}")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{view} is {wide} px too wide"
        assert broken_rules(page, "target-size", "color-contrast") == [], view


def test_the_theme_is_chosen_and_kept(open_dashboard, answers):
    dashboard = open_dashboard(answers, color_scheme="dark")
    page = dashboard.open("#/overview")
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    dark = ground()
    page.get_by_role("button", name=re.compile("Colours: as the system")).click()
    light = ground()
    assert light != dark
    page.reload()
    dashboard.settled()
    assert ground() == light
    page.get_by_role("button", name=re.compile("Colours: light")).click()
    assert ground() == dark

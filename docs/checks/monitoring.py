"""The dashboard and the alert rules use metrics and labels that a running server has, and each alert has its section."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

from checks.pages import ROOT
from checks.server import Server

DASHBOARD = ROOT / "deploy" / "grafana" / "downlink.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
PAGE = ROOT / "docs" / "alerts.md"

# What Prometheus adds by itself, and what belongs to histograms.
BESIDE = {"instance", "job", "le"}

SAMPLES = {
    "counter": ["_total"],
    "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count"],
    "info": ["_info"],
}

RULE = re.compile(
    r"      - alert: (?P<name>\w+)\n"
    r"        expr: (?P<expr>.+)\n"
    r"(?:        for: \d+[smh]\n)?"
    r"        labels: \{severity: (?:critical|warning)\}\n"
    r"        annotations:\n"
    r"          summary: \".+\"\n"
    r"          runbook: docs/alerts\.md#(?P<section>\w+)\n"
)


# With presence and traces, so that what is counted of them is there.
ALL = {
    "DOWNLINK_PRESENCE_URL": "http://127.0.0.1:1",
    "DOWNLINK_TRACE_OTLP": "http://127.0.0.1:1",
}


def scrape(server: Server) -> str:
    """All metrics of a server that has refused something, so that what is counted by code is there."""
    try:
        urllib.request.urlopen(server.url + "/v1/presence")
    except urllib.error.HTTPError as refused:
        refused.close()
    with urllib.request.urlopen(server.url + "/metrics") as answer:
        return str(answer.read().decode())


def known(text: str) -> dict[str, set[str]]:
    """Each name that can be asked for, with its labels."""
    names: dict[str, set[str]] = {"up": set(), "changes": set()}
    for name, kind in re.findall(r"^# TYPE (\S+) (\w+)$", text, re.M):
        for suffix in SAMPLES[kind]:
            samples = re.findall(rf"^{name}{suffix}\{{(.*)\}} ", text, re.M)
            names[name + suffix] = {
                label for sample in samples for label in re.findall(r'(\w+)="', sample)
            }
    return names


def wrong_in(expression: str, names: dict[str, set[str]]) -> list[str]:
    """What an expression asks for that no server has."""
    # In texts of selectors anything may stand.
    bare = re.sub(r'"[^"]*"', '""', expression)
    wrong = [f"{expression}: brackets"] if any(
        bare.count(left) != bare.count(right) for left, right in ("()", "[]", "{}")
    ) else []
    used = set(re.findall(r"\b((?:downlink|process)_\w+)", bare)) | ({"up"} & set(bare.split("{")))
    if not used:
        return wrong + [f"{expression}: no metric of a server"]
    wrong += [f"no server has {name}" for name in sorted(used - set(names))]
    allowed = BESIDE.union(*(names.get(name, set()) for name in used))
    selected = re.findall(r"[{,]\s*(\w+)\s*[=!]~?", bare)
    grouped = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", bare)
    labels = set(selected) | {label.strip() for group in grouped for label in group.split(",")}
    return wrong + [f"{expression}: no label {label}" for label in sorted(labels - allowed)]


def check_dashboard(names: dict[str, set[str]]) -> list[str]:
    """Each panel shows something, from the chosen data source, and every metric is shown somewhere."""
    board = json.loads(DASHBOARD.read_text())
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    wrong = []
    if variables["datasource"]["query"] != "prometheus":
        wrong.append("the data source is not a variable")
    expressions = [variables["instance"]["query"]["query"].split("(")[1].split(",")[0]]
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        if any(source["uid"] != "${datasource}" for source in sources):
            wrong.append(f"the panel {panel['title']} is not from the chosen data source")
        expressions += [target["expr"] for target in panel["targets"]]
    expressions += [note["expr"] for note in board["annotations"]["list"]]
    for expression in expressions:
        wrong += wrong_in(expression.replace("$__rate_interval", "1m"), names)
    shown = " ".join(expressions)
    bases = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names} - {"up", "changes"}
    wrong += [f"{name} is shown nowhere" for name in sorted(bases) if name not in shown]
    return [f"deploy/grafana/downlink.json: {mistake}" for mistake in wrong]


def check_alerts(names: dict[str, set[str]]) -> list[str]:
    """Each rule is one, asks for what there is, and has its section."""
    text = ALERTS.read_text()
    head, rules = text.split("    rules:\n")
    found = list(RULE.finditer(rules))
    wrong = []
    if not head.endswith("groups:\n  - name: downlink\n") or RULE.sub("", rules):
        left = RULE.sub("", rules).strip().partition("\n")[0]
        wrong.append(f"this is not in the form of a rule: {left or head[-60:]!r}")
    for rule in found:
        wrong += wrong_in(rule["expr"], names)
        if rule["section"] != rule["name"].lower():
            wrong.append(f"{rule['name']} leads to the section {rule['section']}")
    alerts = [rule["name"] for rule in found]
    sections = re.findall(r"^## (\w+)$", PAGE.read_text(), re.M)
    wrong += [f"docs/alerts.md has no section {name}" for name in alerts if name not in sections]
    wrong += [f"docs/alerts.md has {name}, which no rule has" for name in sections if name not in alerts]
    return [f"deploy/prometheus/alerts.yml: {mistake}" for mistake in wrong]


def check_monitoring(program: Path) -> list[str]:
    """Both, against a server that runs."""
    with Server(program, ALL) as server:
        names = known(scrape(server))
    return check_dashboard(names) + check_alerts(names)

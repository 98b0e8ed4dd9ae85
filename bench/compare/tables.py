"""Medians of the rounds, and how far each server is from the floor, as Markdown."""
import statistics


def values(results, server, case):
    """Round -> figure; busy rounds only if there are no others, and whether it is so."""
    rows = [row for row in results["results"] if row["server"] == server and row["case"] == case.name
            and not row.get("error") and case.figure in row]
    quiet = [row for row in rows if not row["noisy"]]
    return {row["round"]: row[case.figure] for row in quiet or rows}, bool(rows) and not quiet


def median(results, server, case):
    found, noisy = values(results, server, case)
    return (statistics.median(found.values()), noisy) if found else (None, False)


def ratio(results, server, case):
    """The median of the ratios to the floor, each within its round."""
    found, _ = values(results, server, case)
    floor, _ = values(results, "floor", case)
    ratios = [value / floor[number] for number, value in found.items() if floor.get(number)]
    return statistics.median(ratios) if ratios else None


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def cell(results, server, case):
    value, noisy = median(results, server, case)
    if value is None:
        return ""
    times = ratio(results, server, case) if case.unit == "µs" and server != "floor" else None
    mark = " *" if noisy else ""
    return number(value) + (f" ({times:.2f}×)" if times else "") + mark


def markdown(results, cases):
    servers = list(results["settings"])
    lines = ["| measure | " + " | ".join(servers) + " |", "|---|" + "---|" * len(servers)]
    for case in cases:
        cells = [cell(results, server, case) for server in servers]
        if any(cells):
            lines.append(f"| {case.title}, {case.unit} | " + " | ".join(cells) + " |")
    rounds = max((row["round"] for row in results["results"]), default=0)
    busy = sum(1 for row in results["results"] if row.get("noisy"))
    machine = results["machine"]
    lines += [
        "",
        f"Medians of {rounds} interleaved {'round' if rounds == 1 else 'rounds'}; in parentheses the median of the rounds' own ratios to the floor. 128 bytes a message. Of "
        f"{len(results['results'])} measurements {busy} met a machine busy with something else: they are left out where there "
        "are quieter ones, and * marks a figure that has none.",
        "",
        f"{machine['processors']} processors ({machine['model']}), {machine['memory_gb']} GB, {machine['system']}, Linux "
        f"{machine['kernel']}, {machine['network']}.",
        "",
        "| server | version | settings |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {results['versions'][name]} | {results['settings'][name]} |" for name in servers]
    return "\n".join(lines) + "\n"

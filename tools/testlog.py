"""Prints the results of Bazel test runs, counted in test cases.

    testlog.py targets NAME FILE    one line a target of the run NAME
    testlog.py totals FOLDER [long]
                                    what tests counted beside what is aimed for and how long these
                                    took, what was skipped and why, what failed, and the last line

FILE is a build event file (--build_event_json_file), FOLDER holds one NAME.json a run, and
format.failed if the format check failed. A target that failed without a failed test case (it
crashed, ran out of time, leaked at exit) counts as one failed case.

A test counts by lines "FIGURE name: number" in its output, with ", seeds N to N" if it drew them;
equal names of all targets are added up.
"""

import json
import os
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

# What is aimed for, each commit and with --long.
AIMS = (
    ("simulated schedules in memory", 100_000, 1_500_000),
    ("simulated schedules on RocksDB", 2_000, 35_000),
    ("power cut points", 1_000, 40_000),
    ("kill -9 cycles", 200, 3_000),
    ("fuzz executions", 1_500_000, 20_000_000),
    ("devices held", 1_000, 10_000),
    ("planted bugs caught", 25, 25),
)

FIGURE = re.compile(r"^FIGURE (.+?): (\d+)(?:, seeds? (\d+)(?: to (\d+))?)?$", re.MULTILINE)


class Figure:
    """A sum, and the seeds that were drawn for it."""

    def __init__(self):
        self.number = 0
        self.seeds = None  # first, last

    def add(self, other, seeds):
        self.number += other
        if seeds is not None:
            mine = self.seeds or seeds
            self.seeds = (min(mine[0], seeds[0]), max(mine[1], seeds[1]))


class Target:
    """The cases of one test target: how many passed, and the others by name."""

    def __init__(self, label):
        self.label = label
        self.status = "NO STATUS"
        self.seconds = 0.0
        self.passed = 0
        self.failed = []
        self.skipped = []  # (case, reason)
        self.figures = []  # (name, number, seeds)

    def add_xml(self, path):
        try:
            cases = ElementTree.parse(path).getroot().iter("testcase")
        except (OSError, ElementTree.ParseError):
            return
        for case in cases:
            name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed.append(name)
            elif skipped is not None or case.get("result") == "skipped":
                self.skipped.append((name, reason(skipped)))
            elif case.get("status") == "notrun":
                self.skipped.append((name, "disabled"))
            else:
                self.passed += 1

    def add_log(self, path):
        try:
            text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        for name, number, first, last in FIGURE.findall(text):
            seeds = (int(first), int(last or first)) if first else None
            self.figures.append((name, int(number), seeds))

    def finish(self):
        if self.status not in ("PASSED", "FLAKY") and not self.failed:
            self.failed.append("(the target as a whole: %s)" % self.status)

    def line(self, run):
        counts = ["%d passed" % self.passed]
        if self.failed:
            counts.append("%d FAILED" % len(self.failed))
        if self.skipped:
            counts.append("%d skipped" % len(self.skipped))
        return "%-4s %-60s %s, %.1f s" % (run, self.label, ", ".join(counts), self.seconds)


def reason(skipped):
    """The message of GTEST_SKIP, which follows a line with the place in the source."""
    message = (skipped.get("message") or skipped.text or "") if skipped is not None else ""
    lines = message.strip().split("\n")
    return " ".join(lines[1:] if len(lines) > 1 else lines).strip() or "no reason given"


def read_run(path):
    """The targets of a run in the order of their labels."""
    targets, attempts = {}, {}
    with open(path, encoding="utf-8") as events:
        for event in map(json.loads, events):
            ident = event.get("id", {})
            if "testSummary" in ident:
                label = ident["testSummary"]["label"]
                target = targets.setdefault(label, Target(label))
                summary = event.get("testSummary", {})
                target.status = summary.get("overallStatus", target.status).replace("_", " ")
                target.seconds = int(summary.get("totalRunDurationMillis", 0)) / 1000
            elif "testResult" in ident and "testResult" in event:
                key = ident["testResult"]
                place = (key["label"], key.get("run", 1), key.get("shard", 1))
                # Of several attempts the last one counts.
                attempts.setdefault(place, {})[key.get("attempt", 1)] = event["testResult"]
    for (label, _, _), results in attempts.items():
        result = results[max(results)]
        target = targets.setdefault(label, Target(label))
        for output in result.get("testActionOutput", []):
            add = {"test.xml": target.add_xml, "test.log": target.add_log}.get(output.get("name"))
            if add is not None:
                add(urllib.parse.unquote(urllib.parse.urlparse(output["uri"]).path))
    for target in targets.values():
        target.finish()
    return [targets[label] for label in sorted(targets)]


def print_figures(figures, is_long):
    """One table: what is aimed for first, then all else that was counted."""
    print("%-34s %12s %12s  %s" % ("figure", "counted", "aimed for", "seeds"))
    names = [name for name, _, _ in AIMS]
    aims = {name: long if is_long else commit for name, commit, long in AIMS}
    for name in names + sorted(set(figures) - set(names)):
        figure, aim = figures.get(name, Figure()), aims.get(name)
        seeds = "%d to %d" % figure.seeds if figure.seeds else ""
        print(
            "%-34s %12s %12s  %s"
            % (
                name,
                "{:,}".format(figure.number),
                "" if aim is None else "{:,}".format(aim),
                seeds + (" (below)" if aim is not None and figure.number < aim else ""),
            )
        )


def print_time(seconds):
    """Of the tests that count what is aimed for. Shards of a test count one by one."""
    cores = os.cpu_count() or 1
    print(
        "what is aimed for took %.0f s of tests: %.1f minutes where %d run at a time"
        % (seconds, seconds / cores / 60, cores)
    )


def print_totals(folder, is_long):
    passed, failed, skipped, figures = 0, [], [], {}
    aimed_for = {name for name, _, _ in AIMS}
    seconds = 0.0
    if (folder / "format.failed").exists():
        failed.append("format")
    for path in sorted(folder.glob("*.json")):
        for target in read_run(path):
            where = "%s %s" % (path.stem, target.label)
            passed += target.passed
            if any(name in aimed_for for name, _, _ in target.figures):
                seconds += target.seconds
            for name, number, seeds in target.figures:
                figures.setdefault(name, Figure()).add(number, seeds)
            failed += ["%s %s" % (where, case) for case in target.failed]
            skipped += ["%s %s: %s" % (where, case, why) for case, why in target.skipped]
    print_figures(figures, is_long)
    print_time(seconds)
    for line in skipped:
        print("skipped:", line)
    for line in failed:
        print("FAILED:", line)
    print("%d passed, %d failed, %d skipped" % (passed, len(failed), len(skipped)))
    return 1 if failed else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "targets":
        for target in read_run(arguments[2]):
            print(target.line(arguments[1]))
        return 0
    if arguments[:1] == ["totals"] and arguments[2:] in ([], ["long"]):
        return print_totals(pathlib.Path(arguments[1]), len(arguments) == 3)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

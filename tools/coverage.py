"""Prints what tests reach, by folder, and whether that is enough.

    coverage.py FILE               FILE: what `llvm-cov export --summary-only` prints
    coverage.py --lines PART FILE  the lines not reached in files whose path matches PART;
                                   FILE: what `llvm-cov export --format=lcov` prints

Tests and what is only for tests are not counted. Exits 1 if a part of RULES is below its share.
"""

import collections
import json
import pathlib
import re
import sys

FOLDERS = ("eventlog", "projections", "client", "server")

# Parts of the code of which so many lines in a hundred must be reached.
RULES = (
    ("log", 95, r"eventlog/log/|client/outbox/"),
    ("admission", 95, r"server/(admit|sequencer)/"),
    ("session", 95, r"server/session/|client/sync/(?!reconcile)"),
    ("reconcile", 95, r"client/sync/reconcile"),
    ("all four", 95, r"eventlog/log/|client/(outbox|sync)/|server/(admit|sequencer|session)/"),
)

# Tests, what only they use, and programs.
FOR_TESTS = re.compile(
    r"_test\.cc|_benchmark|fake_|naive_|scripted_|recording_|conformance|faulty_|manual_|golden"
    r"|/made_|/test_|poisoned|_world|schema_maker|memory_engine|memory_disk|memory_map|loopback_"
    r"|inspection_forms|parcel_versions|/example"
)

WORST = 10


class Sum:
    """Lines and branches: all, and those reached."""

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, summary):
        for kind in ("lines", "branches"):
            self.counts[kind] += summary[kind]["count"]
            self.counts[kind, "reached"] += summary[kind]["covered"]

    def share(self, kind):
        all_of_kind = self.counts[kind]
        return 100.0 * self.counts[kind, "reached"] / all_of_kind if all_of_kind else 100.0

    def line(self, name):
        parts = [
            "%6d of %6d %s %6.2f %%"
            % (self.counts[kind, "reached"], self.counts[kind], kind, self.share(kind))
            for kind in ("lines", "branches")
        ]
        return "%-28s %s" % (name, "   ".join(parts))


def counted(filename):
    """The path from the root of the repository of a file that counts; None of any other."""
    pattern = r"(?:^|/)((?:%s)/.*)$" % "|".join(FOLDERS)
    match = re.search(pattern, filename.split("/execroot/")[-1])
    if match and not FOR_TESTS.search(match[1]) and ".pb." not in match[1]:
        return match[1]
    return None


def read(path):
    """(path from the root of the repository, summary) of each file that counts."""
    with open(path, encoding="utf-8") as file:
        for one in json.load(file)["data"][0]["files"]:
            name = counted(one["filename"])
            if name:
                yield name, one["summary"]


def print_lines(part, path):
    """The lines not reached, as they are in the sources."""
    source = None
    with open(path, encoding="utf-8") as file:
        for record in file:
            kind, _, rest = record.strip().partition(":")
            if kind == "SF":
                name = counted(rest)
                source = None
                if name and re.search(part, name):
                    source = pathlib.Path(name).read_text(encoding="utf-8").splitlines()
            elif kind == "DA" and source and rest.endswith(",0"):
                line = int(rest.split(",")[0])
                print("%s:%d: %s" % (name, line, source[line - 1].rstrip()))


def print_folders(files):
    sums = collections.defaultdict(Sum)
    for path, summary in files:
        sums[path.split("/")[0]].add(summary)
        sums[str(pathlib.PurePath(path).parent)].add(summary)
    for folder in sorted(sums):
        print(sums[folder].line(("  " if "/" in folder else "") + folder))


def print_rule(name, least, pattern, files):
    """Whether the rule holds."""
    total, members = Sum(), []
    for path, summary in files:
        if not re.match(pattern, path):
            continue
        total.add(summary)
        one = Sum()
        one.add(summary)
        members.append((one.counts["lines"] - one.counts["lines", "reached"], one.line(path)))
    holds = bool(members) and total.share("lines") >= least
    print("%s  at least %d %%: %s" % (total.line(name), least, "ok" if holds else "TOO LITTLE"))
    if not holds:
        for missing, line in sorted(members, reverse=True)[:WORST]:
            print("    %4d lines missing: %s" % (missing, line))
    return holds


def main(arguments):
    if len(arguments) == 4 and arguments[1] == "--lines":
        print_lines(arguments[2], arguments[3])
        return 0
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    files = sorted(read(arguments[1]))
    print_folders(files)
    return 0 if all([print_rule(*rule, files) for rule in RULES]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))

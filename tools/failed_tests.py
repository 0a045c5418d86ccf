"""Prints the tests that failed according to JUnit files, one per line: where it is, its name, and what it said last."""

import sys
import xml.etree.ElementTree as ET

MOST_CHARACTERS = 300


def last_line(element):
    """What the failed test said last, on one line."""
    text = element.get("message") or element.text or ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:MOST_CHARACTERS] if lines else "no message"


def failed_tests(path):
    try:
        cases = ET.parse(path).iter("testcase")
    except ET.ParseError as error:
        return [f"{path} cannot be read: {error}"]
    failed = [(case, what) for case in cases for what in case if what.tag in ("failure", "error")]
    return [f"{case.get('classname')} {case.get('name')}: {last_line(what)}" for case, what in failed]


def main():
    for path in sys.argv[1:]:
        print("\n".join(failed_tests(path)))


if __name__ == "__main__":
    main()

"""Prints the checks that failed in a report of checkov, one a line: its id, the resource, and what it is."""

import json
import sys

report = json.load(sys.stdin)
for part in report if isinstance(report, list) else [report]:
    if part["summary"]["parsing_errors"]:
        sys.exit(f"checkov could not read {part['results'].get('parsing_errors')}")
    if not part["summary"]["passed"]:
        sys.exit("checkov checked nothing")
    for check in part["results"]["failed_checks"]:
        print(check["check_id"], check["resource"], check["check_name"])

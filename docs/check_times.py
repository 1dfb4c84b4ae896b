"""Check that no example runs longer than it says: ``python docs/check_times.py docs/_build``.

The docstring of every example says "Takes about N seconds on two cores."; the build measures it.
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

EXAMPLES = Path(__file__).parents[1] / "examples"
STATED_TIME = re.compile(r"^Takes about (\d+) seconds on two cores\.$", re.MULTILINE)


def read_timings(site):
    """Return {name of the script: seconds} from the report of the build."""
    cases = ElementTree.parse(Path(site) / "timings.xml").getroot().iter("testcase")
    return {Path(case.attrib["file"]).name: float(case.attrib["time"]) for case in cases}


def find_faults(scripts, seconds):
    """Return a line for each script that states no time, did not run, or took longer."""
    faults = []
    for script in scripts:
        stated = STATED_TIME.search(script.read_text(encoding="utf-8"))
        if stated is None:
            faults.append(f"{script.name}: its docstring does not say how long it takes")
        elif script.name not in seconds:
            faults.append(f"{script.name}: did not run in this build")
        elif seconds[script.name] > int(stated[1]):
            faults.append(
                f"{script.name}: took {seconds[script.name]:.0f} seconds, states {stated[1]}"
            )
    return faults


def main(site):
    """Print the time of every example; return 1 if one took too long, or there are none."""
    seconds = read_timings(site)
    for name in sorted(seconds):
        print(f"{name:<45} {seconds[name]:6.1f} s")
    scripts = sorted(EXAMPLES.rglob("plot_*.py"))
    faults = find_faults(scripts, seconds)
    print(*faults, f"{len(scripts)} examples, {len(faults)} faults", sep="\n")
    return int(bool(faults) or not scripts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

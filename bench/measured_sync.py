"""`tools.sync`, and at its end the most memory that the process ever had: `VmHWM <KiB>` on standard error."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.sync import main

if __name__ == "__main__":
    code = main(sys.argv[1:])
    status = Path("/proc/self/status").read_text()
    print("VmHWM", status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
    sys.exit(code)
